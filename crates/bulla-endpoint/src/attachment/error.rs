use bulla_content::InvalidContent;
use bulla_content::attachment::AttachmentError;
use bulla_transport::BlobError;
use thiserror::Error;

/// Why an attachment was not brought to the carrier, or not fetched from it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The carrier did not do it. Where this [may pass](Self::may_pass), it was tried again for a while.
    #[error("the carrier did not carry the attachment")]
    Blob(#[from] BlobError),
    /// The caller's, when it is to be sealed: it is none, too large, or of another size than was said. When
    /// it was fetched: it is not what its message tells of, and nothing more of it is shown.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// The caller's: a message cannot tell of it so.
    #[error(transparent)]
    Content(#[from] InvalidContent),
}

impl TransferError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Blob(error) if error.may_pass())
    }
}
