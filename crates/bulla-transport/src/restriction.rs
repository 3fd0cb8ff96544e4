/// What holds of a business for what it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restriction {
    /// It writes to nobody who has not written first, or was written to in the last 24 hours.
    Limited,
    /// Nothing goes in either direction, for a time.
    Paused,
    /// Nothing goes in either direction until an appeal is granted.
    Stopped,
}

impl Restriction {
    /// A name for counters and messages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Limited => "limited",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}
