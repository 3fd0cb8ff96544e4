use bulla_base::Address;
use bulla_envelope::Installation;

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

/// Who calls: an address, which installation of it, and which incarnation of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    address: Address,
    installation: Installation,
    incarnation: Incarnation,
}

impl Caller {
    /// The caller at `address`: its `installation`, in its `incarnation`.
    #[must_use]
    pub const fn new(address: Address, installation: Installation, incarnation: Incarnation) -> Self {
        Self { address, installation, incarnation }
    }

    /// Who calls.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Which installation of it.
    #[must_use]
    pub const fn installation(&self) -> Installation {
        self.installation
    }

    /// Which incarnation of that.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}
