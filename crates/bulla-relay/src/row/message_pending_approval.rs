use std::fmt;

use bulla_base::{Category, DeviceId, MessageId};
use bulla_content::{Content, Text};
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use super::category;
use crate::Fallback;

/// Something for a user whose new identity waits for approval: a message of the business, or a receipt.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct MessagePendingApproval {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    /// Of a message; a receipt has none.
    #[prost(uint32, optional, tag = "2")]
    category: Option<u32>,
    #[prost(bytes = "bytes", tag = "3")]
    words: Bytes,
    /// Of a message that was sealed before: it is unconfirmed, and what it says stands there.
    #[prost(bool, tag = "4")]
    pub(crate) again: bool,
    /// Of a receipt, and of a message that was sealed before: the device it is for.
    #[prost(uint32, tag = "5")]
    device: u32,
    /// Of a message that a rule keeps back: the category of what goes in its place if the window is closed.
    #[prost(uint32, optional, tag = "6")]
    fallback_category: Option<u32>,
    /// And what that says.
    #[prost(bytes = "bytes", tag = "7")]
    fallback_text: Bytes,
}

impl MessagePendingApproval {
    pub(crate) fn new(id: MessageId, category: Option<Category>, words: Bytes) -> Self {
        let category = category.map(|category| u32::from(category.code()));
        let id = Bytes::copy_from_slice(id.as_bytes());
        let (fallback_category, fallback_text) = (None, Bytes::new());
        Self { id, category, words, again: false, device: 0, fallback_category, fallback_text }
    }

    /// A message that is to be sealed for this device as well, or again.
    pub(crate) fn again(id: MessageId, category: Category, device: DeviceId) -> Self {
        Self { again: true, ..Self::new(id, Some(category), Bytes::new()).for_device(device) }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| StoreError::Damaged { what: "held message" })
    }

    /// The same, with `fallback` to go in its place if the window is closed.
    pub(crate) fn with_fallback(self, fallback: Option<&Fallback>) -> Self {
        let Some(fallback) = fallback else { return self };
        let fallback_text = Bytes::copy_from_slice(fallback.body().body().as_bytes());
        Self { fallback_category: Some(u32::from(fallback.category().code())), fallback_text, ..self }
    }

    /// What goes in its place if the window is closed.
    pub(crate) fn fallback(&self) -> Result<Option<Fallback>, StoreError> {
        let Some(code) = self.fallback_category else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "fallback" };
        let text = std::str::from_utf8(&self.fallback_text).map_err(|_| damaged())?;
        let text = Text::new(text).map_err(|_| damaged())?;
        Fallback::text(text, category(code)?).map(Some).map_err(|_| damaged())
    }

    /// The same, for this device alone.
    pub(crate) fn for_device(self, device: DeviceId) -> Self {
        Self { device: u32::from(device.number()), ..self }
    }

    pub(crate) fn device(&self) -> Result<DeviceId, StoreError> {
        super::device(self.device)
    }

    pub(crate) fn id(&self) -> Result<MessageId, StoreError> {
        MessageId::from_bytes(&self.id).map_err(|_| StoreError::Damaged { what: "held message" })
    }

    pub(crate) fn of_category(&self) -> Result<Option<Category>, StoreError> {
        self.category.map(category).transpose()
    }

    pub(crate) fn content(&self) -> Result<Content, StoreError> {
        let decoded = Content::decode(&self.words).map(|(content, _)| content);
        decoded.map_err(|_| StoreError::Damaged { what: "held message" })
    }

    /// What it says, encoded.
    pub(crate) fn words(&self) -> Bytes {
        self.words.clone()
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl fmt::Debug for MessagePendingApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(…)")
    }
}
