use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keyring::KeyringFile;
use crate::limits::KEYRING_BYTES;

/// A keyring in memory: for tests and simulations. Clones share it, so that it outlives a vault as a file
/// does.
#[derive(Clone, Default)]
pub struct MemoryKeyring(Arc<Mutex<Option<Vec<u8>>>>);

impl MemoryKeyring {
    /// A place with no keyring in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The place with these bytes in it, as a copy taken with `to_bytes`.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Some(bytes))))
    }

    /// A copy of what is in it, no bytes if there is no keyring.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.held().clone().unwrap_or_default()
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyringFile for MemoryKeyring {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.held().clone())
    }

    fn create(&self, bytes: &[u8]) -> io::Result<()> {
        *self.held() = Some(bytes.to_vec());
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(bytes.len());
        if end > KEYRING_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut held = self.held();
        let held = held.get_or_insert_default();
        let length = held.len().max(end);
        held.resize(length, 0);
        held[start..end].copy_from_slice(bytes);
        Ok(())
    }
}

impl fmt::Debug for MemoryKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryKeyring({} bytes)", self.to_bytes().len())
    }
}
