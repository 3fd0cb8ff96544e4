//! A message that is answered by tapping, as a request says it.

mod action;
mod parameters;
mod sections;

use bulla_content::{Action, Header, HeaderText, Interactive};
use bulla_relay::OutgoingBody;

use self::action::ActionFields;
use super::json_field::{Field, Object, Text, fields};
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
    }
}

fields! {
    /// The fields of `body` and `footer`.
    struct BodyFields<'de> {
        text: Text<'de> = "text",
    }
}

/// The message.
pub(crate) fn read(fields: InteractiveFields<'_>) -> Result<OutgoingBody, ApiError> {
    let kind = fields.kind.required_filled("interactive.type")?;
    let Object(action) = fields.action.required("interactive.action")?;
    let action = action::read(&kind, action)?;
    let body = text(fields.body, ["interactive.body", "interactive.body.text"])?.unwrap_or_default();
    let header = match fields.header.optional("interactive.header")? {
        Some(Object(fields)) => header(fields)?,
        None => None,
    };
    let mut interactive = match (action, header) {
        (Action::ProductList(list), Some(header)) => Interactive::with_products(header.text(), body, list)?,
        (action, None) => Interactive::new(body, action)?,
        (action, Some(header)) => Interactive::new(body, action)?.with_header(Header::Text(header))?,
    };
    if let Some(footer) = text(fields.footer, ["interactive.footer", "interactive.footer.text"])? {
        interactive = interactive.with_footer(footer)?;
    }
    Ok(OutgoingBody::Interactive(Box::new(interactive)))
}

/// Some clients write a header of no words for one that is not there.
fn header(fields: HeaderFields<'_>) -> Result<Option<HeaderText>, ApiError> {
    match fields.kind.filled("interactive.header.type")? {
        None => {}
        Some(kind) if kind.eq_ignore_ascii_case("text") => {}
        Some(kind)
            if ["image", "video", "document"].iter().any(|medium| medium.eq_ignore_ascii_case(&kind)) =>
        {
            return Err(ApiError::unsupported(
                "headers with media are not supported; those of type text are",
            ));
        }
        Some(_) => return Err(ApiError::one_of("interactive.header.type", "DOCUMENT, IMAGE, TEXT, VIDEO")),
    }
    let text = fields.text.filled("interactive.header.text")?;
    Ok(text.map(HeaderText::new).transpose()?)
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
