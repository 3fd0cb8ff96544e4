use sha2::{Digest, Sha256};

/// Names one installation of a party: what the party is until it begins anew with another identity key.
///
/// The carrier keeps a number's installation, so that a copy of an older one can be told from a new one, and
/// an envelope names the one it is sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstallationId([u8; 16]);

impl InstallationId {
    /// The installation with this public identity key, in its serialised form: the first half of its SHA-256.
    #[must_use]
    pub fn of_identity(key: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let (half, _) = digest.as_chunks::<16>();
        Self(half[0])
    }

    /// The installation with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The installation's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
