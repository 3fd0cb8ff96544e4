use bulla_base::Number;

use crate::limits::{MAX_CODE_CHARS, MAX_PAYLOAD_CHARS, MAX_TEMPLATE_BUTTON_CHARS, MAX_URL_CHARS};
use crate::wire::{choice, record, silent, text};
use crate::{Flow, InvalidContent, bounded_text};

choice! {
    /// What can be tapped below a template.
    pub enum TemplateButton {
        /// A button whose title is sent back.
        QuickReply(QuickReplyButton) = 1,
        /// A link.
        Url(UrlButton) = 2,
        /// A number to call.
        PhoneNumber(PhoneNumberButton) = 3,
        /// A code to copy.
        CopyCode(CopyCodeButton) = 4,
        /// A form of several pages.
        Flow(Flow) = 5,
    }
}

record! {
    /// A button whose title is sent back, with something that is not seen.
    pub struct QuickReplyButton {
        text: String = 1,
        payload: String = 2,
    }
}

record! {
    /// A button that opens a link.
    pub struct UrlButton {
        text: String = 1,
        url: String = 2,
    }
}

record! {
    /// A button that calls a number.
    pub struct PhoneNumberButton {
        text: String = 1,
        number: Number = 2,
    }
}

record! {
    /// A button that copies a code.
    pub struct CopyCodeButton {
        text: String = 1,
        code: String = 2,
    }
}

silent!(QuickReplyButton);
silent!(UrlButton);
silent!(PhoneNumberButton);
silent!(CopyCodeButton);

fn title(text: &mut String) -> Result<(), InvalidContent> {
    bounded_text::filled("template.buttons.text", MAX_TEMPLATE_BUTTON_CHARS, text)
}

impl QuickReplyButton {
    /// The button `text`, with which `payload` comes back.
    ///
    /// # Errors
    /// When `text` is empty or longer than [`MAX_TEMPLATE_BUTTON_CHARS`], or `payload` longer than
    /// [`MAX_PAYLOAD_CHARS`].
    pub fn new(text: impl Into<String>, payload: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { text: text.into(), payload: payload.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        title(&mut self.text)?;
        bounded_text::at_most("template.buttons.payload", MAX_PAYLOAD_CHARS, &mut self.payload)?;
        Ok(self)
    }

    text!(text, "What stands on it.");
    text!(payload, "What comes back unseen.");
}

impl UrlButton {
    /// The button `text`, which opens `url`. Whether that is a link is not asked.
    ///
    /// # Errors
    /// When one of them is empty, `text` is longer than [`MAX_TEMPLATE_BUTTON_CHARS`], or `url` than
    /// [`MAX_URL_CHARS`].
    pub fn new(text: impl Into<String>, url: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { text: text.into(), url: url.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        title(&mut self.text)?;
        bounded_text::filled("template.buttons.url", MAX_URL_CHARS, &mut self.url)?;
        Ok(self)
    }

    text!(text, "What stands on it.");
    text!(url, "What it opens.");
}

impl PhoneNumberButton {
    /// The button `text`, which calls `number`.
    ///
    /// # Errors
    /// When `text` is empty or longer than [`MAX_TEMPLATE_BUTTON_CHARS`].
    pub fn new(text: impl Into<String>, number: Number) -> Result<Self, InvalidContent> {
        Self { text: text.into(), number }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        title(&mut self.text)?;
        Ok(self)
    }

    text!(text, "What stands on it.");

    /// Whom it calls.
    #[must_use]
    pub const fn number(&self) -> &Number {
        &self.number
    }
}

impl CopyCodeButton {
    /// The button `text`, which copies `code`.
    ///
    /// # Errors
    /// When one of them is empty, `text` is longer than [`MAX_TEMPLATE_BUTTON_CHARS`], or `code` than
    /// [`MAX_CODE_CHARS`].
    pub fn new(text: impl Into<String>, code: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { text: text.into(), code: code.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        title(&mut self.text)?;
        bounded_text::filled("template.buttons.code", MAX_CODE_CHARS, &mut self.code)?;
        Ok(self)
    }

    text!(text, "What stands on it.");
    text!(code, "What it copies.");
}
