/// How many times an installation has been started. Each start takes the next number, durably, before it
/// first speaks.
///
/// The carrier remembers the highest it has seen of an installation and refuses the lower: an instance that
/// was thought dead, or one started from an old copy of its store, can no longer speak for the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u64);

impl Incarnation {
    /// The incarnation with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The incarnation's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}
