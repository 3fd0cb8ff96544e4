use bulla_base::Number;
use bulla_content::{Reaction, Text};
use bulla_relay::{Handle, MAX_TRACKING_CHARS, Outgoing, Recipient, Saying};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::limits::{MAX_REPEATED_BYTES, MAX_TO_CHARS};
use crate::refusal::Refusal;
use crate::{user_id, wamid};

/// What a request to `messages` asks for.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each request, and it moves once")]
pub(crate) enum Request {
    /// A message is to be sent.
    Send {
        /// The recipient, as it stands in the answer.
        contact: Contact,
        /// The message.
        message: Outgoing,
    },
    /// A user's message is to be marked as read.
    MarkRead {
        /// Which.
        message: Handle,
    },
}

impl Request {
    /// Reads a request. Fields that are not known, and `null`s, are ignored.
    pub(crate) fn read(fields: &Map<String, Value>, once: Option<Bytes>) -> Result<Self, Refusal> {
        let fields = Fields::new(fields);
        if fields.required_text("messaging_product")? != "whatsapp" {
            return Err(Refusal::value("messaging_product", "it must be whatsapp"));
        }
        match fields.text("status")? {
            None => send(&fields, once),
            // A typing indicator may stand beside it and is not shown: there is nothing on the wire for it yet.
            Some("read") => {
                Ok(Self::MarkRead { message: handle("message_id", fields.required_text("message_id")?)? })
            }
            Some(_) => Err(Refusal::value("status", "it must be read")),
        }
    }
}

/// Whom a message goes to: by number, or by the id the business knows the user by.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Contact {
    /// As it was written.
    input: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

fn send(fields: &Fields<'_>, once: Option<Bytes>) -> Result<Request, Refusal> {
    if fields.text("recipient_type")?.is_some_and(|kind| kind != "individual") {
        return Err(Refusal::value("recipient_type", "only individual is supported"));
    }
    let saying = match fields.text("type")?.unwrap_or("text") {
        "text" => text(&fields.required_object("text")?)?,
        "reaction" => reaction(&fields.required_object("reaction")?)?,
        other => return Err(Refusal::kind_of_message(repeatable(other))),
    };
    let (to, contact) = recipient(fields)?;
    let answered = match fields.object("context")? {
        Some(context) => {
            context.text("message_id")?.map(|name| handle("context.message_id", name)).transpose()?
        }
        None => None,
    };
    let tracking = fields.text("biz_opaque_callback_data")?;
    if let Some(actual) =
        tracking.map(|text| text.chars().count()).filter(|chars| *chars > MAX_TRACKING_CHARS)
    {
        return Err(Refusal::long("biz_opaque_callback_data", "characters", actual, MAX_TRACKING_CHARS));
    }
    // A reaction names its message already, so an answer of its own would be a second one.
    let answered = answered.filter(|_| matches!(saying, Saying::Text(_)));
    let mut message = Outgoing::new(to, saying);
    if let Some(answered) = answered {
        message = message.replying_to(answered);
    }
    if let Some(tracking) = tracking {
        message = message.tracked_as(tracking);
    }
    if let Some(once) = once {
        message = message.once(once);
    }
    Ok(Request::Send { contact, message })
}

/// The recipient: `to`, a number, also when both stand there; or else `recipient`, a user id.
fn recipient(fields: &Fields<'_>) -> Result<(Recipient, Contact), Refusal> {
    let Some(input) = fields.text("to")? else {
        let Some(input) = fields.text("recipient")? else { return Err(Refusal::missing("to")) };
        let user = user_id::read(input).ok_or_else(Refusal::unknown_user)?;
        let contact = Contact { input: input.to_owned(), wa_id: None, user_id: Some(input.to_owned()) };
        return Ok((user.into(), contact));
    };
    let chars = input.chars().count();
    if chars > MAX_TO_CHARS {
        return Err(Refusal::long("to", "characters", chars, MAX_TO_CHARS));
    }
    let to = Number::parse(input).map_err(|error| Refusal::value("to", error.why()))?;
    let contact = Contact { input: input.to_owned(), wa_id: Some(to.digits().to_owned()), user_id: None };
    Ok((to.into(), contact))
}

fn text(fields: &Fields<'_>) -> Result<Saying, Refusal> {
    let body = fields.required_text("body")?;
    let preview_url = fields.flag("preview_url")?.unwrap_or(false);
    let text = Text::new(body).map_err(|error| Refusal::content("text.body", &error))?;
    Ok(Saying::Text(text.with_preview_url(preview_url)))
}

fn reaction(fields: &Fields<'_>) -> Result<Saying, Refusal> {
    let name = fields.required_text("message_id")?;
    let emoji = fields.required_text("emoji")?;
    let to = handle("reaction.message_id", name)?;
    if emoji.is_empty() {
        return Ok(Saying::Reaction { to, emoji: None });
    }
    // Built for its check alone: the relay makes its own once it has found the message.
    Reaction::put(to.id(), emoji).map_err(|error| Refusal::content("reaction.emoji", &error))?;
    Ok(Saying::Reaction { to, emoji: Some(emoji.to_owned()) })
}

fn handle(field: &'static str, name: &str) -> Result<Handle, Refusal> {
    wamid::read(name).ok_or_else(|| Refusal::unknown_message(field))
}

/// The name itself when it can stand in an error, which others print.
fn repeatable(name: &str) -> &str {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && !name.is_empty() && name.len() <= MAX_REPEATED_BYTES { name } else { "(not a name)" }
}
