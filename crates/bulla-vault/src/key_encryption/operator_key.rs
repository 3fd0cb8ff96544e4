use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use bulla_base::Rng;
use zeroize::Zeroizing;

use crate::error::KeyEncryptionError;
use crate::key_encryption::{KeyEncryption, KeyringKey};
use crate::keyring::sync_folder;
use crate::seal::{self, Bound, Under};
use crate::secret::Secret;

/// The form and its version, before every key wrapped with an operator's key.
const HEAD: &[u8] = &[1];

/// An operator's key of 32 bytes, from a file or an environment variable.
///
/// # Security
/// With it and the keyring everything that is still alive can be read. Keep it where neither the database nor its backups are.
pub struct OperatorKey {
    key: Secret,
    rng: Arc<dyn Rng>,
}

impl OperatorKey {
    /// The key with these bytes. `rng` is drawn from when a key is wrapped.
    #[must_use]
    pub fn from_bytes(key: [u8; 32], rng: Arc<dyn Rng>) -> Self {
        Self { key: Secret::from_bytes(key), rng }
    }

    /// Makes a new key and writes it to a new file at `path` that its owner alone may read.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub fn create_file(path: impl AsRef<Path>, rng: Arc<dyn Rng>) -> Result<Self, KeyEncryptionError> {
        let key = Secret::draw(&*rng);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path.as_ref())?;
        file.write_all(key.expose())?;
        file.sync_all()?;
        sync_folder(path.as_ref())?;
        Ok(Self { key, rng })
    }

    /// Reads the key from the file at `path`: 32 bytes, readable by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it is of another length.
    pub fn read_file(path: impl AsRef<Path>, rng: Arc<dyn Rng>) -> Result<Self, KeyEncryptionError> {
        let file = File::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata()?.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(KeyEncryptionError::Exposed { mode });
            }
        }
        let mut bytes = Zeroizing::new([0; 33]);
        let mut filled = 0;
        let mut rest = file.take(33);
        loop {
            match rest.read(&mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        let key = bytes.first_chunk().filter(|_| filled == Secret::BYTES);
        let key = key.ok_or(KeyEncryptionError::Malformed { what: "key file", expected: "32 bytes" })?;
        Ok(Self { key: Secret::from_bytes(*key), rng })
    }

    /// Reads the key from the environment variable `name`: 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it is not set or is anything else.
    ///
    /// # Security
    /// Whoever may look at the process may look at its environment. A file is better.
    pub fn from_env(name: &str, rng: Arc<dyn Rng>) -> Result<Self, KeyEncryptionError> {
        let malformed = || KeyEncryptionError::Malformed {
            what: "environment variable",
            expected: "64 hexadecimal digits",
        };
        let text = Zeroizing::new(std::env::var(name).map_err(|_| malformed())?);
        if text.len() != 2 * Secret::BYTES {
            return Err(malformed());
        }
        let mut key = Zeroizing::new([0; 32]);
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in pair {
                let digit = char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                *byte = (*byte << 4) | digit.ok_or_else(malformed)?;
            }
        }
        Ok(Self { key: Secret::from_bytes(*key), rng })
    }
}

impl KeyEncryption for OperatorKey {
    async fn wrap(&self, key: &KeyringKey, context: &[u8]) -> Result<Vec<u8>, KeyEncryptionError> {
        wrap(&self.key, HEAD, context, key, &*self.rng)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyringKey, KeyEncryptionError> {
        let sealed = wrapped.strip_prefix(HEAD).ok_or(KeyEncryptionError::Refused)?;
        unwrap(&self.key, HEAD, context, sealed)
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorKey(…)")
    }
}

pub(super) fn wrap(
    with: &Secret,
    head: &[u8],
    context: &[u8],
    key: &KeyringKey,
    rng: &dyn Rng,
) -> Result<Vec<u8>, KeyEncryptionError> {
    let under = Under { key: with, salt: None, bound: &Bound::new(head, context) };
    seal::seal(under, key.expose(), rng).map_err(|_| KeyEncryptionError::Refused)
}

pub(super) fn unwrap(
    with: &Secret,
    head: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Result<KeyringKey, KeyEncryptionError> {
    let under = Under { key: with, salt: None, bound: &Bound::new(head, context) };
    let key = seal::open(under, sealed, |key| key.try_into().map(KeyringKey::from_bytes).ok());
    key.ok().flatten().ok_or(KeyEncryptionError::Refused)
}
