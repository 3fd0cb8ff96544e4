use std::io;
use std::path::{Path, PathBuf};

use bulla_store::StoreError;
use fjall::LsmError;
use thiserror::Error;

use crate::system_error::SystemError;

/// Why a store could not be opened. Nothing in it was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operator's move: one directory is one store, and somebody has this one open.
    #[error("the store {} is already open, in this process or another; close it there first", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The operator's move: the directory was written by a later version of this program, or is not a store
    /// of it.
    #[error("the store {} has format {found}, but this program reads format {expected}", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// The format found.
        found: u64,
        /// The format this program reads and writes.
        expected: u64,
    },
    /// The operator's move: something is not there that was there when the store was last closed or written
    /// to. Put it back, or the whole directory from a backup.
    #[error("{} is missing, a {what} of the store; put it back, or the whole store from a backup", path.display())]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Where it was: a file or a directory.
        path: PathBuf,
    },
    /// The disk's: what was written cannot be read back, or is not as it was when the store was closed.
    /// Restore the directory from a backup.
    #[error("{} is damaged, a {what} of the store; put the whole store back from a backup", path.display())]
    Damaged {
        /// What is damaged.
        what: &'static str,
        /// The file, or the directory where it is not known which.
        path: PathBuf,
    },
    /// The operator's move: a write to the journal failed, perhaps half-way. What was acknowledged before is
    /// not lost by it.
    #[error("the journal of the store {} could not be written; free space or replace the disk, then open it again", path.display())]
    Unwritten {
        /// The directory.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The operator's move: a file or directory of the store could not be read or written.
    #[error("{} could not be read or written", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn damaged(what: &'static str, path: &Path) -> Self {
        Self::Damaged { what, path: path.to_path_buf() }
    }

    pub(crate) fn missing(what: &'static str, path: &Path) -> Self {
        Self::Missing { what, path: path.to_path_buf() }
    }

    /// What the disk said of `path`.
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Unreadable { path: path.to_path_buf(), source }
    }

    /// What the engine said of a write to its journal.
    pub(crate) fn unwritten(folder: &Path) -> impl FnOnce(fjall::Error) -> Self {
        |error| Self::Unwritten { path: folder.to_path_buf(), source: disk(error) }
    }

    /// What the engine said of the store in `folder`. It does not tell which file it means.
    pub(crate) fn of_engine(folder: &Path) -> impl FnOnce(fjall::Error) -> Self {
        |error| match error {
            fjall::Error::Locked => Self::Locked { path: folder.to_path_buf() },
            fjall::Error::InvalidVersion(_) => {
                Self::damaged("version of the engine", &folder.join("version"))
            }
            error => match Trouble::from(error) {
                Trouble::Damage => Self::damaged("table", folder),
                Trouble::Disk(source) => Self::Unreadable { path: folder.to_path_buf(), source },
            },
        }
    }
}

/// Why deleted bytes may still be on the disk.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompactError {
    /// The caller's move: the store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The operator's move: the disk failed or is full. No record is lost by it; compact again when it has
    /// been seen to.
    #[error("the store could not be compacted, and deleted bytes may still be on the disk")]
    Failed {
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl From<fjall::Error> for CompactError {
    fn from(error: fjall::Error) -> Self {
        Self::Failed { source: disk(error) }
    }
}

/// What a failed read means to the caller.
pub(crate) fn unread(error: fjall::Error, what: &'static str) -> StoreError {
    match Trouble::from(error) {
        Trouble::Damage => StoreError::Damaged { what },
        Trouble::Disk(source) => StoreError::Unreadable { source },
    }
}

/// What the disk said, as far as it is known.
pub(crate) fn disk(error: fjall::Error) -> io::Error {
    match Trouble::from(error) {
        Trouble::Damage => io::Error::from(io::ErrorKind::InvalidData),
        Trouble::Disk(source) => source,
    }
}

enum Trouble {
    Damage,
    Disk(io::Error),
}

impl From<fjall::Error> for Trouble {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
                Self::Disk(SystemError::of(&error).error())
            }
            fjall::Error::Storage(_)
            | fjall::Error::JournalRecovery(_)
            | fjall::Error::Decompress(_)
            | fjall::Error::InvalidVersion(_)
            | fjall::Error::InvalidTrailer
            | fjall::Error::InvalidTag(_)
            | fjall::Error::Unrecoverable => Self::Damage,
            // `Poisoned` and what later versions of the engine may add.
            error => Self::Disk(io::Error::other(error)),
        }
    }
}
