//! A message of a user, written as a webhook would show it, for `POST /sandbox/inbound`.
//!
//! ```json
//! {"from": "16505551234", "type": "text", "text": {"body": "hello"}, "context": {"id": "wamid…"}}
//! ```
//!
//! Instead of `id` and `sha256`, media has `data` in base64, or nothing: then it is a few bytes of its kind.
//! `phone_number_id` says to which business; the first of the seed unless it is said. What the relay or the
//! device makes itself is not read: `id`, `timestamp`, `from_user_id`.

mod contacts;
mod field;
mod media;
mod reply;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla::base::{MessageId, Number, PhoneNumberId};
use bulla::content::{
    Body, Content, Edit, Forwarding, InvalidContent, Location, Order, OrderItem, Reaction, Revoke, System,
    SystemEvent, Text,
};
use bulla::relay::MessageRef;
use serde_json::Value;

use self::field::Field;
pub(super) use self::media::File;

/// Who says what to whom.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) from: Number,
    pub(super) to: Option<PhoneNumberId>,
    pub(super) message: Message,
    context: Context,
}

/// What is said.
#[derive(Debug)]
pub(super) enum Message {
    /// It is all there.
    Body(Box<Body>),
    /// A file that is to be uploaded first.
    File(Box<File>),
}

#[derive(Debug, Default)]
struct Context {
    in_reply_to: Option<MessageId>,
    forwarding: Option<Forwarding>,
}

/// A message that nobody can say. It names the field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMessage(String);

impl Inbound {
    /// Reads the message of a user.
    ///
    /// # Errors
    /// Names the first field that is missing or cannot be.
    pub(super) fn read(body: &[u8]) -> Result<Self, NoMessage> {
        let value: Value = serde_json::from_slice(body).map_err(|error| NoMessage(error.to_string()))?;
        let message = Field::whole(&value);
        let from = message.number("from")?;
        let to = message.optional("phone_number_id");
        let to = to.map(|to| PhoneNumberId::parse(to.text()?).map_err(|error| to.because(error)));
        let context = message.optional("context").map(|context| read_context(&context)).transpose()?;
        let (to, context) = (to.transpose()?, context.unwrap_or_default());
        Ok(Self { from, to, message: read_message(&message)?, context })
    }

    /// `body`, as this message says it.
    pub(super) const fn content(&self, body: Body) -> Content {
        let mut content = Content::new(body);
        if let Some(id) = self.context.in_reply_to {
            content = content.replying_to(id);
        }
        if let Some(forwarding) = self.context.forwarding {
            content = content.forwarded(forwarding);
        }
        content
    }
}

fn read_message(message: &Field<'_>) -> Result<Message, NoMessage> {
    let kind = message.required("type")?;
    let name = kind.text()?;
    if media::KINDS.contains(&name) {
        let file = message.required(name).and_then(|file| File::read(name, &file))?;
        return Ok(Message::File(Box::new(file)));
    }
    let body = match name {
        "text" => Body::Text(Text::new(message.required("text")?.required("body")?.text()?)?),
        "location" => Body::Location(read_location(&message.required("location")?)?),
        "contacts" => contacts::read(&message.required("contacts")?)?,
        "reaction" => {
            let reaction = message.required("reaction")?;
            let to = reaction.message_id("message_id")?;
            Body::Reaction(match reaction.optional_text("emoji")? {
                Some(emoji) => Reaction::put(to, emoji)?,
                None => Reaction::removed(to),
            })
        }
        "button" => reply::read_button(&message.required("button")?)?,
        "interactive" => reply::read(&message.required("interactive")?)?,
        "order" => Body::Order(read_order(&message.required("order")?)?),
        "edit" => {
            let edit = message.required("edit")?;
            let said = edit.required("message")?.required("text")?.required("body")?;
            Body::Edit(Edit::new(edit.message_id("original_message_id")?, Text::new(said.text()?)?))
        }
        "revoke" => Body::Revoke(Revoke::new(message.required("revoke")?.message_id("original_message_id")?)),
        "system" => {
            let said = message.required("system")?.required("body")?;
            Body::System(System::new(SystemEvent::IdentityChanged, said.text()?)?)
        }
        // Of all that the relay tells as unsupported, that one wants nothing else.
        "unsupported" => Body::System(System::new(SystemEvent::IdentityChanged, "unsupported")?),
        _ => return Err(kind.because("it is no type of message")),
    };
    Ok(Message::Body(Box::new(body)))
}

fn read_context(context: &Field<'_>) -> Result<Context, NoMessage> {
    let in_reply_to = match context.optional("id") {
        Some(_) => Some(context.message_id("id")?),
        None => None,
    };
    let is = |name| context.optional(name).is_some_and(|field| field.is_true());
    let forwarding = match (is("frequently_forwarded"), is("forwarded")) {
        (true, _) => Some(Forwarding::Frequently),
        (false, true) => Some(Forwarding::Forwarded),
        (false, false) => None,
    };
    Ok(Context { in_reply_to, forwarding })
}

fn read_location(location: &Field<'_>) -> Result<Location, NoMessage> {
    let mut place = Location::new(location.degrees("latitude")?, location.degrees("longitude")?)?;
    if let Some(name) = location.optional_text("name")? {
        place = place.with_name(name)?;
    }
    if let Some(address) = location.optional_text("address")? {
        place = place.with_address(address)?;
    }
    if let Some(url) = location.optional_text("url")? {
        place = place.with_url(url)?;
    }
    Ok(place)
}

fn read_order(order: &Field<'_>) -> Result<Order, NoMessage> {
    let items = order.required("product_items")?.items()?.into_iter().map(|item| {
        let quantity = item.required("quantity")?;
        let count = quantity.whole_number().and_then(|count| u32::try_from(count).ok());
        let count = count.ok_or_else(|| quantity.because("it is no such number"))?;
        let id = item.required("product_retailer_id")?.text()?;
        Ok(OrderItem::new(id, count, item.micros("item_price")?, item.required("currency")?.text()?)?)
    });
    let items = items.collect::<Result<_, NoMessage>>()?;
    let read = Order::new(order.required("catalog_id")?.text()?, items)?;
    match order.optional_text("text")? {
        Some(text) => Ok(read.with_text(text)?),
        None => Ok(read),
    }
}

/// The message that is called `wamid…`.
fn message_id(wamid: &str) -> Option<MessageId> {
    let bytes = URL_SAFE_NO_PAD.decode(wamid.strip_prefix("wamid.")?).ok()?;
    Some(MessageRef::from_bytes(bytes.try_into().ok()?).ok()?.id())
}

impl From<InvalidContent> for NoMessage {
    fn from(error: InvalidContent) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for NoMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
