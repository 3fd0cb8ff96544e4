use std::fmt;

use bulla_base::{Category, MessageId};
use bulla_content::Content;
use bulla_endpoint::{SessionName, Unconfirmed};
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use super::category;

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
}

impl MessagePendingApproval {
    pub(crate) fn new(id: MessageId, category: Option<Category>, words: Bytes) -> Self {
        let category = category.map(|category| u32::from(category.code()));
        Self { id: Bytes::copy_from_slice(id.as_bytes()), category, words, again: false }
    }

    /// A message that is to be sent again.
    pub(crate) fn again(id: MessageId, category: Category) -> Self {
        Self { again: true, ..Self::new(id, Some(category), Bytes::new()) }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| StoreError::Damaged { what: "held message" })
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

    /// What it says, now that it is sealed in `session`.
    pub(crate) fn unconfirmed(&self, session: Option<SessionName>) -> Unconfirmed {
        Unconfirmed::new(session, self.words.clone())
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
