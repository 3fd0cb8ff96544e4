use super::optional;
use crate::limits::MAX_URL_CHARS;
use crate::wire::{optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A link to somebody's page.
    pub struct ContactUrl {
        url: String = 1,
        kind: Option<String> = 2,
    }
}

silent!(ContactUrl);

impl ContactUrl {
    /// The link `url`.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_URL_CHARS`].
    pub fn new(url: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { url: url.into(), kind: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("contacts.urls.url", MAX_URL_CHARS, &mut self.url)?;
        optional("contacts.urls.type", &mut self.kind)?;
        Ok(self)
    }

    text!(url, "The link.");
    optional_text!(kind, with_kind, "What it is for, such as `WORK`.", MAX_CONTACT_CHARS);
}
