use std::fmt;

use bulla_session::IdentityKey;
use thiserror::Error;

/// The public key that a party speaks with. Another installation of the party has another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity(IdentityKey);

/// The bytes are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an identity is {} bytes that are a public key", Identity::BYTES)]
#[non_exhaustive]
pub struct InvalidIdentity;

impl Identity {
    /// How long the serialised form is.
    pub const BYTES: usize = 33;

    pub(crate) const fn new(key: IdentityKey) -> Self {
        Self(key)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the bytes are no public key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidIdentity> {
        IdentityKey::from_bytes(bytes).map(Self).map_err(|_| InvalidIdentity)
    }

    /// The serialised public key, as it stands in key bundles.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.0.to_bytes()
    }

    pub(crate) const fn key(&self) -> &IdentityKey {
        &self.0
    }
}

impl fmt::Debug for Identity {
    /// A public key is no secret, but it is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}
