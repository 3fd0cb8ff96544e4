use super::optional;
use crate::limits::MAX_CONTACT_CHARS;
use crate::wire::{optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// What somebody is called.
    pub struct ContactName {
        formatted: String = 1,
        first: Option<String> = 2,
        last: Option<String> = 3,
        middle: Option<String> = 4,
        suffix: Option<String> = 5,
        prefix: Option<String> = 6,
    }
}

silent!(ContactName);

impl ContactName {
    /// The name `formatted`, as it is shown. A [`Contact`](crate::Contact) takes one of its parts as well.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_CONTACT_CHARS`].
    pub fn new(formatted: impl Into<String>) -> Result<Self, InvalidContent> {
        let formatted = formatted.into();
        Self { formatted, first: None, last: None, middle: None, suffix: None, prefix: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("contacts.name.formatted_name", MAX_CONTACT_CHARS, &mut self.formatted)?;
        optional("contacts.name.first_name", &mut self.first)?;
        optional("contacts.name.last_name", &mut self.last)?;
        optional("contacts.name.middle_name", &mut self.middle)?;
        optional("contacts.name.suffix", &mut self.suffix)?;
        optional("contacts.name.prefix", &mut self.prefix)?;
        Ok(self)
    }

    text!(formatted, "The name as it is shown.");
    optional_text!(first, with_first, "The first name.", MAX_CONTACT_CHARS);
    optional_text!(last, with_last, "The last name.", MAX_CONTACT_CHARS);
    optional_text!(middle, with_middle, "The middle name.", MAX_CONTACT_CHARS);
    optional_text!(suffix, with_suffix, "What stands behind it, such as `Jr.`.", MAX_CONTACT_CHARS);
    optional_text!(prefix, with_prefix, "What stands before it, such as `Dr.`.", MAX_CONTACT_CHARS);

    pub(super) fn has_part(&self) -> bool {
        let Self { formatted: _, first, last, middle, suffix, prefix } = self;
        [first, last, middle, suffix, prefix].into_iter().any(Option::is_some)
    }
}
