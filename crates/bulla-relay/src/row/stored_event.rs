use std::fmt;

use bulla_base::{Category, DeviceId, MessageId, Number, Timestamp};
use bulla_content::Content;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use super::category;
use super::outbound::{Outbound, Stage};
use crate::Status;

/// An event the business does not have yet: a user's message, or a status.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredEvent {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    #[prost(string, tag = "2")]
    user: String,
    #[prost(uint64, tag = "3")]
    at: u64,
    #[prost(bytes = "bytes", optional, tag = "4")]
    words: Option<Bytes>,
    #[prost(uint32, tag = "5")]
    stage: u32,
    #[prost(uint32, tag = "6")]
    category: u32,
    #[prost(string, optional, tag = "7")]
    pub(crate) tracking: Option<String>,
    /// Of a message: the device that has sent it.
    #[prost(uint32, tag = "8")]
    device: u32,
    /// Of a status that tells what the message is billed as: whether it was sent within the user's window.
    #[prost(bool, optional, tag = "9")]
    pub(crate) billed_in_window: Option<bool>,
}

impl StoredEvent {
    pub(crate) fn of_message(
        (message, device): (MessageId, DeviceId),
        user: &Number,
        at: Timestamp,
        content: Bytes,
    ) -> Self {
        Self {
            message: Bytes::copy_from_slice(message.as_bytes()),
            user: user.digits().to_owned(),
            at: at.as_millis(),
            words: Some(content),
            device: u32::from(device.number()),
            ..Self::default()
        }
    }

    pub(crate) fn status_of(message: MessageId, outbound: &Outbound, at: Timestamp, status: Status) -> Self {
        Self {
            message: Bytes::copy_from_slice(message.as_bytes()),
            user: outbound.to.clone(),
            at: at.as_millis(),
            words: None,
            stage: Stage::Reached(status).code(),
            category: outbound.category,
            tracking: outbound.tracking.clone(),
            device: 0,
            billed_in_window: None,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| damaged())
    }

    /// The same, which tells what the message is billed as.
    pub(crate) fn billed(self, outbound: &Outbound) -> Self {
        Self { billed_in_window: Some(outbound.in_window), ..self }
    }

    pub(crate) fn message(&self) -> Result<MessageId, StoreError> {
        MessageId::from_bytes(&self.message).map_err(|_| damaged())
    }

    /// The device that is to hear what became of the message.
    pub(crate) fn device(&self) -> Result<DeviceId, StoreError> {
        super::device(self.device)
    }

    pub(crate) fn user(&self) -> Result<Number, StoreError> {
        Number::parse(&self.user).map_err(|_| damaged())
    }

    pub(crate) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// The message's content, if the event is one.
    pub(crate) fn message_content(&self) -> Result<Option<Content>, StoreError> {
        let Some(content) = &self.words else { return Ok(None) };
        Content::decode(content).map(|(content, _)| Some(content)).map_err(|_| damaged())
    }

    pub(crate) fn status(&self) -> Result<Status, StoreError> {
        match Stage::from_code(self.stage) {
            Some(Stage::Reached(status)) => Ok(status),
            _ => Err(damaged()),
        }
    }

    pub(crate) fn of_category(&self) -> Result<Category, StoreError> {
        category(self.category)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredEvent(…)")
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged { what: "event" }
}
