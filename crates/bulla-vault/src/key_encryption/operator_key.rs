use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_base::Rng;
use zeroize::Zeroizing;

use crate::atomic_file::AtomicFile;
use crate::committing_aead::{self, Bound, Under};
use crate::error::KeyEncryptionError;
use crate::key_encryption::{KeyEncryption, KeyringKey};
use crate::secret::Secret;

/// The form and its version, before every key wrapped with an operator's key.
const HEAD: &[u8] = &[1];

/// What a keyring's name ends in, where a folder is looked through for some.
const KEYRING: &str = "keyring";

/// An operator's key of 32 bytes, from a file or an environment variable.
///
/// # Security
/// With it and the keyring everything that is still alive can be read. Keep it where neither the database nor
/// its backups are.
pub struct OperatorKey {
    key: Secret,
    rng: Arc<dyn Rng>,
    /// What it is called in errors.
    name: String,
}

impl OperatorKey {
    /// The key with these bytes. `rng` is drawn from when a key is wrapped.
    #[must_use]
    pub fn from_bytes(key: [u8; 32], rng: Arc<dyn Rng>) -> Self {
        Self { key: Secret::from_bytes(key), rng, name: "the operator's key".to_owned() }
    }

    /// Reads the key from the file at `path`, or makes one there, if none of `keyrings` exists yet: whoever
    /// was wrapped with a key that is lost does not open with a new one.
    ///
    /// `keyrings` are all that this key is for: files, or folders of files whose names end in `.keyring`. The
    /// folders of both have to be there.
    ///
    /// # Errors
    /// As [`read_file`](Self::read_file); [`KeyEncryptionError::Missing`] when there is no key but a keyring;
    /// or when the key cannot be written.
    pub fn read_or_create_file(
        path: impl AsRef<Path>,
        keyrings: impl IntoIterator<Item = impl AsRef<Path>>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, KeyEncryptionError> {
        let path = path.as_ref();
        let failed = |source| KeyEncryptionError::File { place: path.display().to_string(), source };
        // Only where there is no key: whoever has one needs no folder of keyrings to be readable.
        if !path.try_exists().map_err(failed)? {
            for keyring in keyrings {
                if let Some(keyring) = keyring_at(keyring.as_ref()).map_err(failed)? {
                    let (place, keyring) = (path.display().to_string(), keyring.display().to_string());
                    return Err(KeyEncryptionError::Missing { place, keyring });
                }
            }
            match Self::create_file(path, rng.clone()) {
                // Another process was faster, and its key is the one.
                Err(KeyEncryptionError::File { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created,
            }
        }
        Self::read_file(path, rng)
    }

    /// Makes a new key and writes it to a new file at `path` that its owner alone may read. A crash leaves
    /// the whole file or none.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub fn create_file(path: impl AsRef<Path>, rng: Arc<dyn Rng>) -> Result<Self, KeyEncryptionError> {
        let (path, key) = (path.as_ref(), Secret::draw(&*rng));
        let created = AtomicFile::begin(path).and_then(|new| match new {
            Some(mut new) => new.finish(key.expose()),
            None => Err(io::ErrorKind::AlreadyExists.into()),
        });
        match created {
            Ok(_) => Ok(Self { key, rng, name: name(path) }),
            Err(source) => Err(KeyEncryptionError::File { place: path.display().to_string(), source }),
        }
    }

    /// Reads the key from the file at `path`: 32 bytes, readable by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it is of another length.
    pub fn read_file(path: impl AsRef<Path>, rng: Arc<dyn Rng>) -> Result<Self, KeyEncryptionError> {
        let path = path.as_ref();
        let place = || path.display().to_string();
        let failed = |source| KeyEncryptionError::File { place: place(), source };
        let file = File::open(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Of the open file: what its name leads to may have changed since.
            let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(KeyEncryptionError::Exposed { place: place(), mode });
            }
        }
        // One byte more than a key has, so that a longer file is noticed.
        let mut bytes = Zeroizing::new([0; 33]);
        let mut filled = 0;
        let mut rest = file.take(33);
        loop {
            match rest.read(&mut bytes[filled..]).map_err(failed)? {
                0 => break,
                read => filled += read,
            }
        }
        let key = bytes.first_chunk().filter(|_| filled == Secret::BYTES);
        let key =
            key.ok_or_else(|| KeyEncryptionError::Malformed { place: place(), expected: "32 bytes" })?;
        Ok(Self { key: Secret::from_bytes(*key), rng, name: name(path) })
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
            place: format!("the environment variable {name}"),
            expected: "64 hexadecimal digits",
        };
        let text = Zeroizing::new(std::env::var(name).map_err(|_| malformed())?);
        let key = hexadecimal(&text).ok_or_else(malformed)?;
        let name = format!("the key in the environment variable {name}");
        Ok(Self { key: Secret::from_bytes(*key), rng, name })
    }

    fn refused(&self) -> KeyEncryptionError {
        KeyEncryptionError::Refused { key: self.name.clone() }
    }
}

/// The key written as 64 hexadecimal digits.
fn hexadecimal(text: &str) -> Option<Zeroizing<[u8; Secret::BYTES]>> {
    if text.len() != 2 * Secret::BYTES {
        return None;
    }
    let mut key = Zeroizing::new([0; Secret::BYTES]);
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = (*byte << 4) | digit?;
        }
    }
    Some(key)
}

fn name(path: &Path) -> String {
    format!("the key in {}", path.display())
}

/// The keyring at `path`, or one in the folder there.
fn keyring_at(path: &Path) -> io::Result<Option<PathBuf>> {
    if !path.is_dir() {
        return Ok(path.try_exists()?.then(|| path.to_path_buf()));
    }
    for entry in fs::read_dir(path)? {
        let found = entry?.path();
        if found.extension().is_some_and(|extension| extension == KEYRING) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl KeyEncryption for OperatorKey {
    async fn wrap_key(&self, key: &KeyringKey, context: &[u8]) -> Result<Vec<u8>, KeyEncryptionError> {
        wrap_key(&self.key, HEAD, context, key, &*self.rng).ok_or_else(|| self.refused())
    }

    async fn unwrap_key(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyringKey, KeyEncryptionError> {
        let sealed = wrapped.strip_prefix(HEAD);
        let key = sealed.and_then(|sealed| unwrap_key(&self.key, HEAD, context, sealed));
        key.ok_or_else(|| self.refused())
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorKey(…)")
    }
}

pub(super) fn wrap_key(
    with: &Secret,
    head: &[u8],
    context: &[u8],
    key: &KeyringKey,
    rng: &dyn Rng,
) -> Option<Vec<u8>> {
    let under = Under { key: with, salt: None, bound: &Bound::new(head, context) };
    committing_aead::seal(under, key.expose(), rng).ok()
}

pub(super) fn unwrap_key(with: &Secret, head: &[u8], context: &[u8], sealed: &[u8]) -> Option<KeyringKey> {
    let under = Under { key: with, salt: None, bound: &Bound::new(head, context) };
    let key = committing_aead::open(under, sealed, |key| key.try_into().map(KeyringKey::from_bytes).ok());
    key.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_64_hexadecimal_digits_and_from_nothing_else() {
        let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 7 + 3).unwrap());
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hexadecimal(&text).as_deref(), Some(&key));
        assert_eq!(hexadecimal(&text.to_uppercase()).as_deref(), Some(&key));
        for length in [0, 2, 62, 63, 65, 66] {
            let other: String = text.chars().cycle().take(length).collect();
            assert!(hexadecimal(&other).is_none(), "{length} digits");
        }
        for at in 0..text.len() {
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, "g");
            assert!(hexadecimal(&wrong).is_none(), "digit {at}");
        }
    }
}
