//! The picture of a profile: copied from an upload, which ends after 30 days, to records of the number's own.
//!
//! ```text
//! the picture's id (16 bytes) ‖ number of the piece (u32, big-endian)   a piece of its bytes
//! ```
//!
//! The profile's record names the picture, and so says in one commit which one it is. Its pieces are there
//! before; those of another picture go afterwards, or before the next one is copied.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use bulla_base::PhoneNumberId;
use bulla_relay::{
    ConfigurationError, ConfigurationKey, MEDIA_CHUNK_BYTES, MediaDescription, MediaError, MediaId,
    MediaStream, PageStart, Version,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::GraphApi;
use super::media::{content, origin};
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_PICTURE_BYTES, PICTURE_ID_BYTES, PIECES_AT_ONCE};
use crate::{Grant, RelayApi, TokenLookup, media_name};

/// The field of a request that names a picture.
pub(super) const HANDLE: &str = "profile_picture_handle";

/// The field of an answer that says where it is.
const URL: &str = "profile_picture_url";

/// The field of the profile's record that says which it is.
pub(super) const PICTURE: &str = "picture";

/// What a picture can be.
const TYPES: [&str; 2] = ["image/jpeg", "image/png"];

/// A picture that is kept.
struct Picture {
    id: [u8; PICTURE_ID_BYTES],
    described: MediaDescription,
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Copies what `handle` names, for a profile's record.
    ///
    /// A token that may manage, and not read files, can so show one of its numbers' that was uploaded for a
    /// message, as it is of the same form as one that came in parts. It has to know its name for that, of
    /// which 74 bits are drawn, and which nobody is told but who has uploaded it. What users send has no
    /// handle.
    pub(super) async fn copy_picture(
        &self,
        grant: &Grant,
        business: PhoneNumberId,
        handle: &str,
    ) -> Result<Value, ApiError> {
        let none = || ApiError::value(HANDLE, "it names no file that was uploaded, or its time is over");
        let (of, media) = media_name::read_handle(handle).ok_or_else(none)?;
        if !grant.covers(of) || self.relay.number(of).is_none() {
            return Err(none());
        }
        let described = self.relay.media(of, media).await;
        let described = described.map_err(|error| match error {
            MediaError::Unknown => none(),
            error => self.failed(error),
        })?;
        if !TYPES.contains(&described.media_type()) {
            return Err(ApiError::value(HANDLE, "the file is no picture; a JPEG or PNG is one"));
        }
        if described.size() > MAX_PICTURE_BYTES {
            let why = format_args!("the picture has more than the {MAX_PICTURE_BYTES} bytes allowed");
            return Err(ApiError::value(HANDLE, why));
        }
        let mut id = [0; PICTURE_ID_BYTES];
        self.rng.fill(&mut id);
        self.copy_pieces(business, id, (of, media)).await?;
        Ok(Picture { id, described }.write())
    }

    async fn copy_pieces(
        &self,
        business: PhoneNumberId,
        id: [u8; PICTURE_ID_BYTES],
        (of, media): (PhoneNumberId, MediaId),
    ) -> Result<(), ApiError> {
        let pieces = self.relay.read_media(of, media).await.map_err(|error| self.failed(error))?;
        let mut pieces = pieces.into_inner().enumerate();
        while let Some((index, piece)) = pieces.next().await {
            let piece = piece.map_err(|error| self.failed(error))?;
            let key = piece_key(id, index);
            let put = self.relay.configure(business, key, None, Some(piece)).await;
            put.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Deletes the pieces of all pictures but the one that the profile's record names. What is not deleted is
    /// before the next one is copied.
    pub(super) async fn forget_other_pictures(&self, business: PhoneNumberId, current: Option<&Value>) {
        let current = current.and_then(|record| Some(Picture::read(record)?.id));
        if let Err(error) = self.forget_pictures_but(business, current).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "an old picture of a profile stays until the next one"
            );
        }
    }

    async fn forget_pictures_but(
        &self,
        business: PhoneNumberId,
        current: Option<[u8; PICTURE_ID_BYTES]>,
    ) -> Result<(), ConfigurationError> {
        let of = (Kind::ProfilePicture.owner(), Some(Kind::ProfilePicture as u8));
        let mut old: Vec<(ConfigurationKey, Version)> = Vec::new();
        let mut after = PageStart::First;
        loop {
            let page = self.relay.configuration(business, of, after, PIECES_AT_ONCE).await?;
            let Some((last, _)) = page.last() else { break };
            after = PageStart::After(last.clone());
            let is_old = |key: &ConfigurationKey| current.is_none_or(|id| !key.name().starts_with(&id));
            let found = page.into_iter().filter(|(key, _)| is_old(key));
            old.extend(found.map(|(key, record)| (key, record.version)));
        }
        for (key, version) in old {
            self.relay.configure(business, key, Some(version), None).await?;
        }
        Ok(())
    }

    /// The bytes of the picture of a number's profile.
    pub(super) async fn picture(
        &self,
        head: &Parts,
        business: PhoneNumberId,
    ) -> Result<Response<Body>, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let profile = self.kept(business, (Kind::Profile, "")).await?;
        let picture = profile.as_ref().and_then(|profile| Picture::read(profile.get(PICTURE)?));
        let Picture { id, described } = picture.ok_or_else(ApiError::gone)?;
        let pieces = usize::try_from(described.size().div_ceil(MEDIA_CHUNK_BYTES as u64)).unwrap_or_default();
        let relay = self.relay.clone();
        let pieces = stream::iter(0..pieces).then(move |index| {
            let relay = relay.clone();
            async move {
                match relay.configured(business, piece_key(id, index)).await {
                    Ok(Some(piece)) => Ok(piece.value),
                    // It was replaced meanwhile.
                    Ok(None) => Err(MediaError::Unknown),
                    Err(ConfigurationError::Submit(error)) => Err(MediaError::Submit(error)),
                    Err(_) => Err(MediaError::Unknown),
                }
            }
        });
        Ok(content(&described, MediaStream::new(pieces)))
    }

    /// Says in a profile where its picture is: on the origin of the request, for whoever has the token.
    pub(super) fn tell_picture(
        &self,
        head: &Parts,
        business: PhoneNumberId,
        profile: &mut Kept,
    ) -> Result<(), ApiError> {
        let Some(picture) = profile.remove(PICTURE).as_ref().and_then(Picture::read) else { return Ok(()) };
        let origin = origin(head, &self.settings)?;
        // Another picture has another address, for those who keep what they have seen.
        let url = format!("{origin}/{business}/profile_picture?id={}", hex(&picture.id));
        profile.insert(URL.into(), url.into());
        Ok(())
    }
}

impl Picture {
    fn write(&self) -> Value {
        json!({ "id": hex(&self.id), "type": self.described.media_type(), "size": self.described.size() })
    }

    fn read(record: &Value) -> Option<Self> {
        let id = u128::from_str_radix(record["id"].as_str()?, 16).ok()?.to_be_bytes();
        let (media_type, size) = (record["type"].as_str()?, record["size"].as_u64()?);
        // Nobody asks for its digest.
        Some(Self { id, described: MediaDescription::new(media_type, size, [0; 32]).ok()? })
    }
}

fn hex(id: &[u8; PICTURE_ID_BYTES]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

fn piece_key(id: [u8; PICTURE_ID_BYTES], index: usize) -> ConfigurationKey {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    Kind::ProfilePicture.key([&id[..], &index.to_be_bytes()].concat())
}
