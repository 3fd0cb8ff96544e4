use bulla_base::Number;

use super::optional;
use crate::InvalidContent;
use crate::wire::{optional_text, record, silent};

record! {
    /// A phone number of somebody.
    pub struct ContactPhone {
        phone: Option<String> = 1,
        kind: Option<String> = 2,
        wa_id: Option<Number> = 3,
    }
}

silent!(ContactPhone);

impl ContactPhone {
    /// The number `phone`, as it is shown.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_CONTACT_CHARS`](crate::limits::MAX_CONTACT_CHARS).
    pub fn new(phone: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { phone: Some(phone.into()), kind: None, wa_id: None }.checked()
    }

    /// The number of a user of the messenger.
    #[must_use]
    pub const fn of_user(number: Number) -> Self {
        Self { phone: None, kind: None, wa_id: Some(number) }
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        optional("contacts.phones.phone", &mut self.phone)?;
        optional("contacts.phones.type", &mut self.kind)?;
        if self.phone.is_none() && self.wa_id.is_none() {
            return Err(InvalidContent::Empty { field: "contacts.phones.phone" });
        }
        Ok(self)
    }

    /// Says that it is the number of a user of the messenger, whom one can write to.
    #[must_use]
    pub fn with_wa_id(mut self, number: Number) -> Self {
        self.wa_id = Some(number);
        self
    }

    /// The number as it is shown.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    optional_text!(kind, with_kind, "What it is for, such as `HOME`.", MAX_CONTACT_CHARS);

    /// The number under which they are a user of the messenger.
    #[must_use]
    pub const fn wa_id(&self) -> Option<&Number> {
        self.wa_id.as_ref()
    }
}
