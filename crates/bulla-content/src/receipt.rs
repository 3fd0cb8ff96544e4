use bulla_base::MessageId;

use crate::{InvalidContent, MAX_RECEIPT_IDS};

/// How far a message has come at its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Progress {
    /// It is durable with the receiver.
    Delivered,
    /// Somebody has seen it.
    Read,
}

/// Tells a sender how far its messages have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    progress: Progress,
    messages: Vec<MessageId>,
}

impl Receipt {
    /// All of `messages` have come as far as `progress`.
    ///
    /// # Errors
    /// When there are none, or more than [`MAX_RECEIPT_IDS`].
    pub fn new(progress: Progress, messages: Vec<MessageId>) -> Result<Self, InvalidContent> {
        if messages.is_empty() {
            return Err(InvalidContent::Empty { field: "receipt" });
        }
        InvalidContent::at_most("receipt", "messages", MAX_RECEIPT_IDS, messages.len())?;
        Ok(Self { progress, messages })
    }

    /// How far they have come.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Which messages.
    #[must_use]
    pub fn messages(&self) -> &[MessageId] {
        &self.messages
    }
}
