//! What a request to `messages` asks for.

use bulla_base::Number;
use bulla_content::{self as content, MAX_TEXT_CHARS, Reaction};
use bulla_relay::{MAX_TRACKING_CHARS, MessageRef, Outgoing, OutgoingBody, Recipient};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::json_field::{Field, Fields, Object, Text};
use super::links::Links;
use super::message_fields::{MessageFields, ReactionFields, TextFields, TypingFields};
use super::{contacts, interactive, location, media_message, template_message};
use crate::api_error::ApiError;
use crate::limits::MAX_TO_CHARS;
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
        message: MessageRef,
        /// Whether the user is to be shown that an answer is being written.
        is_typing: bool,
    },
}

impl Request {
    /// Reads a request from its body. Fields that are not known are walked over, and a `null` counts as
    /// absent.
    pub(crate) fn parse(body: &[u8], once: Option<Bytes>, links: &mut Links<'_>) -> Result<Self, ApiError> {
        match whole(body)? {
            Field::Given(Object(fields)) => Self::read(fields, once, links),
            Field::Absent | Field::Mistyped => {
                Err(ApiError::unreadable("the request's body must be a JSON object"))
            }
        }
    }

    fn read(fields: MessageFields<'_>, once: Option<Bytes>, links: &mut Links<'_>) -> Result<Self, ApiError> {
        let product = fields.messaging_product.required_filled("messaging_product")?;
        if !product.eq_ignore_ascii_case("whatsapp") {
            return Err(ApiError::one_of("messaging_product", "WHATSAPP"));
        }
        match fields.status.filled("status")? {
            None => {}
            Some(status) if status.eq_ignore_ascii_case("read") => {
                let name = fields.message_id.required_filled("message_id")?;
                let message = reference("message_id", &name)?;
                return Ok(Self::MarkRead { message, is_typing: is_typing(fields.typing_indicator)? });
            }
            Some(_) => return Err(ApiError::one_of("status", "READ")),
        }
        if let Some(kind) = fields.recipient_type.filled("recipient_type")?
            && !kind.eq_ignore_ascii_case("individual")
        {
            return Err(ApiError::one_of("recipient_type", "INDIVIDUAL"));
        }
        let kind = fields.kind.filled("type")?;
        let body = match kind.as_deref().unwrap_or("text") {
            kind if kind.eq_ignore_ascii_case("text") => text(fields.text.required("text")?.0)?,
            kind if kind.eq_ignore_ascii_case("reaction") => {
                reaction(fields.reaction.required("reaction")?.0)?
            }
            kind if kind.eq_ignore_ascii_case("location") => {
                location::read(fields.location.required("location")?.0)?
            }
            kind if kind.eq_ignore_ascii_case("contacts") => {
                contacts::read(fields.contacts.objects("contacts", "contacts")?)?
            }
            kind if kind.eq_ignore_ascii_case("interactive") => {
                interactive::read(fields.interactive.required("interactive")?.0, links)?
            }
            kind if kind.eq_ignore_ascii_case("image") => {
                media_message::read(fields.image.required("image")?.0, &media_message::IMAGE, links)?
            }
            kind if kind.eq_ignore_ascii_case("video") => {
                media_message::read(fields.video.required("video")?.0, &media_message::VIDEO, links)?
            }
            kind if kind.eq_ignore_ascii_case("audio") => {
                media_message::read(fields.audio.required("audio")?.0, &media_message::AUDIO, links)?
            }
            kind if kind.eq_ignore_ascii_case("document") => {
                media_message::read(fields.document.required("document")?.0, &media_message::DOCUMENT, links)?
            }
            kind if kind.eq_ignore_ascii_case("sticker") => {
                media_message::read(fields.sticker.required("sticker")?.0, &media_message::STICKER, links)?
            }
            kind if kind.eq_ignore_ascii_case("template") => {
                template_message::read(fields.template.required("template")?.0, links)?
            }
            _ => return Err(ApiError::unknown_type()),
        };
        let (to, contact) = recipient(fields.to.into(), fields.recipient)?;
        let quoted = match fields.context.optional("context")? {
            Some(Object(context)) => context.message_id.filled("context.message_id")?,
            None => None,
        };
        // A message that is not known is not quoted, and the reply is sent all the same. A reaction names its
        // message already.
        let may_quote = !matches!(body, OutgoingBody::Reaction { .. });
        let quoted = quoted.and_then(|name| wamid::read(&name)).filter(|_| may_quote);
        let tracking = fields.tracking.filled("biz_opaque_callback_data")?;
        let mut message = Outgoing::new(to, body);
        if let Some(quoted) = quoted {
            message = message.replying_to(quoted);
        }
        if let Some(tracking) = tracking {
            at_most("biz_opaque_callback_data", MAX_TRACKING_CHARS, &tracking)?;
            message = message.tracking(tracking);
        }
        if let Some(once) = once {
            message = message.idempotency_key(once);
        }
        Ok(Self::Send { contact, message })
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

impl Contact {
    /// Whether it is this number, as far as is known.
    pub(crate) fn is(&self, number: &Number) -> bool {
        self.wa_id.as_deref() == Some(number.digits())
    }
}

/// The recipient: `to`, a number, also when both stand there; or else `recipient`, a user id.
fn recipient<'de>(
    to: Field<Text<'de>>,
    recipient: Field<Text<'de>>,
) -> Result<(Recipient, Contact), ApiError> {
    let Some(input) = to.filled("to")? else {
        let Some(input) = recipient.filled("recipient")? else { return Err(ApiError::missing("to")) };
        let user = user_id::read(&input).ok_or_else(ApiError::unknown_user)?;
        let input = input.into_owned();
        return Ok((user.into(), Contact { user_id: Some(input.clone()), input, wa_id: None }));
    };
    // Counted in characters, as the error says it, and before anything is made of it.
    let chars = input.chars().count();
    if chars > MAX_TO_CHARS {
        return Err(ApiError::value(
            "to",
            format_args!("it has {chars} characters, more than the {MAX_TO_CHARS} allowed"),
        ));
    }
    let to = Number::parse(&input).map_err(|error| ApiError::value("to", error.why()))?;
    let wa_id = Some(to.digits().to_owned());
    Ok((to.into(), Contact { input: input.into_owned(), wa_id, user_id: None }))
}

/// Whether a typing indicator is asked for. There is one, of the type `text`.
fn is_typing(indicator: Field<Object<TypingFields<'_>>>) -> Result<bool, ApiError> {
    let Some(Object(indicator)) = indicator.optional("typing_indicator")? else { return Ok(false) };
    match indicator.kind.required_filled("typing_indicator.type")? {
        kind if kind.eq_ignore_ascii_case("text") => Ok(true),
        _ => Err(ApiError::one_of("typing_indicator.type", "TEXT")),
    }
}

fn text(fields: TextFields<'_>) -> Result<OutgoingBody, ApiError> {
    let body = fields.body.required_filled("text.body")?;
    let preview_url = fields.preview_url.optional("text.preview_url")?.unwrap_or(false);
    // Counted before it is copied.
    at_most("text.body", MAX_TEXT_CHARS, &body)?;
    let text = content::Text::new(body).map_err(|error| ApiError::content("text.body", &error))?;
    Ok(OutgoingBody::Text(text.with_preview_url(preview_url)))
}

fn reaction(fields: ReactionFields<'_>) -> Result<OutgoingBody, ApiError> {
    let name = fields.message_id.required_filled("reaction.message_id")?;
    let Text(emoji) = fields.emoji.required("reaction.emoji")?;
    let to = reference("reaction.message_id", &name)?;
    if emoji.is_empty() {
        return Ok(OutgoingBody::Reaction { to, emoji: None });
    }
    // Built for its check alone: the relay makes its own once it has found the message.
    Reaction::put(to.id(), &*emoji).map_err(|error| ApiError::content("reaction.emoji", &error))?;
    Ok(OutgoingBody::Reaction { to, emoji: Some(emoji.into_owned()) })
}

fn reference(field: &'static str, name: &str) -> Result<MessageRef, ApiError> {
    wamid::read(name).ok_or_else(|| ApiError::unknown_message(field))
}

fn at_most(field: &'static str, limit: usize, text: &str) -> Result<(), ApiError> {
    let actual = text.chars().count();
    if actual > limit { Err(ApiError::long(field, "characters", actual, limit)) } else { Ok(()) }
}

/// Reads a body as a whole.
pub(crate) fn whole<'de, T: Fields<'de>>(body: &'de [u8]) -> Result<Field<Object<T>>, ApiError> {
    if body.is_empty() {
        return Err(ApiError::unreadable("the request's body is empty; it must be a JSON object"));
    }
    // What is walked over is not looked at more closely than this.
    let body = std::str::from_utf8(body)
        .map_err(|_| ApiError::unreadable("the request's body is not JSON: it is not UTF-8"))?;
    let mut json = serde_json::Deserializer::from_str(body);
    let whole = Field::deserialize(&mut json).and_then(|fields| json.end().map(|()| fields));
    // The parser's own message is not repeated: its wording is not ours to promise.
    whole.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ApiError::unreadable(format!("the request's body is not JSON at line {line}, column {column}"))
    })
}
