use super::optional;
use crate::InvalidContent;
use crate::wire::{optional_text, record, silent};

record! {
    /// Where somebody lives or works.
    #[derive(Default)]
    pub struct ContactAddress {
        street: Option<String> = 1,
        city: Option<String> = 2,
        state: Option<String> = 3,
        zip: Option<String> = 4,
        country: Option<String> = 5,
        country_code: Option<String> = 6,
        kind: Option<String> = 7,
    }
}

silent!(ContactAddress);

impl ContactAddress {
    /// An address of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        optional("contacts.addresses.street", &mut self.street)?;
        optional("contacts.addresses.city", &mut self.city)?;
        optional("contacts.addresses.state", &mut self.state)?;
        optional("contacts.addresses.zip", &mut self.zip)?;
        optional("contacts.addresses.country", &mut self.country)?;
        optional("contacts.addresses.country_code", &mut self.country_code)?;
        optional("contacts.addresses.type", &mut self.kind)?;
        Ok(self)
    }

    optional_text!(street, with_street, "Street and number.", MAX_CONTACT_CHARS);
    optional_text!(city, with_city, "The city.", MAX_CONTACT_CHARS);
    optional_text!(state, with_state, "The state.", MAX_CONTACT_CHARS);
    optional_text!(zip, with_zip, "The postal code.", MAX_CONTACT_CHARS);
    optional_text!(country, with_country, "The country.", MAX_CONTACT_CHARS);
    optional_text!(country_code, with_country_code, "The country's two letters.", MAX_CONTACT_CHARS);
    optional_text!(kind, with_kind, "What it is for, such as `HOME`.", MAX_CONTACT_CHARS);
}
