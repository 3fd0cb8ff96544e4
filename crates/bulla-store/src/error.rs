use std::io;

use thiserror::Error;

/// Why a store did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller's move: a batch, a name or a value is larger than the store takes. Nothing was stored.
    #[error("{what} of {actual} is larger than the {limit} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        actual: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The operator's move: the disk failed while it was written to. Whether the batch was kept is unknown until the store is reopened;
    /// until then every commit fails.
    #[error("the store has stopped after a failed write; free space or replace the disk, then open it again")]
    Poisoned {
        /// What the disk said.
        #[source]
        source: Option<io::Error>,
    },
    /// The operator's move: the disk could not be read.
    #[error("the store could not be read")]
    Unreadable {
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Ours or the disk's: a record is not as it was written.
    #[error("a stored {what} is damaged")]
    Damaged {
        /// What kind of record.
        what: &'static str,
    },
    /// The operator's move, or somebody wrote to the database: a record does not open with the keys there are.
    #[error(
        "a stored {what} does not open with this keyring; check that keyring and database belong together and that nobody changed either"
    )]
    Sealed {
        /// What kind of record.
        what: &'static str,
    },
    /// The operator's move: the keyring without which nothing can be sealed could not be kept. Nothing was stored.
    #[error("the keyring could not be kept up to date; nothing was stored")]
    Keyring {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller's move: the space belongs to the layer that keeps the keys. Nothing was stored.
    #[error("space {space} is reserved for keys")]
    Reserved {
        /// The number of the space.
        space: u8,
    },
    /// The caller's move: the store has been closed.
    #[error("the store is closed")]
    Closed,
}
