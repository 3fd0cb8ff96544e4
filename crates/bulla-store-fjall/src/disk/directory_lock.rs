//! Whose the directory is while the engine does not hold it.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::thread;

use crate::OpenError;
use crate::limits::{LOCK_PAUSE, LOCK_TRIES};

/// The engine's name for it.
pub(crate) const LOCK: &str = "lock";

/// The engine's own lock, held while files are looked at and mended before the engine is let in.
///
/// Whoever has the store open holds it, and may be in the middle of a write: what stands half written in its
/// journal is nothing to be cut off. The engine takes the lock by itself, so it has to be given back just
/// before. Who gets in between finds everything mended.
#[derive(Debug)]
pub(crate) struct DirectoryLock(File);

impl DirectoryLock {
    /// Takes the lock of the store in `folder`; there is none where no store was ever begun.
    pub(crate) fn take(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join(LOCK);
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(OpenError::unreadable(&path))?,
        };
        let mut taken = file.try_lock();
        for _ in 1..LOCK_TRIES {
            if matches!(taken, Err(TryLockError::WouldBlock)) {
                thread::sleep(LOCK_PAUSE);
                taken = file.try_lock();
            }
        }
        match taken {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: folder.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(OpenError::Unreadable { path, source }),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing it would not do: a process that is just being started may have a copy of it still.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the store could not be given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A process that is just being started has copies of all files, until it has begun.
    #[test]
    fn the_lock_is_given_back_though_another_process_has_a_copy_of_its_file() {
        let folder = TempDir::new().unwrap();
        assert!(DirectoryLock::take(folder.path()).unwrap().is_none(), "there is no store");
        File::create(folder.path().join(LOCK)).unwrap();
        let held = DirectoryLock::take(folder.path()).unwrap().unwrap();
        let _copy = held.0.try_clone().unwrap();
        let error = DirectoryLock::take(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
        drop(held);
        assert!(DirectoryLock::take(folder.path()).unwrap().is_some());
    }
}
