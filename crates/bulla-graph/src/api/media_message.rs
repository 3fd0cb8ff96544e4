//! A message with media that was uploaded, or stands behind a link, as a request says it.

use bulla_content::limits::{MAX_CAPTION_CHARS, MAX_FILENAME_CHARS};
use bulla_relay::{MediaKind, OutgoingBody, OutgoingMedia};

use super::json_field::{Text, Word, fields};
use super::links::Links;
use crate::api_error::ApiError;
use crate::media_name;

fields! {
    /// The fields of `image`, `video`, `audio`, `document` and `sticker`.
    struct MediaFields<'de> {
        id: Word<'de> = "id",
        link: Text<'de> = "link",
        caption: Text<'de> = "caption",
        filename: Text<'de> = "filename",
        voice: bool = "voice",
    }
}

/// The names of the fields of one kind.
pub(crate) struct Names {
    /// As what it is shown.
    pub(crate) kind: MediaKind,
    id: &'static str,
    link: &'static str,
    caption: &'static str,
    filename: &'static str,
    voice: &'static str,
}

macro_rules! names {
    ($kind:expr, $name:literal) => {
        Names {
            kind: $kind,
            id: concat!($name, ".id"),
            link: concat!($name, ".link"),
            caption: concat!($name, ".caption"),
            filename: concat!($name, ".filename"),
            voice: concat!($name, ".voice"),
        }
    };
}

pub(crate) const IMAGE: Names = names!(MediaKind::Image, "image");
pub(crate) const VIDEO: Names = names!(MediaKind::Video, "video");
pub(crate) const AUDIO: Names = names!(MediaKind::Audio, "audio");
pub(crate) const DOCUMENT: Names = names!(MediaKind::Document, "document");
pub(crate) const STICKER: Names = names!(MediaKind::Sticker, "sticker");

/// The message.
pub(crate) fn read(
    fields: MediaFields<'_>,
    names: &Names,
    links: &mut Links<'_>,
) -> Result<OutgoingBody, ApiError> {
    let media = match fields.id.filled(names.id)? {
        // Which business it is of stands in the name; of another's the relay knows nothing.
        Some(id) => media_name::read(&id).ok_or_else(|| ApiError::unknown_media(names.id))?.1,
        None => match fields.link.filled(names.link)? {
            Some(link) => links.add(names.link, &link)?,
            None => return Err(ApiError::missing(names.id)),
        },
    };
    let is_voice = fields.voice.optional(names.voice)?.unwrap_or(false);
    let kind = if is_voice && names.kind == MediaKind::Audio { MediaKind::Voice } else { names.kind };
    let mut message = OutgoingMedia::new(media, kind);
    if let Some(caption) = fields.caption.filled(names.caption)? {
        at_most(names.caption, MAX_CAPTION_CHARS, &caption)?;
        message = message.caption(caption);
    }
    if let Some(filename) = fields.filename.filled(names.filename)? {
        at_most(names.filename, MAX_FILENAME_CHARS, &filename)?;
        message = message.filename(filename);
    }
    Ok(OutgoingBody::Media(message))
}

fn at_most(field: &'static str, limit: usize, text: &str) -> Result<(), ApiError> {
    let actual = text.chars().count();
    if actual > limit { Err(ApiError::long(field, "characters", actual, limit)) } else { Ok(()) }
}
