use bulla_base::{InvalidWord, MessageId};

use crate::{MessageRef, UserId};

/// What a business knows media by: what it has uploaded, or what has come with a user's message. The first
/// tells when that was, and nothing else; the second names the message, which has one attachment at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaId {
    id: MessageId,
    sender: Option<UserId>,
}

impl MediaId {
    /// Bytes in the id of an upload.
    pub const BYTES: usize = 16;

    pub(crate) const fn new(id: MessageId) -> Self {
        Self { id, sender: None }
    }

    /// What has come with `message`.
    #[must_use]
    pub const fn of_message(message: MessageRef) -> Self {
        Self { id: message.id(), sender: Some(message.user()) }
    }

    /// Reads what [`MediaId::to_bytes`] wrote of an upload.
    ///
    /// # Errors
    /// When they are no id.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, InvalidWord> {
        Ok(Self::new(MessageId::from_bytes(&bytes)?))
    }

    pub(crate) const fn inner(self) -> MessageId {
        self.id
    }

    /// The message it has come with; nothing of what was uploaded.
    #[must_use]
    pub const fn message(self) -> Option<MessageRef> {
        match self.sender {
            Some(user) => Some(MessageRef::new(self.id, user)),
            None => None,
        }
    }

    /// The id of an upload as bytes; of what has come with a message, that message's own.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        *self.id.as_bytes()
    }
}
