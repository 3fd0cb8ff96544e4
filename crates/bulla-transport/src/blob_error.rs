use thiserror::Error;

use crate::TransportError;

/// Why a call about a blob failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// As any call to the carrier fails.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The operator's: this carrier keeps no blobs.
    #[error("the carrier keeps no blobs")]
    NotOffered,
    /// The caller's: there is no such blob, or not any more, or it is not the caller's to change.
    #[error("the carrier knows no such blob")]
    Unknown,
    /// The uploader's: not all of the blob is there yet. Ask again later.
    #[error("the blob's upload is not done")]
    Incomplete,
    /// The caller's: the id is that of another blob, or of one of another size. Draw a new one.
    #[error("the blob's id is in use")]
    Taken,
    /// The caller's: bytes between what is durable and what was sent are missing. Go on from `stored`.
    #[error("the upload goes on at byte {stored}, not at {offset}")]
    Gap {
        /// Where the bytes were to be put.
        offset: u64,
        /// So many are durable.
        stored: u64,
    },
    /// The caller's: no sealer makes a blob of this size.
    #[error("{actual} bytes are no size to which a blob is sealed")]
    NoBucket {
        /// The size.
        actual: u64,
    },
    /// The caller's: more than allowed.
    #[error("{field} is {actual}, but at most {limit} is allowed")]
    TooLarge {
        /// What, with its unit.
        field: &'static str,
        /// How large it is.
        actual: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The caller's: it is missing or malformed.
    #[error("{field} is missing or not valid")]
    Invalid {
        /// What.
        field: &'static str,
    },
    /// The caller's: it has had its share. Ask again tomorrow, or finish or delete what was begun today.
    #[error("{field} of today would be {actual}, but at most {limit} are allowed")]
    Quota {
        /// What there would be too many of.
        field: &'static str,
        /// So many there would be.
        actual: u64,
        /// So many there may be.
        limit: u64,
    },
    /// The operator's: there is no room where the carrier keeps blobs. What was acknowledged is there. Repeat
    /// the call after a while.
    #[error("there is no room for blobs at the carrier")]
    StorageFull,
}

impl BlobError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_pass(),
            Self::Incomplete | Self::Quota { .. } | Self::StorageFull => true,
            _ => false,
        }
    }
}
