//! Files that come in several parts: begun, gone on with where they broke off, and handed a handle.
//!
//! ```text
//! POST /{app}/uploads ── POST /upload:… ── a break ── GET /upload:… ── POST /upload:… ── {"h": …}
//!                                            └─ DELETE /upload:…
//! ```
//!
//! What has come of one is stored in order and counted by what is stored, so that a client that lost the
//! connection goes on from where `GET` says.

use axum::http::request::Parts;
use axum::http::{HeaderName, Method};
use bulla_base::PhoneNumberId;
use bulla_content::limits::MAX_MEDIA_TYPE_CHARS;
use bulla_relay::{MediaDescription, MediaId, Upload};
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::media_type::limit_of;
use super::request_headers::query;
use super::upload::{File, UploadError};
use crate::api_error::{ApiError, Methods};
use crate::limits::{FORM_MEMORY_BYTES, MAX_LENGTH_DIGITS, MAX_SHORT_CHARS, UPLOAD_TIMEOUT};
use crate::{RelayApi, TokenLookup, media_name};

/// From which byte on the body is.
const FILE_OFFSET: &str = "file_offset";

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Begins an upload: its id.
    pub(super) async fn begin_session(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        let said = self.parameters(head, body).await?;
        // Nobody is told the name, so it is not kept.
        said.text("file_name", MAX_SHORT_CHARS)?;
        let length = said.required("file_length", MAX_LENGTH_DIGITS)?;
        let length: u64 =
            length.parse().map_err(|_| ApiError::value("file_length", "it is no number of bytes"))?;
        let media_type = said.required("file_type", MAX_MEDIA_TYPE_CHARS)?.to_ascii_lowercase();
        if length == 0 {
            return Err(ApiError::value("file_length", "the file is empty"));
        }
        let limit = limit_of(&media_type);
        if length > limit {
            let why = format!("file_length: it is more than the {limit} bytes allowed of its type");
            return Err(ApiError::media(why));
        }
        MediaDescription::new(media_type.as_str(), length, [0; 32])
            .map_err(|error| ApiError::content("file_type", &error))?;
        let media = self.relay.begin_upload(business, media_type, length).await;
        let media = media.map_err(|error| self.failed(error))?;
        Ok(json!({ "id": media_name::write_session(business, media) }))
    }

    /// Tells how much of an upload is there, takes what comes next, or gives it up.
    pub(super) async fn session(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, media): (PhoneNumberId, MediaId),
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let known = self.relay.upload(business, media).await.map_err(|error| self.failed(error))?;
                Ok(progress((business, media), known.received))
            }
            Method::POST => self.go_on(head, body, (business, media)).await,
            Method::DELETE => self.give_up_session((business, media)).await,
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    /// Makes room for another one. What is finished is a file, and deleted as one.
    async fn give_up_session(&self, (business, media): (PhoneNumberId, MediaId)) -> Result<Value, ApiError> {
        let _turn = self.under_way.take((business, Some(media))).ok_or_else(busy)?;
        let known = self.relay.upload(business, media).await.map_err(|error| self.failed(error))?;
        if known.is_finished {
            return Err(ApiError::value(
                "id",
                "the upload is finished; delete the file by the id in its handle",
            ));
        }
        let given_up = self.relay.abandon_media(business, media).await;
        given_up.map_err(|error| self.failed(error))?;
        Ok(json!({ "success": true }))
    }

    async fn go_on(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, media): (PhoneNumberId, MediaId),
    ) -> Result<Value, ApiError> {
        let offset = offset(head)?;
        let admission = self.admission.take(FORM_MEMORY_BYTES, &*self.clock).await;
        let _admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        let _turn = self.under_way.take((business, Some(media))).ok_or_else(busy)?;
        let known = self.relay.upload(business, media).await.map_err(|error| self.failed(error))?;
        if offset != known.received {
            let there = known.received;
            return Err(ApiError::value(
                FILE_OFFSET,
                format_args!("{there} bytes are there; go on from {there}"),
            ));
        }
        if body.declared().is_some_and(|length| length as u64 > known.size - known.received) {
            return Err(too_many(&known));
        }
        if known.is_finished {
            // Who has not read the handle may ask for it again.
            return Ok(json!({ "h": media_name::write_handle(business, media) }));
        }
        let received = self.receive(body, (business, media), &known).await;
        let received = received.map_err(|error| match error {
            UploadError::Refused(api_error) => api_error,
            UploadError::Media(error) => self.failed(error),
        })?;
        Ok(match received == known.size {
            true => json!({ "h": media_name::write_handle(business, media) }),
            false => progress((business, media), received),
        })
    }

    /// Stores what comes, and finishes with the last byte: how many bytes are there. A file that is not what
    /// it was said to be is given up; one that broke off can go on.
    async fn receive(
        &self,
        body: &mut Incoming,
        (business, media): (PhoneNumberId, MediaId),
        known: &Upload,
    ) -> Result<u64, UploadError> {
        let end = self.clock.now().after(UPLOAD_TIMEOUT);
        let mut file = File::resumed(&*self.relay, (business, media), known.received).await?;
        loop {
            let piece = match body.piece(&*self.clock, end).await {
                Ok(Some(piece)) if piece.len() as u64 > known.size - file.size() => Err(too_many(known)),
                piece => piece,
            };
            let taken = match piece {
                Ok(Some(piece)) => file.push(piece).await,
                Ok(None) if file.size() == known.size => {
                    // One client says JPEG of every picture whose name it does not know.
                    let is_picture = known.media_type.starts_with("image/") && file.is_picture();
                    let finished = file.finish((!is_picture).then_some(known.media_type.as_str())).await;
                    give_up_if_refused(&mut file, finished).await?;
                    return Ok(known.size);
                }
                Ok(None) => {
                    keep_more_than(&mut file, known.received).await?;
                    return Ok(file.size());
                }
                Err(broke_off) => {
                    keep_more_than(&mut file, known.received).await?;
                    return Err(broke_off.into());
                }
            };
            give_up_if_refused(&mut file, taken).await?;
        }
    }
}

/// Stores what has come since `before`, if anything has.
async fn keep_more_than<D: RelayApi>(file: &mut File<'_, D>, before: u64) -> Result<(), UploadError> {
    if file.size() > before { file.keep_part().await } else { Ok(()) }
}

/// What is refused of a file itself cannot be mended by more of it.
async fn give_up_if_refused<D: RelayApi>(
    file: &mut File<'_, D>,
    outcome: Result<(), UploadError>,
) -> Result<(), UploadError> {
    if matches!(outcome, Err(UploadError::Refused(_))) {
        file.give_up().await;
    }
    outcome
}

/// How far an upload has come.
fn progress((business, media): (PhoneNumberId, MediaId), received: u64) -> Value {
    json!({ "id": media_name::write_session(business, media), FILE_OFFSET: received })
}

fn busy() -> ApiError {
    ApiError::unavailable("another request sends bytes of this upload; wait until it is done")
}

fn too_many(known: &Upload) -> ApiError {
    ApiError::value("file_length", format_args!("more bytes came than the {} that were said", known.size))
}

/// From which byte on the body is: the first, unless a field of the head or the query says another.
fn offset(head: &Parts) -> Result<u64, ApiError> {
    let field = head.headers.get(HeaderName::from_static(FILE_OFFSET));
    let field = field.and_then(|value| value.to_str().ok()).map(str::to_owned);
    match field.or_else(|| query(head, FILE_OFFSET)) {
        None => Ok(0),
        Some(text) => text.trim().parse().map_err(|_| ApiError::mistyped(FILE_OFFSET, "a number of bytes")),
    }
}
