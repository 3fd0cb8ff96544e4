use bulla_base::Address;
use bulla_envelope::InstallationId;

use crate::Incarnation;

/// Who calls: an address, which installation of it, and which incarnation of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    address: Address,
    installation: InstallationId,
    incarnation: Incarnation,
}

impl Caller {
    /// The caller at `address`: its `installation`, in its `incarnation`.
    #[must_use]
    pub const fn new(address: Address, installation: InstallationId, incarnation: Incarnation) -> Self {
        Self { address, installation, incarnation }
    }

    /// Who calls.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Which installation of it.
    #[must_use]
    pub const fn installation(&self) -> InstallationId {
        self.installation
    }

    /// Which incarnation of that.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}
