use std::fmt;

use bulla_base::{MessageId, PhoneNumberId, Timestamp};
use bulla_content::{Body, Content, Receipt};
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

/// Something in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEvent {
    /// Its place in the mailbox.
    pub(crate) place: u64,
    pub(crate) business: PhoneNumberId,
    pub(crate) id: MessageId,
    at: Timestamp,
    pub(crate) kind: DeviceEventKind,
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a message, and is held one at a time")]
pub enum DeviceEventKind {
    /// Something the business says, of whatever kind. One that this version does not know is
    /// [`Body::Unsupported`], to be shown by its [fallback text](Content::fallback).
    Message(Content),
    /// Messages of ours have come further.
    Receipt(Receipt),
    /// A message of ours will not arrive: the carrier refuses it, or the business's relay cannot open it,
    /// however often it was sent again.
    NotDelivered,
    /// A message of the business could not be opened, and did not come again, however often it was asked for.
    MessageLost,
    /// The business has another identity than before: it was installed anew, or somebody else speaks in its
    /// name. What was said since is from the new one, and what is written goes there.
    /// [`Device::safety_number`](crate::Device::safety_number) can be compared with the business.
    IdentityChanged,
}

impl DeviceEvent {
    pub(crate) fn read(place: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = StoreError::Damaged { what: "event" };
        let Ok(row) = Row::decode(bytes) else { return Err(damaged) };
        let Ok(id) = MessageId::from_bytes(&row.id) else { return Err(damaged) };
        let kind = match &row.words {
            _ if row.identity_changed => DeviceEventKind::IdentityChanged,
            None if row.lost => DeviceEventKind::MessageLost,
            None => DeviceEventKind::NotDelivered,
            Some(words) => match Content::decode(words) {
                Ok((content, _)) => DeviceEventKind::of(content),
                Err(_) => return Err(damaged),
            },
        };
        Ok(Self {
            place,
            business: PhoneNumberId::new(row.business),
            id,
            at: Timestamp::from_millis(row.at),
            kind,
        })
    }

    /// Which business it is about.
    #[must_use]
    pub const fn business(&self) -> PhoneNumberId {
        self.business
    }

    /// Which message: the one that says something, failed or was lost, or the one that brought the receipt or
    /// the changed identity.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// When it arrived, as the device's clock had it.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What it tells.
    #[must_use]
    pub const fn kind(&self) -> &DeviceEventKind {
        &self.kind
    }
}

impl DeviceEventKind {
    fn of(content: Content) -> Self {
        match content.body() {
            Body::Receipt(receipt) => Self::Receipt(receipt.clone()),
            _ => Self::Message(content),
        }
    }
}

/// An event as it is stored.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Row {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(uint64, tag = "2")]
    business: u64,
    #[prost(uint64, tag = "3")]
    at: u64,
    #[prost(bytes = "bytes", optional, tag = "4")]
    words: Option<Bytes>,
    #[prost(bool, tag = "5")]
    identity_changed: bool,
    #[prost(bool, tag = "6")]
    lost: bool,
}

impl Row {
    /// An event about the message `id`: an encoded content, or that it failed.
    pub(crate) fn new(id: MessageId, business: PhoneNumberId, at: Timestamp, content: Option<&[u8]>) -> Self {
        Self {
            id: Bytes::copy_from_slice(id.as_bytes()),
            business: business.number(),
            at: at.as_millis(),
            words: content.map(Bytes::copy_from_slice),
            identity_changed: false,
            lost: false,
        }
    }

    /// An event that the message `id` of the business could not be opened and does not come again.
    pub(crate) fn lost(id: MessageId, business: PhoneNumberId, at: Timestamp) -> Self {
        Self { lost: true, ..Self::new(id, business, at, None) }
    }

    /// An event that the business has another identity than before, which came with the message `id`.
    pub(crate) fn identity_changed(id: MessageId, business: PhoneNumberId, at: Timestamp) -> Self {
        Self { identity_changed: true, ..Self::new(id, business, at, None) }
    }

    pub(crate) const fn is_of_identity(&self) -> bool {
        self.identity_changed
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row(…)")
    }
}
