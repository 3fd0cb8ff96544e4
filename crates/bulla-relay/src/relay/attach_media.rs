use std::sync::Arc;

use bulla_content::Body;
use bulla_content::attachment::AttachmentPointer;
use bulla_endpoint::AttachmentUpload;
use bulla_store::Store;
use bulla_transport::{BlobError, BlobId, Blobs, Transport};

use super::Inner;
use super::active_business::ActiveBusiness;
use super::submit::Checked;
use crate::{EventSink, MediaDescription, MediaError, OutgoingMedia, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// What a message with `media` says, before the media is sealed for it.
    pub(super) async fn media_body(
        &self,
        tenant: &ActiveBusiness,
        media: &OutgoingMedia,
    ) -> Result<Body, SubmitError> {
        if self.blobs.is_none() {
            return Err(SubmitError::NoBlobs);
        }
        let described = self.sendable(tenant, media).await?;
        Ok(media.body(described.stand_in()?, described.is_animated())?)
    }

    /// Seals the media of a message that was checked, brings it to the carrier, and has the message tell of
    /// it. Where the blobs are that have to be given up when the message is not accepted.
    ///
    /// Before the conversation is locked: it takes as long as it takes.
    pub(super) async fn attach(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        checked: &mut Checked,
    ) -> Result<Vec<BlobId>, SubmitError> {
        let (mut attached, mut blobs) = (Vec::new(), Vec::new());
        for media in checked.message.body.media() {
            match self.attach_one(tenant, &media).await {
                Ok((pointer, moves)) => {
                    blobs.extend(BlobId::from_locator(pointer.locator()).ok());
                    attached.push((pointer, moves));
                }
                Err(error) => {
                    self.give_up_blobs(tenant, blobs).await;
                    return Err(error);
                }
            }
        }
        match checked.body_with(attached) {
            Ok(body) => checked.say(body),
            Err(error) => {
                self.give_up_blobs(tenant, blobs).await;
                return Err(error);
            }
        }
        Ok(blobs)
    }

    async fn attach_one(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        media: &OutgoingMedia,
    ) -> Result<(AttachmentPointer, bool), SubmitError> {
        let described = self.sendable(tenant, media).await?;
        Ok((self.seal_media(tenant, media, &described).await?, described.is_animated()))
    }

    /// What is known of media that is to be sent.
    pub(super) async fn sendable(
        &self,
        tenant: &ActiveBusiness,
        media: &OutgoingMedia,
    ) -> Result<MediaDescription, SubmitError> {
        self.described(tenant.business(), media.media).await.map_err(not_sent)
    }

    async fn seal_media(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        media: &OutgoingMedia,
        described: &MediaDescription,
    ) -> Result<AttachmentPointer, SubmitError> {
        let Some(blobs) = self.blobs.clone() else { return Err(SubmitError::NoBlobs) };
        let (caller, size) = (tenant.caller.clone(), described.size());
        let (clock, rng) = (self.clock.clone(), self.rng.clone());
        let mut upload = AttachmentUpload::begin(blobs, caller, size, clock, rng).await?;
        let mut bytes = self.media_bytes(tenant.business(), media.media, size).await.map_err(not_sent)?;
        while let Some(piece) = bytes.next().await.map_err(not_sent)? {
            upload.push(&mut &piece[..]).await?;
        }
        Ok(upload.finish(described.media_type()).await?)
    }

    /// Has the carrier forget what was brought there for a message that was not accepted. If it does not, it
    /// does when the blob's time is over.
    pub(super) async fn give_up_blobs(&self, tenant: &ActiveBusiness, given_up: Vec<BlobId>) {
        let Some(blobs) = &self.blobs else { return };
        for blob in given_up {
            if let Err(error) = blobs.delete(&tenant.caller, &blob).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a blob stays behind at the carrier"
                );
            }
        }
    }
}

/// Why a message with media is not accepted when the media is not to be had.
fn not_sent(error: MediaError) -> SubmitError {
    match error {
        MediaError::Submit(error) => error,
        _ => SubmitError::UnknownMedia,
    }
}

impl From<bulla_endpoint::TransferError> for SubmitError {
    fn from(error: bulla_endpoint::TransferError) -> Self {
        match error {
            bulla_endpoint::TransferError::Blob(BlobError::Transport(error)) => Self::Unavailable(error),
            error => Self::Attachment(error),
        }
    }
}
