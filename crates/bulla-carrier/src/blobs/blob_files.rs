use std::fmt;
use std::io;

use bulla_base::Day;
use bulla_transport::BlobId;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The port to where a carrier keeps the bytes of blobs: [`FolderBlobs`](super::FolderBlobs), or whatever a
/// host has.
///
/// # For implementors
/// Calls wait for their disk: the carrier makes them on threads that may. What has returned `Ok` survives the
/// loss of power one instruction later. An error leaves a call done, not done, or done in part, and it is
/// made again: each is safe to repeat. A full disk is an error of the kind [`io::ErrorKind::StorageFull`], a
/// file that is not there one of [`io::ErrorKind::NotFound`].
///
/// The carrier makes no two calls that write about one name at a time.
pub trait BlobFiles: fmt::Debug + Send + Sync + 'static {
    /// The blob with this name, if there is one of the day.
    ///
    /// # Errors
    /// When it cannot be told.
    fn find(&self, day: Day, name: &BlobName) -> io::Result<Option<FoundBlob>>;

    /// Makes an empty blob that is not complete. One that is there stays as it is.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, day: Day, name: &BlobName) -> io::Result<()>;

    /// Puts bytes at `offset` of a blob that is not complete, over what may be there.
    ///
    /// # Errors
    /// When there is none, or they cannot be put.
    fn write(&self, day: Day, name: &BlobName, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a blob complete. One that is stays so.
    ///
    /// # Errors
    /// When there is none, or it cannot be made so.
    fn complete(&self, day: Day, name: &BlobName) -> io::Result<()>;

    /// The bytes of a complete blob from `offset` on, `at_most` so many.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    fn read(&self, day: Day, name: &BlobName, offset: u64, at_most: usize) -> io::Result<Bytes>;

    /// Removes a blob, complete or not. One that is not there is removed already.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, day: Day, name: &BlobName) -> io::Result<()>;

    /// Removes the complete blobs of all days before `complete`, and those that are not complete of all days
    /// before `partial`.
    ///
    /// # Errors
    /// When some cannot be removed; others may have been.
    fn drop_days_before(&self, complete: Day, partial: Day) -> io::Result<()>;
}

/// A blob that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundBlob {
    /// Whether all of it is there.
    pub is_complete: bool,
    /// How many bytes there are. Of one that is not complete, not all of them need be good.
    pub bytes: u64,
}

impl FoundBlob {
    /// One of so many bytes.
    #[must_use]
    pub const fn new(is_complete: bool, bytes: u64) -> Self {
        Self { is_complete, bytes }
    }
}

/// The name under which a blob is kept: a hash of its id, so that who sees names may not read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName([u8; 32]);

impl BlobName {
    /// The name of the blob with this id: SHA-256(`bulla blob` ‖ id).
    #[must_use]
    pub fn of(blob: &BlobId) -> Self {
        Self(Sha256::new().chain_update(b"bulla blob").chain_update(blob.as_bytes()).finalize().into())
    }

    /// The name with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobName {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
