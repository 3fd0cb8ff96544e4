//! A message that is answered by tapping, as a request says it.

mod action;
mod cards;
mod parameters;
mod sections;

use bulla_content::{Action, Header, HeaderText, Interactive};
use bulla_relay::{OutgoingBody, OutgoingMedia};

use self::action::ActionFields;
use super::json_field::{Field, Object, Text, fields};
use super::links::Links;
use super::media_message::{self, MediaFields};
use crate::api_error::ApiError;

fields! {
    /// The fields of `interactive`.
    struct InteractiveFields<'de> {
        kind: Text<'de> = "type",
        header: Object<HeaderFields<'de>> = "header",
        body: Object<BodyFields<'de>> = "body",
        footer: Object<BodyFields<'de>> = "footer",
        action: Object<ActionFields<'de>> = "action",
    }
}

fields! {
    /// The fields of `header`.
    struct HeaderFields<'de> {
        kind: Text<'de> = "type",
        text: Text<'de> = "text",
        image: Object<MediaFields<'de>> = "image",
        video: Object<MediaFields<'de>> = "video",
        document: Object<MediaFields<'de>> = "document",
    }
}

/// What stands above the body.
enum Top {
    Words(HeaderText),
    Media(OutgoingMedia),
}

fields! {
    /// The fields of `body` and `footer`.
    struct BodyFields<'de> {
        text: Text<'de> = "text",
    }
}

/// The message.
pub(crate) fn read(fields: InteractiveFields<'_>, links: &mut Links<'_>) -> Result<OutgoingBody, ApiError> {
    let kind = fields.kind.required_filled("interactive.type")?;
    let Object(action) = fields.action.required("interactive.action")?;
    let has_cards = kind.eq_ignore_ascii_case("carousel");
    let (action, shown) = if has_cards {
        let (carousel, shown) = cards::read(action.cards, links)?;
        (Action::Carousel(carousel), shown)
    } else {
        (action::read(&kind, action)?, Vec::new())
    };
    let body = text(fields.body, ["interactive.body", "interactive.body.text"])?.unwrap_or_default();
    let header = match fields.header.optional("interactive.header")? {
        Some(Object(fields)) => header(fields, &HEADER, links)?,
        None => None,
    };
    if has_cards && header.is_some() {
        return Err(ApiError::value("interactive.header", "each card has its own, and the carousel none"));
    }
    let (words, media) = match header {
        Some(Top::Words(words)) => (Some(words), None),
        Some(Top::Media(media)) => (None, Some(media)),
        None => (None, None),
    };
    let mut interactive = match (action, words) {
        (Action::ProductList(list), Some(header)) => Interactive::with_products(header.text(), body, list)?,
        (action, None) => Interactive::new(body, action)?,
        (action, Some(header)) => Interactive::new(body, action)?.with_header(Header::Text(header))?,
    };
    if let Some(footer) = text(fields.footer, ["interactive.footer", "interactive.footer.text"])? {
        interactive = interactive.with_footer(footer)?;
    }
    let interactive = Box::new(interactive);
    Ok(match media {
        Some(media) => OutgoingBody::InteractiveWithMedia(interactive, media),
        None if !shown.is_empty() => OutgoingBody::CarouselWithMedia(interactive, shown),
        None => OutgoingBody::Interactive(interactive),
    })
}

/// Where the fields of a header stand, and which types it can have.
struct HeaderPaths {
    kind: &'static str,
    kinds: &'static str,
    text: &'static str,
    image: &'static str,
    video: &'static str,
    /// Nothing where it cannot be one.
    document: Option<&'static str>,
}

const HEADER: HeaderPaths = HeaderPaths {
    kind: "interactive.header.type",
    kinds: "DOCUMENT, IMAGE, TEXT, VIDEO",
    text: "interactive.header.text",
    image: "interactive.header.image",
    video: "interactive.header.video",
    document: Some("interactive.header.document"),
};

/// Some clients write a header of no words for one that is not there.
fn header(
    fields: HeaderFields<'_>,
    paths: &HeaderPaths,
    links: &mut Links<'_>,
) -> Result<Option<Top>, ApiError> {
    let kind = fields.kind.filled(paths.kind)?;
    let (given, path, names) = match (kind.as_deref().map(str::to_ascii_lowercase).as_deref(), paths.document)
    {
        (None | Some("text"), _) => {
            let text = fields.text.filled(paths.text)?;
            return Ok(text.map(HeaderText::new).transpose()?.map(Top::Words));
        }
        (Some("image"), _) => (fields.image, paths.image, &media_message::IMAGE),
        (Some("video"), _) => (fields.video, paths.video, &media_message::VIDEO),
        (Some("document"), Some(path)) => (fields.document, path, &media_message::DOCUMENT),
        (Some(_), _) => return Err(ApiError::one_of(paths.kind, paths.kinds)),
    };
    match media_message::read(given.required(path)?.0, names, links)? {
        OutgoingBody::Media(media) => Ok(Some(Top::Media(media))),
        // Nothing else is read of it.
        _ => Err(ApiError::missing(path)),
    }
}

fn text<'de>(
    object: Field<Object<BodyFields<'de>>>,
    [object_path, text_path]: [&'static str; 2],
) -> Result<Option<std::borrow::Cow<'de, str>>, ApiError> {
    match object.optional(object_path)? {
        Some(Object(fields)) => fields.text.filled(text_path),
        None => Ok(None),
    }
}
