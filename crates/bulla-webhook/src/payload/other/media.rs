use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bulla_content::Body;
use bulla_relay::Subject;
use serde::Serialize;

use crate::api_ids;

/// A picture, a voice or a file that a user has sent, and how it is fetched by the Graph API.
#[derive(Serialize)]
pub(in crate::payload) struct Media<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    mime_type: &'a str,
    /// In base64, as the original has it here and nowhere else.
    sha256: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    animated: Option<bool>,
}

impl<'a> Media<'a> {
    /// The media in `body`. Nothing when there is none, or when its sender does not say what digest it has:
    /// then the relay keeps nothing to fetch it by.
    pub(super) fn of(body: &'a Body, about: &Subject) -> Option<Self> {
        let attachment = body.attachment()?;
        let (caption, filename) = match body {
            Body::Image(image) => (image.caption(), None),
            Body::Video(video) => (video.caption(), None),
            Body::Document(document) => (document.caption(), document.filename()),
            _ => (None, None),
        };
        let voice = if let Body::Audio(audio) = body { Some(audio.is_voice()) } else { None };
        let animated = if let Body::Sticker(sticker) = body { Some(sticker.is_animated()) } else { None };
        Some(Self {
            caption,
            filename,
            mime_type: attachment.media_type(),
            sha256: STANDARD.encode(attachment.plaintext_digest()?),
            id: api_ids::media(about.business, about.message),
            voice,
            animated,
        })
    }
}
