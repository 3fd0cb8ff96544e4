//! Attachments on their way: sealed and brought to the carrier, or fetched, checked and opened, part by part,
//! in the memory of a few chunks.
//!
//! ```text
//! plaintext ── push ──► AttachmentUpload ── sealed parts ──► carrier        finish: the pointer, for the message
//! plaintext ◄── next ── AttachmentDownload ◄── the same, twice ── carrier   the first time only the digest is compared
//! ```

mod calls;
mod download;
mod error;
mod upload;

pub use download::AttachmentDownload;
pub use error::TransferError;
pub use upload::AttachmentUpload;
