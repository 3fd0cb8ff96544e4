use bytes::Bytes;

use crate::{BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Caller};

/// The port for blobs: bytes too many for an envelope, which their sender has sealed, such as a picture.
///
/// ```text
/// uploader   begin ── upload, from an offset ── … ── upload: complete        delete
///                                                        │
/// reader                                             download, from any offset
/// ```
///
/// A carrier learns who uploads, how large it is rounded up to a bucket, when, and which callers read it by
/// its id. It keeps a blob for 30 days at most, and refuses sizes that are no bucket. It cannot open one, and
/// does not check one: who reads it holds the digest, from the message that told of it.
///
/// # For implementors
/// Every call is safe to repeat and is repeated: after an error that [may pass](BlobError::may_pass), callers
/// do not know whether it was carried out. An `Ok` means that the carrier has made it durable. No call holds
/// more than [`MAX_BLOB_PART_BYTES`](crate::MAX_BLOB_PART_BYTES) of a blob in memory, whatever its size.
///
/// # Security
/// Whoever has connected and knows the id may read; only the party that has begun the upload goes on with it,
/// and deletes it.
pub trait Blobs: Send + Sync + 'static {
    /// Begins the upload of a blob of this size, or says how far it has come.
    ///
    /// # Errors
    /// [`BlobError::Taken`] when the id is in use for something else, [`BlobError::Quota`] when the caller
    /// has had its share of today.
    fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> impl Future<Output = Result<BlobProgress, BlobError>> + Send;

    /// Puts `part`, at most [`MAX_BLOB_PART_BYTES`](crate::MAX_BLOB_PART_BYTES), where `offset` says, and
    /// tells how far the upload is durable. What is durable already is passed over; with the last byte the
    /// blob is complete. Who is on a slow network chooses smaller parts: a part is there as a whole or not.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] when the caller has not begun it, or it is over; [`BlobError::Gap`] when bytes
    /// before `offset` are missing; [`BlobError::TooLarge`] when it goes beyond the size that was said;
    /// [`BlobError::StorageFull`]. Nothing is put then.
    fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> impl Future<Output = Result<BlobProgress, BlobError>> + Send;

    /// How far an upload of the caller's is durable: where it goes on after it was cut.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] when the caller has not begun it, or it is over.
    fn upload_progress(
        &self,
        caller: &Caller,
        blob: &BlobId,
    ) -> impl Future<Output = Result<BlobProgress, BlobError>> + Send;

    /// The bytes of a complete blob from `offset` on: as many as there are, `at_most`, and at most
    /// [`MAX_BLOB_PART_BYTES`](crate::MAX_BLOB_PART_BYTES). None at its end.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] when there is no such blob, or not any more; [`BlobError::Incomplete`] when its
    /// upload is not done; [`BlobError::TooLarge`] when `offset` is beyond its end.
    fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> impl Future<Output = Result<BlobPart, BlobError>> + Send;

    /// Deletes a blob that the caller has uploaded, or begun to. One that is not there is deleted already.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] when it is another's.
    fn delete(&self, caller: &Caller, blob: &BlobId) -> impl Future<Output = Result<(), BlobError>> + Send;
}
