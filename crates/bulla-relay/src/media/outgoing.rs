use std::fmt;

use bulla_content::attachment::AttachmentPointer;
use bulla_content::{Audio, Body, Document, Image, InvalidContent, Sticker, Video};

use crate::MediaId;

/// As what media is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaKind {
    /// An image.
    Image,
    /// A video.
    Video,
    /// Something to listen to.
    Audio,
    /// What somebody has just spoken.
    Voice,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// What the types of such media are called in errors, and which they are; any for a document. They are
    /// those of the API that is served.
    const fn types(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Image => ("image.media_type", "image/jpeg or image/png", &["image/jpeg", "image/png"]),
            Self::Video => ("video.media_type", "video/mp4 or video/3gpp", &["video/mp4", "video/3gpp"]),
            Self::Audio | Self::Voice => (
                "audio.media_type",
                "audio/aac, audio/amr, audio/mpeg, audio/mp4 or audio/ogg",
                &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
            ),
            Self::Sticker => ("sticker.media_type", "image/webp", &["image/webp"]),
            Self::Document => ("document.media_type", "a type", &[]),
        }
    }

    /// Makes sure that `media_type` is one that is shown so.
    fn check(self, media_type: &str) -> Result<(), InvalidContent> {
        let (field, expected, types) = self.types();
        let essence = media_type.split(';').next().unwrap_or_default().trim_end();
        match types.is_empty() || types.contains(&essence) {
            true => Ok(()),
            false => Err(InvalidContent::Unfit { field, expected }),
        }
    }
}

/// A message with media that the business has uploaded, or that a user has sent it.
///
/// When it is submitted, the relay seals the media for this message alone, under a fresh key, and brings it
/// to the carrier.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMedia {
    pub(crate) media: MediaId,
    kind: MediaKind,
    caption: Option<String>,
    filename: Option<String>,
}

impl OutgoingMedia {
    /// Shows `media` as `kind`.
    #[must_use]
    pub const fn new(media: MediaId, kind: MediaKind) -> Self {
        Self { media, kind, caption: None, filename: None }
    }

    /// Writes `caption` below it: an image, a video or a document; else it is passed over.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }

    /// Gives a document the name of its file; else it is passed over.
    #[must_use]
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }

    /// What the message says, when the media is where `pointer` leads.
    pub(crate) fn body(&self, pointer: AttachmentPointer, animated: bool) -> Result<Body, InvalidContent> {
        self.kind.check(pointer.media_type())?;
        let (caption, filename) = (self.caption.clone(), self.filename.clone());
        Ok(match self.kind {
            MediaKind::Image => Body::Image(captioned(Image::new(pointer)?, caption, Image::with_caption)?),
            MediaKind::Video => Body::Video(captioned(Video::new(pointer)?, caption, Video::with_caption)?),
            MediaKind::Audio => Body::Audio(Audio::new(pointer)?),
            MediaKind::Voice => Body::Audio(Audio::new(pointer)?.with_voice(true)),
            MediaKind::Document => {
                let document = captioned(Document::new(pointer)?, caption, Document::with_caption)?;
                Body::Document(captioned(document, filename, Document::with_filename)?)
            }
            MediaKind::Sticker => Body::Sticker(Sticker::new(pointer, animated)?),
        })
    }
}

fn captioned<M>(
    media: M,
    text: Option<String>,
    with: fn(M, String) -> Result<M, InvalidContent>,
) -> Result<M, InvalidContent> {
    match text {
        Some(text) => with(media, text),
        None => Ok(media),
    }
}

impl fmt::Debug for OutgoingMedia {
    /// What is written prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media, kind, caption, filename } = self;
        f.debug_struct("OutgoingMedia")
            .field("media", media)
            .field("kind", kind)
            .field("caption_bytes", &caption.as_ref().map(String::len))
            .field("filename_bytes", &filename.as_ref().map(String::len))
            .finish()
    }
}
