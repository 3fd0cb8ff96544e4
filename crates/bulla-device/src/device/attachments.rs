use bulla_content::attachment::AttachmentPointer;
use bulla_endpoint::{AttachmentDownload, AttachmentUpload, TransferError};
use bulla_store::Store;
use bulla_transport::{Blobs, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tracing::Instrument;

use super::{Device, trace_span};
use crate::AttachmentIoError;
use crate::limits::READ_BYTES;

/// Pictures, voices and files, when the transport to the carrier is a way to its blobs as well.
impl<S: Store, T: Transport + Blobs + Clone> Device<S, T> {
    /// Seals the `size` bytes of `plaintext` and brings them to the carrier: what is then
    /// [sent](Device::send) as an image, video, audio, document or sticker of the type `media_type`.
    ///
    /// The carrier keeps it for as long as a message lives, 30 days at most. One pointer goes into one
    /// message: a second one to another business would have the carrier see that it is the same file.
    ///
    /// # Errors
    /// When there are more or fewer bytes than `size`, when they cannot be read, when the carrier does not
    /// take them, or when the type is none. Nothing was sent.
    ///
    /// # Cost
    /// Memory for one part of [`ATTACHMENT_PART_BYTES`](bulla_endpoint::ATTACHMENT_PART_BYTES) and a chunk,
    /// whatever the size; a call to the carrier for each part.
    pub async fn upload<R: AsyncRead + Unpin + ?Sized>(
        &self,
        size: u64,
        media_type: &str,
        plaintext: &mut R,
    ) -> Result<AttachmentPointer, AttachmentIoError> {
        let uploading = async {
            let mut upload = self.begin_upload(size).await?;
            let mut read = vec![0; READ_BYTES];
            loop {
                let count = plaintext.read(&mut read).await.map_err(AttachmentIoError::Read)?;
                if count == 0 {
                    return Ok(upload.finish(media_type).await?);
                }
                upload.push(&mut &read[..count]).await?;
            }
        };
        uploading.instrument(trace_span::of("upload", self.0.home, None)).await
    }

    /// Fetches what `pointer` leads to, and writes it to `to` as it is opened.
    ///
    /// # Errors
    /// When the carrier does not have it (any more) or does not answer; when it is not what the message tells
    /// of: then nothing was written. When it cannot be written.
    ///
    /// # Cost
    /// It is fetched twice: see [`AttachmentDownload`]. Memory as for [`upload`](Self::upload).
    pub async fn download<W: AsyncWrite + Unpin + ?Sized>(
        &self,
        pointer: &AttachmentPointer,
        to: &mut W,
    ) -> Result<(), AttachmentIoError> {
        let downloading = async {
            let mut download = self.begin_download(pointer).await?;
            while let Some(plaintext) = download.next().await? {
                to.write_all(&plaintext).await.map_err(AttachmentIoError::Write)?;
            }
            to.flush().await.map_err(AttachmentIoError::Write)
        };
        downloading.instrument(trace_span::of("download", self.0.home, None)).await
    }

    /// As [`upload`](Self::upload), for who pushes the bytes, and goes on after the network was away.
    ///
    /// # Errors
    /// As [`AttachmentUpload::begin`].
    pub async fn begin_upload(&self, size: u64) -> Result<AttachmentUpload<T>, TransferError> {
        let (transport, caller) = (self.0.transport.clone(), self.0.caller.clone());
        AttachmentUpload::begin(transport, caller, size, self.0.clock.clone(), self.0.rng.clone()).await
    }

    /// As [`download`](Self::download), for who takes chunk by chunk, and goes on after the network was away.
    ///
    /// # Errors
    /// As [`AttachmentDownload::begin`].
    pub async fn begin_download(
        &self,
        pointer: &AttachmentPointer,
    ) -> Result<AttachmentDownload<T>, TransferError> {
        let (transport, caller) = (self.0.transport.clone(), self.0.caller.clone());
        AttachmentDownload::begin(transport, caller, pointer, self.0.clock.clone(), self.0.rng.clone()).await
    }
}
