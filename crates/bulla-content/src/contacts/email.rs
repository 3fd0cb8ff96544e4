use super::optional;
use crate::limits::MAX_CONTACT_CHARS;
use crate::wire::{optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// An e-mail address of somebody. Whether it is one is not asked.
    pub struct ContactEmail {
        email: String = 1,
        kind: Option<String> = 2,
    }
}

silent!(ContactEmail);

impl ContactEmail {
    /// The address `email`.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_CONTACT_CHARS`].
    pub fn new(email: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { email: email.into(), kind: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("contacts.emails.email", MAX_CONTACT_CHARS, &mut self.email)?;
        optional("contacts.emails.type", &mut self.kind)?;
        Ok(self)
    }

    text!(email, "The address.");
    optional_text!(kind, with_kind, "What it is for, such as `WORK`.", MAX_CONTACT_CHARS);
}
