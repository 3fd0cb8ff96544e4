use crate::limits::{MAX_BUTTON_CHARS, MAX_URL_CHARS};
use crate::wire::{record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A button that opens a link.
    pub struct CtaUrl {
        display_text: String = 1,
        url: String = 2,
    }
}

silent!(CtaUrl);

impl CtaUrl {
    /// The button `display_text`, which opens `url`. Whether that is a link is not asked.
    ///
    /// # Errors
    /// When one of them is empty, `display_text` is longer than [`MAX_BUTTON_CHARS`], or `url` than
    /// [`MAX_URL_CHARS`].
    pub fn new(display_text: impl Into<String>, url: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { display_text: display_text.into(), url: url.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let display_text = &mut self.display_text;
        bounded_text::filled("interactive.action.parameters.display_text", MAX_BUTTON_CHARS, display_text)?;
        bounded_text::filled("interactive.action.parameters.url", MAX_URL_CHARS, &mut self.url)?;
        Ok(self)
    }

    text!(display_text, "What stands on it.");
    text!(url, "What it opens.");
}
