use super::{ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl};
use crate::InvalidContent;
use crate::limits::MAX_CONTACT_ENTRIES;
use crate::wire::{Listed, record, silent};

record! {
    /// Somebody, and how to reach them.
    pub struct Contact {
        name: ContactName = 1,
        phones: Vec<ContactPhone> = 2,
        emails: Vec<ContactEmail> = 3,
        addresses: Vec<ContactAddress> = 4,
        organization: Option<ContactOrganization> = 5,
        urls: Vec<ContactUrl> = 6,
        birthday: Option<String> = 7,
    }
}

silent!(Contact);

/// The lists of a contact: each as long as the others may be.
macro_rules! lists {
    ($($kind:ty: $field:literal, $unit:literal;)+) => {$(
        impl Listed for $kind {
            const LIST: (&'static str, &'static str, usize) = ($field, $unit, MAX_CONTACT_ENTRIES);
        }
    )+};
}

lists! {
    ContactPhone: "contacts.phones", "numbers";
    ContactEmail: "contacts.emails", "addresses";
    ContactAddress: "contacts.addresses", "addresses";
    ContactUrl: "contacts.urls", "links";
}

/// The accessor of a list, and the method that adds to it.
macro_rules! list {
    ($field:ident: $kind:ty, $with:ident, $about:literal) => {
        #[doc = concat!("Adds one to [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        ///
        /// # Errors
        /// When there are [`MAX_CONTACT_ENTRIES`] already.
        pub fn $with(mut self, item: $kind) -> Result<Self, InvalidContent> {
            self.$field.push(item);
            self.checked()
        }

        #[doc = $about]
        #[must_use]
        pub fn $field(&self) -> &[$kind] {
            &self.$field
        }
    };
}

impl Contact {
    /// Somebody who is called `name`.
    ///
    /// # Errors
    /// When the name has no part: one of first, last and middle name, suffix and prefix.
    pub fn new(name: ContactName) -> Result<Self, InvalidContent> {
        let (phones, emails, addresses, urls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { name, phones, emails, addresses, organization: None, urls, birthday: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        if !self.name.has_part() {
            let expected = "a formatted name with one of its parts, such as the first name";
            return Err(InvalidContent::Unfit { field: "contacts.name", expected });
        }
        let at_most = |list: (_, _, usize), length| InvalidContent::at_most(list.0, list.1, list.2, length);
        at_most(ContactPhone::LIST, self.phones.len())?;
        at_most(ContactEmail::LIST, self.emails.len())?;
        at_most(ContactAddress::LIST, self.addresses.len())?;
        at_most(ContactUrl::LIST, self.urls.len())?;
        self.birthday = self.birthday.filter(|date| !date.is_empty());
        if self.birthday.as_ref().is_some_and(|date| !is_date(date)) {
            let expected = "a date, such as 1999-12-31";
            return Err(InvalidContent::Unfit { field: "contacts.birthday", expected });
        }
        Ok(self)
    }

    /// Says where they work.
    #[must_use]
    pub fn with_organization(mut self, organization: ContactOrganization) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Says when they were born; an empty day is none.
    ///
    /// # Errors
    /// When `birthday` is not a year of four digits, a month and a day, as in 1999-12-31.
    pub fn with_birthday(mut self, birthday: impl Into<String>) -> Result<Self, InvalidContent> {
        self.birthday = Some(birthday.into());
        self.checked()
    }

    /// What they are called.
    #[must_use]
    pub const fn name(&self) -> &ContactName {
        &self.name
    }

    list!(phones: ContactPhone, with_phone, "Their phone numbers.");
    list!(emails: ContactEmail, with_email, "Their e-mail addresses.");
    list!(addresses: ContactAddress, with_address, "Where they live and work.");

    /// Where they work.
    #[must_use]
    pub const fn organization(&self) -> Option<&ContactOrganization> {
        self.organization.as_ref()
    }

    list!(urls: ContactUrl, with_url, "Where there is more about them.");

    /// The day of their birth, as in 1999-12-31.
    #[must_use]
    pub fn birthday(&self) -> Option<&str> {
        self.birthday.as_deref()
    }
}

/// Year, month and day by their digits. Whether a month has so many days is not asked.
fn is_date(text: &str) -> bool {
    let is_number = |digits: &str, length: usize, most: u32| {
        let is_plain = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain && digits.parse().is_ok_and(|number: u32| (1..=most).contains(&number))
    };
    let mut parts = text.splitn(3, '-');
    let mut next = |length, most| parts.next().is_some_and(|digits| is_number(digits, length, most));
    next(4, 9999) && next(2, 12) && next(2, 31)
}
