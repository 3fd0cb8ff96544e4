//! Blobs: what senders have sealed that is too large for an envelope. The carrier keeps it for 30 days at
//! most, and knows nothing of it but its size.
//!
//! ```text
//!            begin                 upload, part by part                       the last part
//!   store    row: size, 0 stored   row: so much is stored  (after the file)   row: all is stored
//!   files    partial/day/name      bytes, synced                              moved to complete/day/name
//! ```
//!
//! What is acknowledged is what the row says; a file may have more, which is written again. Rows stand with
//! their uploader, for quotas and erasure; a reader needs none: the id leads to the file.

mod blob_files;
mod folder_blobs;

mod quota;
mod settings;

mod row;
mod uploads;
mod work;

mod erase;
mod port;
mod sweep;

pub use blob_files::{BlobFiles, BlobName, FoundBlob};
pub use folder_blobs::FolderBlobs;
pub use quota::BlobQuota;
pub use settings::{BlobSettings, BlobStorage, RetentionTooShort};

pub(crate) use sweep::disk_unavailable;
pub(crate) use work::BlobWork;
