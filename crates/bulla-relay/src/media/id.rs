use bulla_base::{InvalidWord, MessageId};

/// What a business knows media by that it has uploaded. It tells when that was, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaId(MessageId);

impl MediaId {
    /// Bytes in an id.
    pub const BYTES: usize = 16;

    pub(crate) const fn new(id: MessageId) -> Self {
        Self(id)
    }

    /// Reads what [`MediaId::to_bytes`] wrote.
    ///
    /// # Errors
    /// When they are no id.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Result<Self, InvalidWord> {
        Ok(Self(MessageId::from_bytes(&bytes)?))
    }

    pub(crate) const fn inner(self) -> MessageId {
        self.0
    }

    /// The id as bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        *self.0.as_bytes()
    }
}
