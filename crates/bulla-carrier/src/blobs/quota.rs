use bulla_transport::BlobError;

use super::row::Usage;
use crate::limits::{
    BUSINESS_BLOB_BYTES_A_DAY, BUSINESS_BLOBS_A_DAY, BUSINESS_UNFINISHED_BLOBS, USER_BLOB_BYTES_A_DAY,
    USER_BLOBS_A_DAY, USER_UNFINISHED_BLOBS,
};

/// What one uploader may begin on a day (UTC). What is deleted on the day counts no more.
///
/// Lower, and a busy uploader is refused until midnight; higher, and one that means harm fills more of the
/// disk: up to 30 times this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobQuota {
    bytes: u64,
    blobs: u64,
    unfinished: u64,
}

impl BlobQuota {
    /// What a user has unless the host says otherwise: 1 GiB, 1,000 blobs, 16 that are not done.
    pub const USER: Self = Self::new(USER_BLOB_BYTES_A_DAY, USER_BLOBS_A_DAY, USER_UNFINISHED_BLOBS);

    /// What a business has unless the host says otherwise: 256 GiB, 1,000,000 blobs, 1,024 that are not done.
    pub const BUSINESS: Self =
        Self::new(BUSINESS_BLOB_BYTES_A_DAY, BUSINESS_BLOBS_A_DAY, BUSINESS_UNFINISHED_BLOBS);

    /// So many bytes and so many blobs a day, of which so many uploads may be under way.
    #[must_use]
    pub const fn new(bytes: u64, blobs: u64, unfinished: u64) -> Self {
        Self { bytes, blobs, unfinished }
    }

    /// Whether there may be so much.
    pub(super) fn check(&self, usage: &Usage) -> Result<(), BlobError> {
        let bounds = [
            ("blobs (bytes)", usage.bytes, self.bytes),
            ("blobs", usage.blobs, self.blobs),
            ("unfinished blobs", usage.unfinished, self.unfinished),
        ];
        match bounds.into_iter().find(|(_, actual, limit)| actual > limit) {
            Some((field, actual, limit)) => Err(BlobError::Quota { field, actual, limit }),
            None => Ok(()),
        }
    }
}
