use crate::limits::{MAX_PAYLOAD_CHARS, MAX_TEMPLATE_BUTTON_CHARS};
use crate::wire::{record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A quick reply of a template that was tapped.
    pub struct QuickReply {
        payload: String = 1,
        text: String = 2,
    }
}

silent!(QuickReply);

impl QuickReply {
    /// The button `text`, with which `payload` comes back.
    ///
    /// # Errors
    /// When `text` is empty or longer than [`MAX_TEMPLATE_BUTTON_CHARS`], or `payload` longer than
    /// [`MAX_PAYLOAD_CHARS`].
    pub fn new(payload: impl Into<String>, text: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { payload: payload.into(), text: text.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::at_most("button.payload", MAX_PAYLOAD_CHARS, &mut self.payload)?;
        bounded_text::filled("button.text", MAX_TEMPLATE_BUTTON_CHARS, &mut self.text)?;
        Ok(self)
    }

    text!(payload, "What comes back unseen.");
    text!(text, "What stands on it.");
}
