//! The Protocol Buffers form of a content, as `content.proto` describes it. The numbers are for ever.
//!
//! Each type says the numbers of its fields where it is declared, and is checked as it is read: what is
//! malformed or beyond a limit ends the reading there and then, and nothing is kept of it. So what a stranger
//! sends is never held in another form than the one that is within its limits.

mod field;
mod message;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use bulla_base::MessageId;

use crate::context::{Context, Forwarding, QuotedAuthor};
use crate::limits::{LOG_HEAD_BYTES, MAX_FALLBACK_CHARS};
use crate::{
    Audio, Body, Contacts, Content, Document, Edit, Image, Interactive, InteractiveReply, InvalidContent,
    Location, Order, QuickReply, Reaction, Receipt, ReferredProduct, RetryRequest, Revoke, Sticker, System,
    Template, Text, Typing, Unsupported, Video, bounded_text,
};

pub(crate) use self::field::Field;
pub(crate) use self::message::{
    Listed, Record, choice, codes, empty_record, optional_text, record, silent, text,
};
pub(crate) use self::reader::{Reader, Value};
pub(crate) use self::writer::{number_size, write_number};

use self::writer::{bytes_size, write_bytes};

/// Why bytes are not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// They are malformed, or say something beyond a limit.
    Invalid(InvalidContent),
    /// They say something that this version does not know: a newer one may.
    Newer,
}

impl ReadError {
    pub(crate) const MALFORMED: Self = Self::Invalid(InvalidContent::Malformed);
}

impl From<InvalidContent> for ReadError {
    fn from(invalid: InvalidContent) -> Self {
        Self::Invalid(invalid)
    }
}

/// What a message is in `content.proto`: its name, and its fields with their numbers.
#[cfg(test)]
pub(crate) trait Described {
    const MESSAGE: (&'static str, &'static [(&'static str, u32)]);
}

const IN_REPLY_TO: u32 = 1;
const FALLBACK: u32 = 6;
const QUOTED_AUTHOR: u32 = 7;
const FORWARDING: u32 = 8;
const PRODUCT: u32 = 9;
const LOG_HEAD: u32 = 10;

/// What the sender has seen of the carrier's log of keys. It is no part of what is said, so it stands in no
/// content: who opens an envelope is told it beside.
pub(crate) type LogHead = [u8; LOG_HEAD_BYTES];

/// The kinds that were there first: two messages, and two signals.
const TEXT: u32 = 2;
const REACTION: u32 = 3;
const RETRY_REQUEST: u32 = 5;
/// Kinds of messages, all there may ever be. What is not known shows its fallback text.
const FIRST_MESSAGE: u32 = 16;
const LAST_MESSAGE: u32 = 95;
/// Kinds of signals: they are not shown, and travel as receipts do. What is not known is passed over.
const LAST_SIGNAL: u32 = 127;

/// Whether the field `number` of a content is a kind; all others say something about the content.
const fn is_kind(number: u32) -> bool {
    matches!(number, TEXT..=RETRY_REQUEST | FIRST_MESSAGE..=LAST_SIGNAL)
}

/// Whether the kind `number` is a message, and no signal.
pub(crate) const fn is_message(number: u32) -> bool {
    matches!(number, TEXT | REACTION | FIRST_MESSAGE..=LAST_MESSAGE)
}

/// The kinds with their numbers, once for both directions.
macro_rules! kinds {
    ($($kind:ident = $number:literal),+ $(,)?) => {
        fn read_kind(number: u32, message: &[u8]) -> Result<Body, ReadError> {
            match number {
                $($number => <$kind as Record>::read(message).map(|one| Body::$kind(one.into())),)+
                _ => Err(ReadError::Newer),
            }
        }

        /// The number of the field in which `body` stands.
        pub(crate) const fn number(body: &Body) -> u32 {
            match body {
                $(Body::$kind(_) => $number,)+
                Body::Unsupported(other) => other.number(),
            }
        }

        fn kind_size(body: &Body) -> usize {
            match body {
                $(Body::$kind(one) => Field::size(Borrow::<$kind>::borrow(one), $number),)+
                Body::Unsupported(other) => bytes_size(other.number(), other.message().len()),
            }
        }

        fn write_kind(body: &Body, to: &mut Vec<u8>) {
            match body {
                $(Body::$kind(one) => Field::write(Borrow::<$kind>::borrow(one), $number, to),)+
                Body::Unsupported(other) => write_bytes(other.number(), other.message(), to),
            }
        }

        #[cfg(test)]
        const KINDS: &[(&str, u32)] = &[$((stringify!($kind), $number)),+];
    };
}

kinds! {
    Text = 2,
    Reaction = 3,
    Receipt = 4,
    RetryRequest = 5,
    Image = 16,
    Video = 17,
    Document = 18,
    Audio = 19,
    Sticker = 20,
    Location = 21,
    Contacts = 22,
    Interactive = 23,
    InteractiveReply = 24,
    Template = 25,
    QuickReply = 26,
    Order = 27,
    System = 28,
    Edit = 29,
    Revoke = 30,
    Typing = 96,
}

/// How many bytes [`write`] writes.
pub(crate) fn size(content: &Content, log_head: Option<&LogHead>) -> usize {
    let (context, body) = (content.context(), kind_size(content.body()));
    let author = context.quoted_author.map_or(0, QuotedAuthor::code);
    let forwarding = context.forwarding.map_or(0, Forwarding::code);
    context.in_reply_to.map_or(0, |id| id.size(IN_REPLY_TO))
        + body
        + content.fallback().map_or(0, |text| bytes_size(FALLBACK, text.len()))
        + number_size(QUOTED_AUTHOR, author)
        + number_size(FORWARDING, forwarding)
        + context.product.size(PRODUCT)
        + log_head.map_or(0, |head| bytes_size(LOG_HEAD, head.len()))
}

/// Writes the fields in the order of their numbers.
pub(crate) fn write(content: &Content, log_head: Option<&LogHead>, to: &mut Vec<u8>) {
    let (context, body) = (content.context(), content.body());
    let stands_first = number(body) < FALLBACK;
    if let Some(id) = context.in_reply_to {
        id.write(IN_REPLY_TO, to);
    }
    if stands_first {
        write_kind(body, to);
    }
    if let Some(text) = content.fallback() {
        write_bytes(FALLBACK, text.as_bytes(), to);
    }
    write_number(QUOTED_AUTHOR, context.quoted_author.map_or(0, QuotedAuthor::code), to);
    write_number(FORWARDING, context.forwarding.map_or(0, Forwarding::code), to);
    context.product.write(PRODUCT, to);
    if let Some(head) = log_head {
        write_bytes(LOG_HEAD, head, to);
    }
    if !stands_first {
        write_kind(body, to);
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<(Content, Option<LogHead>), InvalidContent> {
    match read_parts(bytes) {
        Ok(Parts { kind: Some(kind), context, fallback, log_head }) => {
            let body = match read_kind(kind.0, kind.1) {
                Ok(body) => body,
                Err(ReadError::Newer) => Body::Unsupported(Unsupported::read(kind.0, kind.1)?),
                Err(ReadError::Invalid(invalid)) => return Err(invalid),
            };
            Ok((Content::from_parts(body, context, fallback), log_head))
        }
        // Nothing that is read beside the kind can be of a newer version: it would have been passed over.
        Ok(Parts { kind: None, .. }) | Err(ReadError::Newer) => Err(InvalidContent::Malformed),
        Err(ReadError::Invalid(invalid)) => Err(invalid),
    }
}

/// The fields of a content.
struct Parts<'a> {
    /// The number of the kind, and the message of that number. There has to be one, and once.
    kind: Option<(u32, &'a [u8])>,
    context: Context,
    fallback: Option<String>,
    log_head: Option<LogHead>,
}

fn read_parts(bytes: &[u8]) -> Result<Parts<'_>, ReadError> {
    let (mut kind, mut context, mut fallback, mut log_head) = (None, Context::default(), None, None);
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.next()? {
        match number {
            number if is_kind(number) => {
                let one = (number, value.bytes()?);
                if kind.replace(one).is_some() {
                    return Err(ReadError::MALFORMED);
                }
            }
            IN_REPLY_TO => MessageId::take(&mut context.in_reply_to, value)?,
            FALLBACK => fallback = Some(value.string()?.to_owned()),
            // What is of a newer version here is passed over: the content says as much without it.
            QUOTED_AUTHOR => context.quoted_author = QuotedAuthor::from_code(value.number()?),
            FORWARDING => context.forwarding = Forwarding::from_code(value.number()?),
            PRODUCT => ReferredProduct::take(&mut context.product, value)?,
            LOG_HEAD => log_head = value.bytes()?.try_into().ok(),
            _ => {}
        }
    }
    bounded_text::optional("fallback", MAX_FALLBACK_CHARS, &mut fallback)?;
    Ok(Parts { kind, context, fallback, log_head })
}
