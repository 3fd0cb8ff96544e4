//! What users attach to their messages: kept as a pointer, and fetched from the carrier when it is asked for.

use std::sync::Arc;

use bulla_base::{MessageId, PhoneNumberId};
use bulla_content::Body;
use bulla_endpoint::{AttachmentDownload, TransferError};
use bulla_store::{Batch, Retention, Store};
use bulla_transport::{BlobError, Transport};
use futures_util::stream;

use super::Inner;
use super::transaction::Transaction;
use crate::limits::RECEIVED_MEDIA_SPAN;
use crate::row::ReceivedMedia;
use crate::store_layout::{self, RECEIVED_MEDIA};
use crate::{EventSink, MediaError, MediaStream, MessageRef, SubmitError};

impl Transaction {
    /// Remembers where the attachment of a user's message is, if `body` has one.
    pub(super) fn put_received_media(&mut self, id: MessageId, body: &Body) {
        let Some(row) = ReceivedMedia::of(body) else { return };
        let key = store_layout::about(RECEIVED_MEDIA, self.conversation.business, id);
        let retention = Retention::new(RECEIVED_MEDIA_SPAN).unwrap_or(Retention::LONGEST);
        self.batch.put_until(key, row.to_bytes(), retention.from(self.now));
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// What is kept of the attachment of `message`.
    pub(super) async fn received(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<ReceivedMedia, MediaError> {
        let user = self.tenant(business)?.user_ids.partition(message.user());
        if self.erasures.is_under_way(user) {
            return Err(MediaError::Unknown);
        }
        let key = store_layout::about(RECEIVED_MEDIA, business, message.id());
        let row = self.store.get(user, &key, self.clock.now()).await?;
        Ok(ReceivedMedia::read(&row.ok_or(MediaError::Unknown)?.value)?)
    }

    /// The bytes of the attachment of `message`, once they were fetched and compared with what it tells of.
    ///
    /// Nothing is written: who hangs up ends it.
    pub(super) async fn read_received(
        self: &Arc<Self>,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<MediaStream, MediaError> {
        let pointer = self.received(business, message).await?.pointer()?;
        let Some(blobs) = self.blobs.clone() else { return Err(SubmitError::NoBlobs.into()) };
        let caller = self.tenant(business)?.caller.clone();
        let (clock, rng) = (self.clock.clone(), self.rng.clone());
        let download = AttachmentDownload::begin(blobs, caller, &pointer, clock, rng).await;
        let begun = (Arc::clone(self), download.map_err(not_fetched)?);
        Ok(MediaStream::new(stream::try_unfold(begun, move |(inner, mut download)| async move {
            // It may have been erased meanwhile, or deleted.
            inner.received(business, message).await?;
            let piece = download.next().await.map_err(not_fetched)?;
            Ok(piece.map(|piece| (piece, (inner, download))))
        })))
    }

    /// Forgets where the attachment of `message` is.
    pub(super) async fn remove_received(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<(), MediaError> {
        let user = self.tenant(business)?.user_ids.partition(message.user());
        let mut batch = Batch::new(user);
        batch.delete(store_layout::about(RECEIVED_MEDIA, business, message.id()));
        Ok(self.commit_media(batch).await?)
    }
}

fn not_fetched(error: TransferError) -> MediaError {
    match error {
        TransferError::Blob(BlobError::Transport(error)) => SubmitError::Unavailable(error).into(),
        error => MediaError::NotFetched(error),
    }
}
