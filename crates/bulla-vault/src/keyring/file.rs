use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::keyring::KeyringFile;
use crate::limits::KEYRING_BYTES;

/// A keyring in a file, locked as long as this lives.
///
/// Keep it on another disk than the database, or at least out of its backups: whoever holds a copy of it and the key that wraps it reads from
/// that copy's hour on.
#[derive(Debug)]
pub struct FileKeyring {
    path: PathBuf,
    file: Mutex<File>,
}

impl FileKeyring {
    /// Opens the file at `path`, and makes it if it is not there, readable by its owner alone.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has it open ([`io::ErrorKind::WouldBlock`]).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        file.sync_all()?;
        sync_folder(&path)?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl KeyringFile for FileKeyring {
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        (&mut *file).take(KEYRING_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

impl Drop for FileKeyring {
    fn drop(&mut self) {
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Closing it would leave it locked for as long as a process that is just being started has a copy of it.
        if let Err(error) = file.unlock() {
            tracing::warn!(%error, "the lock of the keyring could not be given back");
        }
    }
}

/// Makes the name of a new file in its folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Elsewhere than on Unix a folder cannot be opened, and its names are durable with their files.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
