use std::io;

use bulla_store::StoreError;
use fjall::LsmError;
use thiserror::Error;

/// Why a store could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operator's move: one directory is one store, and somebody has this one open.
    #[error("the store is already open, in this process or another; close it there first")]
    Locked,
    /// The operator's move: the directory was written by a later version of this program, or is not a store of it.
    #[error("the store has format {found}, but this program reads format {expected}")]
    Format {
        /// The format found.
        found: u64,
        /// The format this program reads and writes.
        expected: u64,
    },
    /// The disk's: what was written cannot be read back. Restore the directory from a backup.
    #[error("the stored {what} is damaged")]
    Damaged {
        /// What is damaged.
        what: &'static str,
    },
    /// The operator's move: the directory could not be read or written.
    #[error("the directory of the store could not be read or written")]
    Unreadable {
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl From<fjall::Error> for OpenError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::Locked,
            error => match Trouble::from(error) {
                Trouble::Damage => Self::Damaged { what: "database" },
                Trouble::Disk(source) => Self::Unreadable { source },
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
    /// The operator's move: the disk failed or is full. No record is lost by it; compact again when it has been seen to.
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
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => Self::Disk(error),
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
