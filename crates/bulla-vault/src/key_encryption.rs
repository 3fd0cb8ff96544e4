//! Who holds the key to the keyring.

mod operator_key;
mod passphrase;

use std::fmt;

use bulla_base::Rng;

use crate::error::KeyEncryptionError;
use crate::secret::Secret;

pub use operator_key::OperatorKey;
pub use passphrase::{Passphrase, PassphraseCost};

/// The operator's key: wraps the one key the keyring is sealed under.
///
/// [`OperatorKey`] (a file, an environment variable) and [`Passphrase`] are two; an operator's key management
/// service is a third, for the host to write:
///
/// # For implementors
/// * `wrap_key` is called when a keyring is made or given another operator's key, `unwrap_key` each time the
///   vault is opened. Neither is called while it runs, so a service may be down then.
/// * `context` is no secret. It must be bound: a wrapped key must not be unwrapped with another context.
///   Services call it *encryption context* or *additional authenticated data*.
/// * A wrapped key must tell nothing about the key, be at most
///   [`MAX_WRAPPED_BYTES`](crate::MAX_WRAPPED_BYTES) long, and say by itself which version of the operator's
///   key it needs, if there are several.
/// * Answer [`KeyEncryptionError::Refused`] when the key is the wrong one, and
///   [`KeyEncryptionError::Unavailable`] when it may work later.
pub trait KeyEncryption: fmt::Debug + Send + Sync {
    /// Wraps `key` so that only the operator can unwrap it.
    ///
    /// # Errors
    /// When the operator's key is not to be had.
    fn wrap_key(
        &self,
        key: &KeyringKey,
        context: &[u8],
    ) -> impl Future<Output = Result<Vec<u8>, KeyEncryptionError>> + Send;

    /// The key in `wrapped`.
    ///
    /// # Errors
    /// When the operator's key is another one or is not to be had.
    fn unwrap_key(
        &self,
        wrapped: &[u8],
        context: &[u8],
    ) -> impl Future<Output = Result<KeyringKey, KeyEncryptionError>> + Send;
}

/// The key a keyring is sealed under: 32 bytes, wiped when dropped, never printed.
#[derive(Clone)]
pub struct KeyringKey(Secret);

impl KeyringKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        Self(Secret::draw(rng))
    }

    /// The key's bytes, to be wrapped.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.0
    }
}

impl fmt::Debug for KeyringKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyringKey(…)")
    }
}
