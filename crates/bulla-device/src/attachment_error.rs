use std::io;

use bulla_endpoint::TransferError;
use thiserror::Error;

/// Why an attachment did not get from a file to the carrier, or back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachmentIoError {
    /// The carrier's or the attachment's.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The caller's: what is to be sealed cannot be read to its end.
    #[error("the attachment cannot be read")]
    Read(#[source] io::Error),
    /// The caller's: what was opened cannot be written.
    #[error("the attachment cannot be written")]
    Write(#[source] io::Error),
}
