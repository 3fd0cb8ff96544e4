use bulla_base::MessageId;

use crate::wire::{Listed, codes, record};
use crate::{InvalidContent, MAX_RECEIPT_IDS};

codes! {
    /// How far a message has come at its receiver.
    pub enum Progress {
        /// It is durable with the receiver.
        Delivered = 1,
        /// Somebody has seen it.
        Read = 2,
        /// Somebody has listened to it: of an audio.
        Played = 3,
    }
}

record! {
    /// Tells a sender how far its messages have come.
    #[derive(Debug)]
    pub struct Receipt {
        progress: Progress = 1,
        messages: Vec<MessageId> = 2,
    }
}

impl Listed for MessageId {
    const LIST: (&'static str, &'static str, usize) = ("receipt", "messages", MAX_RECEIPT_IDS);
}

impl Receipt {
    /// All of `messages` have come as far as `progress`.
    ///
    /// # Errors
    /// When there are none, or more than [`MAX_RECEIPT_IDS`].
    pub fn new(progress: Progress, messages: Vec<MessageId>) -> Result<Self, InvalidContent> {
        Self { progress, messages }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        InvalidContent::some_of(MessageId::LIST, &self.messages)?;
        Ok(self)
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
