use std::fmt;
use std::sync::Arc;

use bulla_base::{Clock, Rng};
use bulla_content::attachment::{AttachmentPointer, Sealer};
use bulla_transport::{BlobError, BlobId, BlobSize, Blobs, Caller};
use bytes::{Bytes, BytesMut};

use super::TransferError;
use super::calls::Calls;
use crate::limits::ATTACHMENT_PART_BYTES;

/// Seals an attachment and brings it to the carrier as its bytes come.
///
/// It lives in memory: after a crash the file is sealed anew, under another key, and what the carrier had of
/// it ends with its time there.
///
/// # Cost
/// Holds one chunk and one part of [`ATTACHMENT_PART_BYTES`](crate::ATTACHMENT_PART_BYTES), whatever the
/// attachment's size.
pub struct AttachmentUpload<B> {
    calls: Calls<B>,
    id: BlobId,
    sealer: Sealer,
    /// What is sealed, and will be the next part.
    next: BytesMut,
    /// The part that is on its way.
    part: Bytes,
    /// So much of it the carrier has.
    stored: u64,
}

impl<B: Blobs> AttachmentUpload<B> {
    /// Begins to bring `size` bytes to the carrier, as a blob of `caller`, under a fresh key and a fresh id.
    ///
    /// # Errors
    /// When the size is none that may be, or the carrier does not take it.
    pub async fn begin(
        blobs: B,
        caller: Caller,
        size: u64,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, TransferError> {
        let sealer = Sealer::new(size, &*rng)?;
        let sealed = BlobSize::new(sealer.sealed_bytes())?;
        let calls = Calls::new(blobs, caller, clock, rng);
        let id = BlobId::new(calls.rng());
        calls.repeated(|| calls.blobs.begin_upload(&calls.caller, &id, sealed)).await?;
        Ok(Self { calls, id, sealer, next: BytesMut::new(), part: Bytes::new(), stored: 0 })
    }

    /// Takes the next bytes from the front of `plaintext`. When it fails, what is still there was not taken:
    /// call it again with that, and the upload goes on where it was.
    ///
    /// # Errors
    /// When there are more bytes than were said, or the carrier does not take a part.
    pub async fn push(&mut self, plaintext: &mut &[u8]) -> Result<(), TransferError> {
        loop {
            if self.next.len() >= ATTACHMENT_PART_BYTES || !self.part.is_empty() {
                self.flush().await?;
            }
            match self.sealer.push(plaintext)? {
                Some(chunk) => self.next.extend_from_slice(chunk),
                None => return Ok(()),
            }
        }
    }

    /// Brings what is sealed to the carrier now. After an error that [may pass](TransferError::may_pass) it
    /// can be called again.
    ///
    /// # Errors
    /// When the carrier does not take it.
    pub async fn flush(&mut self) -> Result<(), TransferError> {
        while !(self.part.is_empty() && self.next.is_empty()) {
            if self.part.is_empty() {
                self.part = self.next.split().freeze();
            }
            let Self { calls, id, part, stored, .. } = self;
            let end = *stored + part.len() as u64;
            let put = calls.repeated(|| calls.blobs.upload(&calls.caller, id, *stored, part.clone())).await?;
            if put.stored() != end {
                let gap = BlobError::Gap { offset: end, stored: put.stored() };
                return Err(gap.into());
            }
            (self.stored, self.part) = (end, Bytes::new());
        }
        Ok(())
    }

    /// What a message says of the attachment, when all of it is at the carrier; it is of the type
    /// `media_type`.
    ///
    /// # Errors
    /// When bytes are missing, the carrier does not take the last, or the type is none.
    pub async fn finish(mut self, media_type: &str) -> Result<AttachmentPointer, TransferError> {
        self.flush().await?;
        let Self { id, sealer, .. } = self;
        Ok(sealer.finish()?.pointer(&**id.locator(), media_type)?)
    }

    /// Gives it up, and has the carrier forget what it has of it.
    ///
    /// # Errors
    /// When the carrier does not do it: then it does when the blob's time is over.
    pub async fn abandon(self) -> Result<(), TransferError> {
        let Self { calls, id, .. } = self;
        Ok(calls.repeated(|| calls.blobs.delete(&calls.caller, &id)).await?)
    }
}

impl<B> fmt::Debug for AttachmentUpload<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachmentUpload({:?}, {} sealed bytes at the carrier)", self.sealer, self.stored)
    }
}
