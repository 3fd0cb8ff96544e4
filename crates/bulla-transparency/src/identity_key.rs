use std::fmt;

use crate::error::InvalidForm;
use crate::hex;

/// A public identity key as Signal writes it: the byte 5, and the 32 bytes of an X25519 key.
///
/// Keys are compared by their bytes, as the parties to a conversation compare them. What stands behind the
/// first byte is not looked at: whether it is a key of any use is seen by whoever agrees on one with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityKey([u8; Self::BYTES]);

impl IdentityKey {
    /// How many bytes it has.
    pub const BYTES: usize = 33;

    /// The key with these bytes.
    ///
    /// # Errors
    /// When there are not exactly 33, or the first is not 5.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let key: [u8; Self::BYTES] = bytes.try_into().map_err(|_| InvalidForm::Length {
            field: "bytes of an identity key",
            expected: Self::BYTES,
            actual: bytes.len(),
        })?;
        if key[0] != 5 {
            return Err(InvalidForm::Field { field: "type of the identity key", expected: "5" });
        }
        Ok(Self(key))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({})", hex::encode(&self.0))
    }
}
