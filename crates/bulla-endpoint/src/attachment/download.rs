use std::fmt;
use std::sync::Arc;

use bulla_base::{Clock, Rng};
use bulla_content::attachment::{AttachmentPointer, Checker, Opener};
use bulla_transport::{BlobId, Blobs, Caller};
use bytes::{Buf, Bytes};

use super::TransferError;
use super::calls::Calls;
use crate::limits::ATTACHMENT_PART_BYTES;

/// Fetches an attachment, and gives its plaintext chunk by chunk.
///
/// # Cost
/// Fetches it twice: once to compare the digest over the whole with the message's, before anything is opened,
/// and once to open it. Holds one part of [`ATTACHMENT_PART_BYTES`](crate::ATTACHMENT_PART_BYTES) and one
/// chunk, and 32 bytes for each of the chunks.
///
/// # Security
/// Nothing is given before the digest is right, and nothing but what had it: see
/// [`bulla_content::attachment`].
pub struct AttachmentDownload<B> {
    calls: Calls<B>,
    id: BlobId,
    /// Nothing when all was opened.
    opener: Option<Opener>,
    sealed_bytes: u64,
    offset: u64,
    part: Bytes,
}

impl<B: Blobs> AttachmentDownload<B> {
    /// Fetches what `pointer` leads to, and checks that it is what the message tells of.
    ///
    /// # Errors
    /// When the carrier does not have it (any more) or does not answer, or it is not what the message tells
    /// of.
    pub async fn begin(
        blobs: B,
        caller: Caller,
        pointer: &AttachmentPointer,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, TransferError> {
        let calls = Calls::new(blobs, caller, clock, rng);
        let id = BlobId::from_locator(pointer.locator())?;
        let mut checker = Checker::new(pointer);
        let (sealed_bytes, mut offset) = (checker.sealed_bytes(), 0);
        while offset < sealed_bytes {
            let part = fetch(&calls, &id, offset, sealed_bytes).await?;
            if part.is_empty() {
                break;
            }
            checker.push(&part)?;
            offset += part.len() as u64;
        }
        let opener = Some(checker.finish()?);
        Ok(Self { calls, id, opener, sealed_bytes, offset: 0, part: Bytes::new() })
    }

    /// The next bytes of the plaintext; nothing at its end. After an error that
    /// [may pass](TransferError::may_pass) it goes on where it was.
    ///
    /// # Errors
    /// When the carrier does not give a part, or not the one that was checked.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransferError> {
        loop {
            let Some(opener) = &mut self.opener else { return Ok(None) };
            let mut rest = &self.part[..];
            let plaintext = opener.push(&mut rest)?.map(Bytes::copy_from_slice);
            let taken = self.part.len() - rest.len();
            self.part.advance(taken);
            if plaintext.is_some() {
                return Ok(plaintext);
            }
            let part = match self.offset < self.sealed_bytes {
                true => fetch(&self.calls, &self.id, self.offset, self.sealed_bytes).await?,
                false => Bytes::new(),
            };
            if part.is_empty() {
                self.opener.take().map_or(Ok(()), Opener::finish)?;
                return Ok(None);
            }
            self.offset += part.len() as u64;
            self.part = part;
        }
    }
}

/// The part at `offset` of a blob of which no more than `sealed_bytes` are wanted.
async fn fetch<B: Blobs>(
    calls: &Calls<B>,
    id: &BlobId,
    offset: u64,
    sealed_bytes: u64,
) -> Result<Bytes, TransferError> {
    let left = usize::try_from(sealed_bytes - offset).unwrap_or(usize::MAX);
    let at_most = left.min(ATTACHMENT_PART_BYTES);
    let part = calls.repeated(|| calls.blobs.download(&calls.caller, id, offset, at_most)).await?;
    Ok(part.bytes)
}

impl<B> fmt::Debug for AttachmentDownload<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachmentDownload({} of {} sealed bytes)", self.offset, self.sealed_bytes)
    }
}
