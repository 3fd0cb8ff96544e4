use super::optional;
use crate::InvalidContent;
use crate::wire::{optional_text, record, silent};

record! {
    /// Where somebody works, and as what.
    #[derive(Default)]
    pub struct ContactOrganization {
        company: Option<String> = 1,
        department: Option<String> = 2,
        title: Option<String> = 3,
    }
}

silent!(ContactOrganization);

impl ContactOrganization {
    /// An organization of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        optional("contacts.org.company", &mut self.company)?;
        optional("contacts.org.department", &mut self.department)?;
        optional("contacts.org.title", &mut self.title)?;
        Ok(self)
    }

    optional_text!(company, with_company, "The company.", MAX_CONTACT_CHARS);
    optional_text!(department, with_department, "The department.", MAX_CONTACT_CHARS);
    optional_text!(title, with_title, "What they do there.", MAX_CONTACT_CHARS);
}
