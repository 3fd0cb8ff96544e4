use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::atomic_file::{AtomicFile, lock, sync_folders};
use crate::error::KeyringError;
use crate::keyring::KeyringFile;
use crate::limits::KEYRING_BYTES;

/// A keyring in a file, locked as long as this lives.
///
/// Keep it on another disk than the database, or at least out of its backups: whoever holds a copy of it and
/// the key that wraps it reads from that copy's hour on.
#[derive(Debug)]
pub struct FileKeyring {
    path: PathBuf,
    file: Mutex<Place>,
}

#[derive(Debug)]
enum Place {
    Taken(File),
    Free(AtomicFile),
}

impl FileKeyring {
    /// Opens the keyring at `path`, or keeps the place for one if there is none: the file appears when a
    /// vault makes its keyring, whole and readable by its owner alone. Its folder has to be there.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has it open ([`KeyringError::InUse`]).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyringError> {
        let path = path.as_ref().to_path_buf();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => KeyringError::InUse { place: path.display().to_string() },
            _ => KeyringError::Unreadable { place: path.display().to_string(), source },
        };
        let place = open(&path).map_err(failed)?;
        Ok(Self { path, file: Mutex::new(place) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> MutexGuard<'_, Place> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> io::Result<Place> {
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                lock(&file)?;
                // Whoever made it may have died before its name was durable.
                sync_folders(path)?;
                return Ok(Place::Taken(file));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(new) = AtomicFile::begin(path)? {
                    return Ok(Place::Free(new));
                }
                // Somebody made it meanwhile.
            }
            Err(error) => return Err(error),
        }
    }
}

impl KeyringFile for FileKeyring {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut place = self.file();
        let Place::Taken(file) = &mut *place else { return Ok(None) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(KEYRING_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn create(&self, bytes: &[u8]) -> io::Result<()> {
        let mut place = self.file();
        let Place::Free(new) = &mut *place else { return Err(io::ErrorKind::AlreadyExists.into()) };
        let file = new.finish(bytes)?;
        *place = Place::Taken(file);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut place = self.file();
        let Place::Taken(file) = &mut *place else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

impl Drop for FileKeyring {
    fn drop(&mut self) {
        let place = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        let file = match place {
            Place::Taken(file) => file,
            Place::Free(new) => new.file(),
        };
        // Closing it would leave it locked for as long as a process that is just being started has a copy of
        // it.
        if let Err(error) = file.unlock() {
            tracing::warn!(%error, "the lock of the keyring could not be given back");
        }
    }
}
