use bulla_base::MessageId;

use crate::wire::{record, silent};
use crate::{InvalidContent, Text};

record! {
    /// A message says something else from now on: its text, or its caption.
    pub struct Edit {
        message: MessageId = 1,
        text: Text = 2,
    }
}

silent!(Edit);

impl Edit {
    /// The message `message` says `text` from now on.
    #[must_use]
    pub const fn new(message: MessageId, text: Text) -> Self {
        Self { message, text }
    }

    const fn checked(self) -> Result<Self, InvalidContent> {
        Ok(self)
    }

    /// The message that is changed.
    #[must_use]
    pub const fn message(&self) -> MessageId {
        self.message
    }

    /// What it says from now on.
    #[must_use]
    pub const fn text(&self) -> &Text {
        &self.text
    }
}
