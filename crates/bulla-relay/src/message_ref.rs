use bulla_base::{InvalidWord, MessageId};

use crate::UserId;

/// How a business names a message: the message's id, and the id by which it knows the user.
///
/// With both the relay finds a message without an index from messages to users, and no phone number stands in
/// the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageRef {
    id: MessageId,
    user: UserId,
}

impl MessageRef {
    /// Bytes in a reference.
    pub const BYTES: usize = 32;

    pub(crate) const fn new(id: MessageId, user: UserId) -> Self {
        Self { id, user }
    }

    /// Reads what [`MessageRef::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the first sixteen bytes are not a message id.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, InvalidWord> {
        let mut user = [0; 16];
        user.copy_from_slice(&bytes[16..]);
        Ok(Self { id: MessageId::from_bytes(&bytes[..16])?, user: UserId::from_bytes(user) })
    }

    /// The message's id.
    #[must_use]
    pub const fn id(self) -> MessageId {
        self.id
    }

    /// The user the message was exchanged with.
    #[must_use]
    pub const fn user(self) -> UserId {
        self.user
    }

    /// The reference as bytes: the message, then the user.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(self.id.as_bytes());
        bytes[16..].copy_from_slice(self.user.as_bytes());
        bytes
    }
}
