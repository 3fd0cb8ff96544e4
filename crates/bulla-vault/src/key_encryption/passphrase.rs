use std::fmt;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use bulla_base::Rng;
use zeroize::Zeroizing;

use crate::byte_reader::ByteReader;
use crate::error::KeyEncryptionError;
use crate::key_encryption::operator_key::{unwrap_key, wrap_key};
use crate::key_encryption::{KeyEncryption, KeyringKey};
use crate::limits::{MAX_PASSPHRASE_KIB, MAX_PASSPHRASE_LANES, MAX_PASSPHRASE_PASSES};
use crate::secret::Secret;

/// The form and its version, before every key wrapped with a passphrase.
const FORM: u8 = 2;
const SALT_BYTES: usize = 16;

/// What it costs to try a passphrase (Argon2id, RFC 9106).
///
/// The default is the second recommendation of the RFC: 64 MiB, 3 passes, 4 lanes; some 0.2 s on one core.
/// Less is tried faster by whoever stole the keyring; more makes opening the vault slower and need the
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for PassphraseCost {
    fn default() -> Self {
        Self { kib: 64 << 10, passes: 3, lanes: 4 }
    }
}

impl PassphraseCost {
    /// A cost of `kib` KiB of memory, so many `passes` over it, in so many `lanes`.
    ///
    /// # Errors
    /// When there is not a pass, not a lane, less than 8 KiB a lane, or more than [`MAX_PASSPHRASE_KIB`],
    /// [`MAX_PASSPHRASE_PASSES`] or [`MAX_PASSPHRASE_LANES`].
    pub fn new(kib: u32, passes: u32, lanes: u32) -> Result<Self, KeyEncryptionError> {
        let fits = kib <= MAX_PASSPHRASE_KIB
            && (1..=MAX_PASSPHRASE_PASSES).contains(&passes)
            && (1..=MAX_PASSPHRASE_LANES).contains(&lanes)
            && kib >= 8 * lanes;
        if fits {
            Ok(Self { kib, passes, lanes })
        } else {
            Err(KeyEncryptionError::Cost { kib, passes, lanes })
        }
    }
}

/// An operator's key made from a passphrase with Argon2id.
///
/// The salt and the cost stand beside the wrapped key, so the cost may be raised without knowing the old one.
///
/// # Cost
/// Wrapping and unwrapping fill the memory of [`PassphraseCost`] on the calling thread.
pub struct Passphrase {
    passphrase: Zeroizing<Vec<u8>>,
    cost: PassphraseCost,
    rng: Arc<dyn Rng>,
}

impl Passphrase {
    /// The passphrase, with the default cost. `rng` is drawn from when a key is wrapped.
    #[must_use]
    pub fn new(passphrase: impl Into<Vec<u8>>, rng: Arc<dyn Rng>) -> Self {
        Self::with_cost(passphrase, PassphraseCost::default(), rng)
    }

    /// The passphrase, with another cost for keys that are wrapped from now on.
    #[must_use]
    pub fn with_cost(passphrase: impl Into<Vec<u8>>, cost: PassphraseCost, rng: Arc<dyn Rng>) -> Self {
        Self { passphrase: Zeroizing::new(passphrase.into()), cost, rng }
    }

    fn key(&self, cost: PassphraseCost, salt: &[u8; SALT_BYTES]) -> Result<Secret, KeyEncryptionError> {
        let PassphraseCost { kib, passes, lanes } = cost;
        let costs = |_| KeyEncryptionError::Cost { kib, passes, lanes };
        let params = Params::new(kib, passes, lanes, Some(Secret::BYTES)).map_err(costs)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(&self.passphrase, salt, &mut key[..])
            .map_err(costs)?;
        Ok(Secret::from_bytes(*key))
    }
}

fn refused() -> KeyEncryptionError {
    KeyEncryptionError::Refused { key: "the passphrase".to_owned() }
}

impl KeyEncryption for Passphrase {
    async fn wrap_key(&self, key: &KeyringKey, context: &[u8]) -> Result<Vec<u8>, KeyEncryptionError> {
        let PassphraseCost { kib, passes, lanes } = self.cost;
        let mut salt = [0; SALT_BYTES];
        self.rng.fill(&mut salt);
        let numbers = [kib.to_be_bytes(), passes.to_be_bytes(), lanes.to_be_bytes()].concat();
        let head = [&[FORM][..], &numbers, &salt].concat();
        wrap_key(&self.key(self.cost, &salt)?, &head, context, key, &*self.rng).ok_or_else(refused)
    }

    async fn unwrap_key(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyringKey, KeyEncryptionError> {
        const HEAD_BYTES: usize = 1 + 3 * 4 + SALT_BYTES;
        let (head, sealed) = wrapped.split_first_chunk::<HEAD_BYTES>().ok_or_else(refused)?;
        let mut reader = ByteReader::new(&head[1..]);
        let mut number = || reader.array().map(u32::from_be_bytes).ok_or_else(refused);
        let (form, salt) = (head[0], head.last_chunk().ok_or_else(refused)?);
        if form != FORM {
            return Err(refused());
        }
        // Held to the same bounds as ours: whoever writes to the keyring's folder could ask for all the
        // memory there is.
        let cost = PassphraseCost::new(number()?, number()?, number()?)?;
        unwrap_key(&self.key(cost, salt)?, head, context, sealed).ok_or_else(refused)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passphrase(…, {:?})", self.cost)
    }
}
