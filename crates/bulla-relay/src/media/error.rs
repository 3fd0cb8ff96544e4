use bulla_endpoint::TransferError;
use bulla_store::StoreError;
use thiserror::Error;

use crate::SubmitError;

/// Why media was not kept, found, read or deleted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The caller's move: the business has no such media, or its time is over.
    #[error("there is no such media")]
    Unknown,
    /// The caller's move: the chunk is none of an upload: it is empty, or too long, or behind the last that
    /// may be.
    #[error("a chunk has {actual} bytes, and is to have 1 to {limit}; there are at most {chunks} of them")]
    Chunk {
        /// How many bytes it has.
        actual: usize,
        /// How many it may have.
        limit: usize,
        /// How many chunks there may be.
        chunks: u32,
    },
    /// The caller's move: the chunks that were put are not all of what is described.
    #[error("the chunks of the upload are not all there, or are not of the size that was said")]
    Incomplete,
    /// The caller's move: as many uploads as may be are not finished. Finish some, or give them up.
    #[error("{limit} uploads of the number are not finished, which is as many as may be")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The carrier's, or the user's: what came with their message is not at the carrier (any more), or is not
    /// what the message tells of.
    #[error("what came with the message cannot be had from the carrier")]
    NotFetched(#[source] TransferError),
    /// As when a message is accepted.
    #[error("the relay does not keep media just now")]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for MediaError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}
