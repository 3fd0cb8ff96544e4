//! The Protocol Buffers form of a content. The field numbers are for ever.

use std::fmt;

use bulla_base::{MessageId, is_flat};
use bytes::Bytes;
use prost::Message as _;

use crate::{Body, Content, InvalidContent, Progress, Reaction, Receipt, RetryRequest, Text};

pub(crate) fn encode(content: &Content) -> Vec<u8> {
    let mut wire = Wire { in_reply_to: content.in_reply_to().map(id_bytes), ..Wire::default() };
    match content.body() {
        Body::Text(text) => {
            wire.text = Some(WireText { body: text.body().to_owned(), preview_url: text.preview_url() });
        }
        Body::Reaction(reaction) => {
            let emoji = reaction.emoji().unwrap_or_default().to_owned();
            wire.reaction = Some(WireReaction { to: id_bytes(reaction.to()), emoji });
        }
        Body::Receipt(receipt) => {
            let progress = match receipt.progress() {
                Progress::Delivered => 1,
                Progress::Read => 2,
            };
            let messages = receipt.messages().iter().copied().map(id_bytes).collect();
            wire.receipt = Some(WireReceipt { progress, messages });
        }
        Body::RetryRequest(request) => {
            let (message, attempt) = (id_bytes(request.message()), request.attempt().into());
            wire.retry = Some(WireRetryRequest { message, attempt });
        }
    }
    wire.encode_to_vec()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Content, InvalidContent> {
    if !is_flat(bytes, &MESSAGES) {
        return Err(InvalidContent::Malformed);
    }
    let wire = Wire::decode(bytes).map_err(|_| InvalidContent::Malformed)?;
    let in_reply_to = wire.in_reply_to.as_ref().map(read_id).transpose()?;
    let body = match (wire.text, wire.reaction, wire.receipt, wire.retry) {
        (Some(text), None, None, None) => {
            Body::Text(Text::new(text.body)?.with_preview_url(text.preview_url))
        }
        (None, Some(reaction), None, None) => Body::Reaction(read_reaction(reaction)?),
        (None, None, Some(receipt), None) => Body::Receipt(read_receipt(&receipt)?),
        (None, None, None, Some(retry)) => Body::RetryRequest(read_retry_request(&retry)?),
        _ => return Err(InvalidContent::Malformed),
    };
    Ok(Content::from_parts(body, in_reply_to))
}

fn read_reaction(wire: WireReaction) -> Result<Reaction, InvalidContent> {
    let to = read_id(&wire.to)?;
    if wire.emoji.is_empty() { Ok(Reaction::removed(to)) } else { Reaction::put(to, wire.emoji) }
}

fn read_receipt(wire: &WireReceipt) -> Result<Receipt, InvalidContent> {
    let progress = match wire.progress {
        1 => Progress::Delivered,
        2 => Progress::Read,
        _ => return Err(InvalidContent::Malformed),
    };
    Receipt::new(progress, wire.messages.iter().map(read_id).collect::<Result<_, _>>()?)
}

fn read_retry_request(wire: &WireRetryRequest) -> Result<RetryRequest, InvalidContent> {
    let attempt = u8::try_from(wire.attempt).map_err(|_| InvalidContent::Malformed)?;
    Ok(RetryRequest::new(read_id(&wire.message)?, attempt))
}

fn id_bytes(id: MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn read_id(bytes: &Bytes) -> Result<MessageId, InvalidContent> {
    MessageId::from_bytes(bytes).map_err(|_| InvalidContent::Malformed)
}

/// The fields of [`Wire`] that are messages.
const MESSAGES: [u32; 4] = [2, 3, 4, 5];

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Wire {
    #[prost(bytes = "bytes", optional, tag = "1")]
    in_reply_to: Option<Bytes>,
    #[prost(message, optional, tag = "2")]
    text: Option<WireText>,
    #[prost(message, optional, tag = "3")]
    reaction: Option<WireReaction>,
    #[prost(message, optional, tag = "4")]
    receipt: Option<WireReceipt>,
    #[prost(message, optional, tag = "5")]
    retry: Option<WireRetryRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct WireRetryRequest {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    /// At most 255.
    #[prost(uint32, tag = "2")]
    attempt: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct WireText {
    #[prost(string, tag = "1")]
    body: String,
    #[prost(bool, tag = "2")]
    preview_url: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct WireReaction {
    #[prost(bytes = "bytes", tag = "1")]
    to: Bytes,
    #[prost(string, tag = "2")]
    emoji: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct WireReceipt {
    #[prost(uint32, tag = "1")]
    progress: u32,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    messages: Vec<Bytes>,
}

macro_rules! silent {
    ($($wire:ident),*) => {$(
        impl fmt::Debug for $wire {
            /// Content does not print.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($wire), "(…)"))
            }
        }
    )*};
}

silent!(Wire, WireText, WireReaction, WireReceipt, WireRetryRequest);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_PLAINTEXT_BYTES;

    /// Each byte begins a group, of a field that is not known, in the one before it. In a build in which
    /// somebody had turned off the decoder's own limit, a user's message ended the relay.
    #[test]
    fn however_deep_its_groups_go_a_content_is_merely_malformed() {
        let groups = vec![0x7b; MAX_PLAINTEXT_BYTES];
        for field in MESSAGES {
            let head = [u8::try_from(field << 3 | 2).unwrap(), 0x80, 0x80, 0x04];
            let nested = [&head[..], &groups].concat();
            assert!(matches!(decode(&nested), Err(InvalidContent::Malformed)), "in field {field}");
        }
        assert!(matches!(decode(&groups), Err(InvalidContent::Malformed)));
    }
}
