use bulla_base::Address;

/// How many times an endpoint has been started. Each start takes the next number, durably, before it first speaks.
///
/// The carrier remembers the highest it has seen of an address and refuses the lower: an instance that was thought dead, or one started
/// from an old copy of its store, can no longer speak for the number.
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

/// Who calls: an address, and which incarnation of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    address: Address,
    incarnation: Incarnation,
}

impl Caller {
    /// The caller at `address`, in its `incarnation`.
    #[must_use]
    pub const fn new(address: Address, incarnation: Incarnation) -> Self {
        Self { address, incarnation }
    }

    /// Who calls.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Which incarnation of it.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}
