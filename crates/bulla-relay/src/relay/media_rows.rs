use std::sync::Arc;

use bulla_base::{MessageId, PhoneNumberId};
use bulla_store::{BEFORE_ALL, Batch, Key, Retention, Scan, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use futures_util::stream;
use tracing::Instrument;

use super::lease::taken_over;
use super::{Inner, Relay, trace_span};
use crate::limits::{MAX_MEDIA_CHUNKS, MEDIA_CHUNK_BYTES};
use crate::row::StoredMedia;
use crate::store_layout::{MEDIA, MEDIA_CHUNK};
use crate::{EventSink, MediaDescription, MediaError, MediaId, MediaStream, SubmitError};

/// Media that businesses upload: kept for 30 days, in pieces, so that none is in memory as a whole. And what
/// users attach to their messages, for 7.
///
/// ```text
/// begin_media ── put_media_chunk 0, 1, 2 … ── finish_media      from then on it is there
/// ```
///
/// An upload stands in the business's own partition: sealed under a vault, forgotten with its day, and gone
/// when the business is [erased](Relay::erase_business). What was begun and not finished is forgotten with
/// its day as well.
///
/// Of what users attach, a pointer to the carrier is kept with the conversation, and goes with it and with
/// its user. The bytes are fetched when they are asked for, compared with what the message tells of, and
/// never stored here.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Begins an upload: the id that the media will have.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or not now.
    pub fn begin_media(&self, business: PhoneNumberId) -> Result<MediaId, MediaError> {
        self.0.tenant(business)?;
        Ok(MediaId::new(MessageId::new(self.0.clock.now(), &*self.0.rng)))
    }

    /// Makes one chunk of an upload durable: [`MEDIA_CHUNK_BYTES`] of it, but for the last. The same again
    /// does no harm.
    ///
    /// # Errors
    /// [`MediaError::Chunk`] beyond the bounds; [`MediaError::Unknown`] for what is no upload; when the relay
    /// does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// One commit.
    pub async fn put_media_chunk(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Result<(), MediaError> {
        let (actual, limit, chunks) = (chunk.len(), MEDIA_CHUNK_BYTES, MAX_MEDIA_CHUNKS);
        if actual == 0 || actual > limit || index >= chunks {
            return Err(MediaError::Chunk { actual, limit, chunks });
        }
        is_upload(media)?;
        self.media_call(business, "put media", async move |inner| {
            inner.put(business, media, index, chunk).await
        })
        .await
    }

    /// Says that all chunks are there and what they are: from now on the media can be read and sent.
    ///
    /// # Errors
    /// [`MediaError::Incomplete`] when the last chunk is not where the size has it.
    ///
    /// # Cost
    /// One commit.
    pub async fn finish_media(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        described: MediaDescription,
    ) -> Result<(), MediaError> {
        is_upload(media)?;
        let finishing = async move |inner: Arc<Inner<S, T, K>>| {
            let now = inner.clock.now();
            let (last, bytes) = last_chunk(described.size());
            let key = chunk_key(media, last);
            let there = inner.store.get(inner.home(business), &key, now).await?;
            if there.is_none_or(|chunk| chunk.value.len() != bytes) {
                return Err(MediaError::Incomplete);
            }
            let mut batch = Batch::new(inner.home(business));
            let row = StoredMedia::new(&described).to_bytes();
            batch.put_until(key_of(media), row, Retention::LONGEST.from(media.inner().time()));
            inner.finish_upload(&mut batch, media).await?;
            Ok(inner.commit_media(batch).await?)
        };
        self.media_call(business, "put media", finishing).await
    }

    /// What media of `business` is.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when there is none, or not any more.
    pub async fn media(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Result<MediaDescription, MediaError> {
        self.media_call(business, "media", async move |inner| inner.described(business, media).await).await
    }

    /// The bytes of media of `business`.
    ///
    /// What has come with a message is given piece by piece when all of it was fetched and compared with what
    /// the message tells of, and its last piece when the digest that the message says of the plaintext is
    /// right as well: else the stream ends with an error, and what came before is not all of it.
    ///
    /// # Errors
    /// As [`media`](Self::media). [`MediaError::NotFetched`] when the carrier does not have what has come
    /// with a message any more, or has something else.
    ///
    /// # Cost
    /// What has come with a message is fetched twice: see
    /// [`AttachmentDownload`](bulla_endpoint::AttachmentDownload). Memory for one part of it.
    pub async fn read_media(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Result<MediaStream, MediaError> {
        if let Some(message) = media.message() {
            let span = trace_span::call("media", Some(business));
            let reading = self.0.read_received(business, message).instrument(span);
            return reading.await.map_err(|error| self.0.media_failed(error));
        }
        let reading = async move |inner: Arc<Inner<S, T, K>>| {
            let size = inner.described(business, media).await?.size();
            Ok(inner.stream(business, media, size))
        };
        self.media_call(business, "media", reading).await
    }

    /// Deletes media of `business`. Messages that were sent with it are as they were.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    ///
    /// # Cost
    /// A commit for each 4,096 chunks.
    pub async fn delete_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
        let deleting = async move |inner: Arc<Inner<S, T, K>>| {
            inner.described(business, media).await?;
            match media.message() {
                Some(message) => inner.remove_received(business, message).await,
                None => Ok(inner.remove_media(business, media).await?),
            }
        };
        self.media_call(business, "delete media", deleting).await
    }

    /// Gives up an upload that was begun and not finished: its chunks are deleted.
    ///
    /// # Errors
    /// As [`begin_media`](Self::begin_media), and when the store fails: then they go with their day.
    pub async fn abandon_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
        is_upload(media)?;
        let deleting =
            async move |inner: Arc<Inner<S, T, K>>| Ok(inner.give_up_upload(business, media).await?);
        self.media_call(business, "delete media", deleting).await
    }

    /// Carries out a call about media of `business`, which does not stop before that is done.
    pub(super) async fn media_call<R, F>(
        &self,
        business: PhoneNumberId,
        task: &'static str,
        call: impl FnOnce(Arc<Inner<S, T, K>>) -> F,
    ) -> Result<R, MediaError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, MediaError>> + Send + 'static,
    {
        let tenant = self.0.tenant(business)?;
        let calling = call(Arc::clone(&self.0)).instrument(trace_span::call(task, Some(business)));
        let outcome = self.0.see_through_for(&tenant, calling).await?;
        outcome.map_err(|error| self.0.media_failed(error))
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The error of a call about media, when the relay was stopped if it is of a store that is dead.
    fn media_failed(&self, error: MediaError) -> MediaError {
        match error {
            MediaError::Submit(SubmitError::Store(error)) => match self.survive(error) {
                Some(error) => error.into(),
                None => SubmitError::Stopped.into(),
            },
            error => error,
        }
    }

    async fn put(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Result<(), MediaError> {
        let mut batch = Batch::new(self.home(business));
        batch.put_until(chunk_key(media, index), chunk, Retention::LONGEST.from(media.inner().time()));
        Ok(self.commit_media(batch).await?)
    }

    pub(super) async fn described(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Result<MediaDescription, MediaError> {
        if let Some(message) = media.message() {
            return Ok(self.received(business, message).await?.description()?);
        }
        let row = self.store.get(self.home(business), &key_of(media), self.clock.now()).await?;
        let row = row.ok_or(MediaError::Unknown)?;
        Ok(StoredMedia::read(&row.value)?.description()?)
    }

    /// The bytes of media that is of this size, from wherever they are.
    pub(super) async fn media_bytes(
        self: &Arc<Self>,
        business: PhoneNumberId,
        media: MediaId,
        size: u64,
    ) -> Result<MediaStream, MediaError> {
        match media.message() {
            Some(message) => self.read_received(business, message).await,
            None => Ok(Arc::clone(self).stream(business, media, size)),
        }
    }

    /// The chunk of an upload that is at `index`.
    pub(super) async fn media_chunk(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
    ) -> Result<Bytes, MediaError> {
        let key = chunk_key(media, index);
        let row = self.store.get(self.home(business), &key, self.clock.now()).await?;
        row.map(|row| row.value).ok_or(MediaError::Unknown)
    }

    fn stream(self: Arc<Self>, business: PhoneNumberId, media: MediaId, size: u64) -> MediaStream {
        let (last, _) = last_chunk(size);
        MediaStream::new(stream::try_unfold((self, 0), move |(inner, index)| async move {
            if index > last {
                return Ok(None);
            }
            let chunk = inner.media_chunk(business, media, index).await?;
            Ok(Some((chunk, (inner, index + 1))))
        }))
    }

    pub(super) async fn remove_media(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Result<(), StoreError> {
        let home = self.home(business);
        // First what makes it media: a crash in between leaves chunks that go with their day.
        let mut batch = Batch::new(home);
        batch.delete(key_of(media));
        self.commit_media(batch).await?;
        let day = media.inner().day();
        loop {
            let scan = Scan::dated(MEDIA_CHUNK, day..=day).prefix(media.to_bytes().to_vec());
            let page = self.store.keys(home, &scan, BEFORE_ALL).await?;
            if page.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new(home);
            page.into_iter().for_each(|key| batch.delete(key));
            self.commit_media(batch).await?;
        }
    }

    pub(super) async fn commit_media(&self, batch: Batch) -> Result<(), StoreError> {
        if !self.role.may_act() {
            return Err(taken_over());
        }
        // Nothing is expected, so there is no conflict.
        self.store.commit(batch).await.map(drop)
    }
}

/// Refuses what has come with a message: nothing is put there.
fn is_upload(media: MediaId) -> Result<(), MediaError> {
    if media.message().is_some() { Err(MediaError::Unknown) } else { Ok(()) }
}

/// Where what media is stands.
fn key_of(media: MediaId) -> Key {
    Key::dated(MEDIA, media.inner().day(), media.to_bytes().to_vec())
}

pub(super) fn chunk_key(media: MediaId, index: u32) -> Key {
    let name = [&media.to_bytes()[..], &index.to_be_bytes()].concat();
    Key::dated(MEDIA_CHUNK, media.inner().day(), name)
}

/// Which chunk of `size` bytes is the last, and how many of them it has.
fn last_chunk(size: u64) -> (u32, usize) {
    let chunk = MEDIA_CHUNK_BYTES as u64;
    let last = size.saturating_sub(1) / chunk;
    let bytes = usize::try_from(size - last * chunk).unwrap_or(MEDIA_CHUNK_BYTES);
    (u32::try_from(last).unwrap_or(u32::MAX), bytes)
}
