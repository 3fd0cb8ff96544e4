//! Contacts that are passed on.

mod address;
mod contact;
mod email;
mod link;
mod name;
mod organization;
mod phone;

use crate::InvalidContent;
use crate::limits::{MAX_CONTACT_CHARS, MAX_CONTACTS};
use crate::wire::{Listed, Record, record, silent};

pub use self::address::ContactAddress;
pub use self::contact::Contact;
pub use self::email::ContactEmail;
pub use self::link::ContactUrl;
pub use self::name::ContactName;
pub use self::organization::ContactOrganization;
pub use self::phone::ContactPhone;

record! {
    /// One contact or more.
    pub struct Contacts {
        contacts: Vec<Contact> = 1,
    }
}

silent!(Contacts);

impl Listed for Contact {
    const LIST: (&'static str, &'static str, usize) = ("contacts", "contacts", MAX_CONTACTS);
}

impl Contacts {
    /// These contacts.
    ///
    /// # Errors
    /// When there are none, more than [`MAX_CONTACTS`], or so many that they are longer than
    /// [`MAX_BODY_BYTES`](crate::limits::MAX_BODY_BYTES).
    pub fn new(contacts: Vec<Contact>) -> Result<Self, InvalidContent> {
        Self { contacts }.checked()
    }

    fn checked(self) -> Result<Self, InvalidContent> {
        InvalidContent::some_of(Contact::LIST, &self.contacts)?;
        InvalidContent::fits("contacts", self.message_size())?;
        Ok(self)
    }

    /// The contacts.
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }
}

/// Checks a text of a contact that may be missing.
fn optional(field: &'static str, text: &mut Option<String>) -> Result<(), InvalidContent> {
    crate::bounded_text::optional(field, MAX_CONTACT_CHARS, text)
}
