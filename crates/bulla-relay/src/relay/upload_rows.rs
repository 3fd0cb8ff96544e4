use std::sync::Arc;

use bulla_base::{MessageId, PhoneNumberId, Timestamp};
use bulla_store::{BEFORE_ALL, Batch, Key, Retention, Scan, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;

use super::media_rows::chunk_key;
use super::{Inner, Relay};
use crate::limits::{MAX_UPLOADS, MEDIA_CHUNK_BYTES, UPLOAD_GRACE, UPLOAD_SPAN};
use crate::metrics::LAPSED_UPLOADS;
use crate::row::plain_rows;
use crate::store_layout::{self, MEDIA_CHUNK, UPLOAD};
use crate::{EventSink, MediaDescription, MediaError, MediaId, Upload};

/// Uploads that come in several parts, after breaks of any length up to [`UPLOAD_SPAN`].
///
/// ```text
/// begin_upload ── put_media_chunk 0, 1 … ── a break ── upload ── put_media_chunk … ── finish_media
/// ```
///
/// Chunks are put in their order. Where an upload stops within one, what there is of it is put, and put again
/// with more when it goes on. How much is there is told by the chunks themselves and stands nowhere else.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Begins an upload of `size` bytes, said to be of `media_type`: the id that the media will have.
    ///
    /// # Errors
    /// [`MediaError::TooMany`] when [`MAX_UPLOADS`] of the business are not finished;
    /// [`MediaError::Incomplete`] when there can be no media of this type and size; when the relay does not
    /// speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A scan of the uploads that are not finished, and one commit.
    pub async fn begin_upload(
        &self,
        business: PhoneNumberId,
        media_type: String,
        size: u64,
    ) -> Result<MediaId, MediaError> {
        MediaDescription::new(media_type.as_str(), size, [0; 32]).map_err(|_| MediaError::Incomplete)?;
        let beginning = async move |inner: Arc<Inner<S, T, K>>| {
            let (home, now) = (inner.home(business), inner.clock.now());
            let _lock = inner.keyed_mutex.lock(home).await;
            if inner.forget_lapsed_uploads(business, now).await? >= MAX_UPLOADS {
                return Err(MediaError::TooMany { limit: MAX_UPLOADS });
            }
            let media = MediaId::new(MessageId::new(now, &*inner.rng));
            let row = [&size.to_be_bytes()[..], media_type.as_bytes()].concat();
            let mut batch = Batch::new(home);
            batch.put_until(upload_key(media), row, Retention::LONGEST.from(media.inner().time()));
            inner.commit_media(batch).await?;
            Ok(media)
        };
        self.media_call(business, "put media", beginning).await
    }

    /// What is known of an upload, and how much of it is there.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when none was begun, or when it was not finished in its time.
    ///
    /// # Cost
    /// Two reads, and its last chunk.
    pub async fn upload(&self, business: PhoneNumberId, media: MediaId) -> Result<Upload, MediaError> {
        self.media_call(business, "media", async move |inner| inner.upload(business, media).await).await
    }

    /// One chunk of an upload, of which not all need be there.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when it is not there.
    pub async fn upload_chunk(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
    ) -> Result<Bytes, MediaError> {
        let reading = async move |inner: Arc<Inner<S, T, K>>| inner.media_chunk(business, media, index).await;
        self.media_call(business, "media", reading).await
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn upload(&self, business: PhoneNumberId, media: MediaId) -> Result<Upload, MediaError> {
        if media.message().is_some() {
            return Err(MediaError::Unknown);
        }
        match self.described(business, media).await {
            Err(MediaError::Unknown) => {}
            described => {
                let described = described?;
                return Ok(Upload::new(described.media_type(), described.size()).finished());
            }
        }
        let (home, now) = (self.home(business), self.clock.now());
        let row = self.store.get(home, &upload_key(media), now).await?.ok_or(MediaError::Unknown)?;
        if is_lapsed(media, now) {
            return Err(MediaError::Unknown);
        }
        let (size, media_type) = plain_rows::upload(&row.value)?;
        let day = media.inner().day();
        // They come one after the other: the last one tells of all.
        let last = Scan::dated(MEDIA_CHUNK, day..=day)
            .prefix(media.to_bytes().to_vec())
            .before(chunk_key(media, u32::MAX))
            .limit(1);
        let received = match self.store.scan(home, &last, now).await?.pop() {
            Some((key, chunk)) => {
                let index = key.name().last_chunk().copied().map_or(0, u32::from_be_bytes);
                u64::from(index) * MEDIA_CHUNK_BYTES as u64 + chunk.value.len() as u64
            }
            None => 0,
        };
        Ok(Upload::new(media_type, size).received(received))
    }

    /// Has `batch`, which makes an upload media, take it from those that are not finished.
    pub(super) async fn finish_upload(&self, batch: &mut Batch, media: MediaId) -> Result<(), StoreError> {
        let key = upload_key(media);
        if self.store.get(batch.partition(), &key, self.clock.now()).await?.is_some() {
            batch.delete(key);
        }
        Ok(())
    }

    /// Removes what there is of an upload, and last that it was begun: a crash in between leaves that for
    /// the next sweep.
    pub(super) async fn give_up_upload(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Result<(), StoreError> {
        self.remove_media(business, media).await?;
        let (home, key) = (self.home(business), upload_key(media));
        if self.store.get(home, &key, self.clock.now()).await?.is_some() {
            let mut batch = Batch::new(home);
            batch.delete(key);
            self.commit_media(batch).await?;
        }
        Ok(())
    }

    /// Removes the uploads of `business` whose time is over, and counts the others.
    pub(super) async fn forget_lapsed_uploads(
        &self,
        business: PhoneNumberId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let keys = self.store.keys(self.home(business), &store_layout::all(UPLOAD, now), BEFORE_ALL).await?;
        let mut others = 0;
        for key in keys {
            let id = key.name()[..].try_into().ok().and_then(|id| MediaId::from_bytes(id).ok());
            let media = id.ok_or(StoreError::Damaged { what: "upload" })?;
            // Whoever had begun to send more of it in time is not disturbed.
            if is_lapsed(media, now.before(UPLOAD_GRACE)) {
                self.give_up_upload(business, media).await?;
                metrics::counter!(LAPSED_UPLOADS).increment(1);
                tracing::info!(%business, "an upload that was not finished is given up");
            } else {
                others += 1;
            }
        }
        Ok(others)
    }
}

/// Whether an upload that is not finished is given up.
fn is_lapsed(media: MediaId, now: Timestamp) -> bool {
    media.inner().time().after(UPLOAD_SPAN) <= now
}

fn upload_key(media: MediaId) -> Key {
    Key::dated(UPLOAD, media.inner().day(), media.to_bytes().to_vec())
}
