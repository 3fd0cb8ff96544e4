//! Blobs over the wire: the client's side, and what both sides say of refusals.

mod client;
mod codec;
mod refusal;

#[cfg(feature = "fuzzing")]
pub(crate) use refusal::blob_error_of;
pub use refusal::blob_status;

use super::limits::BLOB_FRAME_DATA_BYTES;
use crate::{BlobError, BlobId};

/// The id these bytes are.
///
/// # Errors
/// When they are not 32.
pub fn blob_id(bytes: &[u8]) -> Result<BlobId, BlobError> {
    let bytes = bytes.try_into().map_err(|_| BlobError::Invalid { field: "blob" })?;
    Ok(BlobId::from_bytes(bytes))
}

/// `part` in the pieces in which it goes over the wire.
fn pieces(part: bytes::Bytes) -> impl Iterator<Item = bytes::Bytes> {
    let ends = (0..part.len()).step_by(BLOB_FRAME_DATA_BYTES);
    ends.map(move |start| part.slice(start..part.len().min(start + BLOB_FRAME_DATA_BYTES)))
}
