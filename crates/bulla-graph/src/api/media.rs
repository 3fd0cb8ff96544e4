//! What is answered about media: what it is, where its bytes are, and the bytes.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use bulla_base::PhoneNumberId;
use bulla_relay::{MediaDescription, MediaError, MediaId, MediaStream};
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::request_headers::query;
use super::upload::{self, UploadError};
use crate::api_error::{ApiError, Methods};
use crate::limits::FORM_MEMORY_BYTES;
use crate::server::OverTls;
use crate::{RelayApi, Settings, TokenLookup, media_name};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Takes a file, and says what it is known by from now on.
    pub(super) async fn upload(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        body.check_form()?;
        let admission = self.admission.take(FORM_MEMORY_BYTES, &*self.clock).await;
        let _admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        let kept = Box::pin(upload::keep(&*self.relay, business, head, body, &*self.clock)).await;
        let media = kept.map_err(|error| match error {
            UploadError::Refused(api_error) => api_error,
            UploadError::Media(error) => self.failed(error),
        })?;
        Ok(json!({ "id": media_name::write(business, media) }))
    }

    /// Tells of media, or deletes it.
    pub(super) async fn media(
        &self,
        head: &Parts,
        business: PhoneNumberId,
        of: MediaId,
    ) -> Result<Value, ApiError> {
        check_number(head, business)?;
        match head.method {
            Method::GET => {
                let known = self.relay.media(business, of).await.map_err(|error| self.failed(error))?;
                described(head, &self.settings, (business, of), &known)
            }
            Method::DELETE => {
                self.relay.delete_media(business, of).await.map_err(|error| self.failed(error))?;
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetOrDelete)),
        }
    }

    /// The bytes of media.
    pub(super) async fn content(
        &self,
        head: &Parts,
        business: PhoneNumberId,
        of: MediaId,
    ) -> Result<Response<Body>, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        check_number(head, business)?;
        let missing = |error| match error {
            MediaError::Unknown => ApiError::gone(),
            error => self.failed(error),
        };
        let known = self.relay.media(business, of).await.map_err(missing)?;
        let bytes = self.relay.read_media(business, of).await.map_err(missing)?;
        Ok(content(&known, bytes))
    }
}

/// Refuses a request that says of media that it is of another number.
fn check_number(head: &Parts, business: PhoneNumberId) -> Result<(), ApiError> {
    match query(head, "phone_number_id") {
        Some(number) if !number.is_empty() && PhoneNumberId::parse(&number) != Ok(business) => {
            Err(ApiError::number())
        }
        _ => Ok(()),
    }
}

/// What media is, and where its bytes are: on the origin of the request, for whoever has the token.
fn described(
    head: &Parts,
    settings: &Settings,
    (business, media): (PhoneNumberId, MediaId),
    described: &MediaDescription,
) -> Result<Value, ApiError> {
    let origin = origin(head, settings)?;
    let id = media_name::write(business, media);
    let digest: String = described.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({
        "messaging_product": "whatsapp",
        "url": format!("{origin}/{id}/content"),
        "mime_type": described.media_type(),
        "sha256": digest,
        "file_size": described.size(),
        "id": id,
    }))
}

/// What addresses on this API begin with, as the client has reached it.
pub(super) fn origin(head: &Parts, settings: &Settings) -> Result<String, ApiError> {
    match &settings.origin {
        Some(origin) => Ok(origin.clone()),
        None => {
            let scheme = if head.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
            Ok(format!("{scheme}://{}", host(head).ok_or_else(ApiError::host)?))
        }
    }
}

/// The host that the client has asked for.
fn host(head: &Parts) -> Option<&str> {
    let named = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| head.uri.authority().map(axum::http::uri::Authority::as_str))
}

/// The bytes, as they are read. What breaks off breaks the answer off, so that nobody takes a part for all.
pub(super) fn content(described: &MediaDescription, bytes: MediaStream) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(bytes.into_inner()));
    let headers = response.headers_mut();
    let anything = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::from_str(described.media_type()).unwrap_or(anything);
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(described.size()));
    // A stranger's file: what it says of itself counts, and no browser is to show it as a page of this host.
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("content-disposition", HeaderValue::from_static("attachment"));
    response
}
