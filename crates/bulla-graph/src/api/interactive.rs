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
    let (action, shown) = if kind.eq_ignore_ascii_case("carousel") {
        let (carousel, shown) = cards::read(action.cards, links)?;
        (Action::Carousel(carousel), shown)
    } else {
        (action::read(&kind, action)?, Vec::new())
    };
    let body = text(fields.body, ["interactive.body", "interactive.body.text"])?.unwrap_or_default();
    let header = match fields.header.optional("interactive.header")? {
        Some(Object(fields)) => header(fields, links)?,
        None => None,
    };
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

/// Some clients write a header of no words for one that is not there.
fn header(fields: HeaderFields<'_>, links: &mut Links<'_>) -> Result<Option<Top>, ApiError> {
    let kind = fields.kind.filled("interactive.header.type")?;
    let (given, path, names) = match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("text") => {
            let text = fields.text.filled("interactive.header.text")?;
            return Ok(text.map(HeaderText::new).transpose()?.map(Top::Words));
        }
        Some("image") => (fields.image, "interactive.header.image", &media_message::IMAGE),
        Some("video") => (fields.video, "interactive.header.video", &media_message::VIDEO),
        Some("document") => (fields.document, "interactive.header.document", &media_message::DOCUMENT),
        Some(_) => return Err(ApiError::one_of("interactive.header.type", "DOCUMENT, IMAGE, TEXT, VIDEO")),
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
