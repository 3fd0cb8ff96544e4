//! A file that is uploaded: it is stored as it comes, and looked at by its first bytes alone.

use std::pin::Pin;

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bulla_base::{Clock, PhoneNumberId};
use bulla_relay::{MEDIA_CHUNK_BYTES, MediaDescription, MediaError, MediaId};
use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};

use super::body::Incoming;
use super::form::{Form, FormField};
use super::media_type::Sniffed;
use super::request_headers::query;
use crate::RelayApi;
use crate::api_error::ApiError;
use crate::limits::{MAX_CHUNKS_UNDER_WAY, SNIFFED_BYTES};

/// Why an upload came to nothing.
pub(crate) enum UploadError {
    /// The client's move.
    Refused(ApiError),
    /// The relay's.
    Media(MediaError),
}

impl From<MediaError> for UploadError {
    fn from(failed: MediaError) -> Self {
        Self::Media(failed)
    }
}

impl From<ApiError> for UploadError {
    fn from(refused: ApiError) -> Self {
        Self::Refused(refused)
    }
}

/// What a client says of a file, wherever it stands: in the query, or in a field of the form.
#[derive(Default)]
struct Said {
    product: Option<String>,
    media_type: Option<String>,
    /// What the head of the file's own part says.
    of_part: Option<String>,
}

/// Reads the form of a request to `media`, and has `relay` keep its file.
pub(crate) async fn keep<D: RelayApi>(
    relay: &D,
    business: PhoneNumberId,
    head: &Parts,
    body: &mut Incoming,
    clock: &dyn Clock,
) -> Result<MediaId, UploadError> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut form = Form::new(content_type.unwrap_or_default(), body, clock)?;
    let media = relay.begin_media(business).map_err(UploadError::Media)?;
    let mut file = File::new(relay, business, media);
    let kept = read(head, &mut form, &mut file).await;
    if kept.is_err() && file.chunks > 0 {
        file.give_up().await;
    }
    kept.map(|()| media)
}

/// Has `relay` delete what came of a file. What it does not delete goes with its day.
pub(super) async fn abandon<D: RelayApi>(relay: &D, business: PhoneNumberId, media: MediaId) {
    if let Err(error) = relay.abandon_media(business, media).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "what came of a file stays for its time");
    }
}

async fn read<D: RelayApi>(
    head: &Parts,
    form: &mut Form<'_>,
    file: &mut File<'_, D>,
) -> Result<(), UploadError> {
    let (product, media_type) = (query(head, "messaging_product"), query(head, "type"));
    let mut said = Said { product, media_type, of_part: None };
    let mut is_there = false;
    while let Some(field) = form.next().await? {
        match field.name() {
            "messaging_product" => said.product = Some(form.text_of(field, "messaging_product").await?),
            "type" => said.media_type = Some(form.text_of(field, "type").await?),
            "file" if !is_there => {
                is_there = true;
                said.of_part = field.content_type();
                store(form, field, file).await?;
            }
            _ => {}
        }
    }
    let product = said.product.filter(|product| !product.is_empty());
    let product = product.ok_or_else(|| ApiError::missing("messaging_product"))?;
    if !product.eq_ignore_ascii_case("whatsapp") {
        return Err(ApiError::one_of("messaging_product", "WHATSAPP").into());
    }
    if !is_there || file.size == 0 {
        return Err(ApiError::missing("file").into());
    }
    // A word that is no type, as one client says it, says nothing.
    let declared = said.media_type.filter(|said| said.contains('/')).or(said.of_part);
    file.finish(declared.as_deref()).await
}

async fn store<D: RelayApi>(
    form: &Form<'_>,
    mut field: FormField<'_>,
    file: &mut File<'_, D>,
) -> Result<(), UploadError> {
    while let Some(bytes) = form.bytes_of(&mut field).await? {
        file.push(bytes).await?;
    }
    Ok(())
}

/// A file that is being stored.
pub(crate) struct File<'a, D> {
    relay: &'a D,
    business: PhoneNumberId,
    media: MediaId,
    head: Vec<u8>,
    /// Of all of it; nothing when it does not begin here.
    digest: Option<Sha256>,
    size: u64,
    next: BytesMut,
    /// How many chunks are stored, or being stored.
    chunks: u32,
    /// Those of which it is not known yet. They wait for the disk together, and for no order.
    under_way: FuturesUnordered<Put<'a>>,
    most_under_way: usize,
}

/// A chunk that is being stored.
type Put<'a> = Pin<Box<dyn Future<Output = Result<(), MediaError>> + Send + 'a>>;

impl<'a, D: RelayApi> File<'a, D> {
    pub(crate) fn new(relay: &'a D, business: PhoneNumberId, media: MediaId) -> Self {
        let (head, digest, next) = (Vec::new(), Some(Sha256::new()), BytesMut::new());
        let (under_way, most_under_way) = (FuturesUnordered::new(), MAX_CHUNKS_UNDER_WAY);
        Self { relay, business, media, head, digest, size: 0, next, chunks: 0, under_way, most_under_way }
    }

    /// One of which `received` bytes are there. Its chunks are stored in their order: they tell how far it
    /// has come.
    pub(crate) async fn resumed(
        relay: &'a D,
        (business, media): (PhoneNumberId, MediaId),
        received: u64,
    ) -> Result<Self, MediaError> {
        let mut file = Self { most_under_way: 1, size: received, ..Self::new(relay, business, media) };
        if received > 0 {
            let first = relay.upload_chunk(business, media, 0).await?;
            file.head.extend_from_slice(&first[..first.len().min(SNIFFED_BYTES)]);
            let chunk = MEDIA_CHUNK_BYTES as u64;
            file.chunks = u32::try_from(received / chunk).unwrap_or(u32::MAX);
            if !received.is_multiple_of(chunk) {
                file.next.extend_from_slice(&relay.upload_chunk(business, media, file.chunks).await?);
            }
            file.digest = None;
        }
        Ok(file)
    }

    /// Stores what has come, if it is not all.
    pub(crate) async fn keep_part(&mut self) -> Result<(), UploadError> {
        if !self.next.is_empty() {
            self.put().await?;
        }
        self.settle().await
    }

    /// Adds what comes next.
    pub(crate) async fn push(&mut self, mut bytes: Bytes) -> Result<(), UploadError> {
        let of_head = bytes.len().min(SNIFFED_BYTES - self.head.len());
        self.head.extend_from_slice(&bytes[..of_head]);
        self.size += bytes.len() as u64;
        // Before it is stored: more than may be is not.
        if self.head.len() == SNIFFED_BYTES {
            self.is_within(&Sniffed::of(&self.head))?;
        }
        if let Some(digest) = &mut self.digest {
            digest.update(&bytes);
        }
        while !bytes.is_empty() {
            let taken = bytes.split_to(bytes.len().min(MEDIA_CHUNK_BYTES - self.next.len()));
            self.next.extend_from_slice(&taken);
            if self.next.len() == MEDIA_CHUNK_BYTES {
                self.put().await?;
            }
        }
        Ok(())
    }

    async fn put(&mut self) -> Result<(), UploadError> {
        if self.under_way.len() == self.most_under_way {
            self.under_way.next().await.transpose()?;
        }
        let chunk = self.next.split().freeze();
        let put = self.relay.put_media_chunk(self.business, self.media, self.chunks, chunk);
        self.under_way.push(Box::pin(put));
        self.chunks += 1;
        // It begins when it is polled, and nobody waits for it here.
        self.under_way.next().now_or_never().flatten().transpose()?;
        Ok(())
    }

    /// Waits until all of it that has come is stored.
    async fn settle(&mut self) -> Result<(), UploadError> {
        while let Some(put) = self.under_way.next().await {
            put?;
        }
        Ok(())
    }

    /// Has what came of it deleted, what is being stored as well.
    pub(crate) async fn give_up(&mut self) {
        while self.under_way.next().await.is_some() {}
        abandon(self.relay, self.business, self.media).await;
    }

    /// Whether nothing has come.
    pub(crate) const fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether it looks like a picture, of whatever type.
    pub(crate) fn is_picture(&self) -> bool {
        Sniffed::of(&self.head).is_picture()
    }

    /// Says that all of it is there.
    pub(crate) async fn finish(&mut self, declared: Option<&str>) -> Result<(), UploadError> {
        let sniffed = Sniffed::of(&self.head);
        self.is_within(&sniffed)?;
        let media_type = sniffed.compare(declared)?;
        self.keep_part().await?;
        let digest = match self.digest.take() {
            Some(digest) => digest,
            None => digest_of(self.relay, (self.business, self.media), self.chunks).await?,
        };
        let digest = digest.finalize().into();
        let described = MediaDescription::new(media_type, self.size, digest);
        let described = described.map_err(|error| ApiError::content("type", &error))?;
        let described = described.animated(sniffed.is_animated());
        let finished = self.relay.finish_media(self.business, self.media, described);
        finished.await.map_err(UploadError::Media)
    }

    /// How many bytes of it have come, from the first on.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    fn is_within(&self, sniffed: &Sniffed) -> Result<(), ApiError> {
        let limit = sniffed.limit();
        if self.size > limit {
            return Err(ApiError::media(format!(
                "file: it has more than the {limit} bytes allowed of its type"
            )));
        }
        Ok(())
    }
}

/// The digest of what is stored: read once, when all of it is there, however often it broke off.
async fn digest_of<D: RelayApi>(
    relay: &D,
    (business, media): (PhoneNumberId, MediaId),
    chunks: u32,
) -> Result<Sha256, MediaError> {
    let mut digest = Sha256::new();
    for index in 0..chunks {
        digest.update(&relay.upload_chunk(business, media, index).await?);
    }
    Ok(digest)
}
