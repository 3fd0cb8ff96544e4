//! Who we are in a session.

use crate::identity::IdentityKeyPair;
use crate::numeric_ids::RegistrationId;

/// Ourselves: the identity we act under and this installation's number.
#[derive(Debug)]
pub struct LocalIdentity {
    identity: IdentityKeyPair,
    registration: RegistrationId,
}

impl LocalIdentity {
    /// The party with this identity and registration.
    #[must_use]
    pub const fn new(identity: IdentityKeyPair, registration: RegistrationId) -> Self {
        Self { identity, registration }
    }

    /// The identity.
    #[must_use]
    pub const fn identity(&self) -> &IdentityKeyPair {
        &self.identity
    }

    /// The registration id.
    #[must_use]
    pub const fn registration(&self) -> RegistrationId {
        self.registration
    }
}
