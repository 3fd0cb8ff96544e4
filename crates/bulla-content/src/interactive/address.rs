use crate::limits::{MAX_ID_CHARS, MAX_JSON_BYTES};
use crate::wire::{record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A form for an address.
    pub struct AddressRequest {
        country: String = 1,
        parameters: Option<String> = 2,
    }
}

silent!(AddressRequest);

impl AddressRequest {
    /// An address in the country with the two letters `country`, such as `IN`.
    ///
    /// # Errors
    /// When they are not two capital letters.
    pub fn new(country: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { country: country.into(), parameters: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let field = "interactive.action.parameters.country";
        bounded_text::filled(field, MAX_ID_CHARS, &mut self.country)?;
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidContent::Unfit { field, expected: "two capital letters" });
        }
        bounded_text::json("interactive.action.parameters", MAX_JSON_BYTES, &mut self.parameters)?;
        Ok(self)
    }

    /// Fills the form: the members `values`, `saved_addresses` and `validation_errors` of the API that is
    /// served, as one object of JSON, unread. Their fields differ by country.
    ///
    /// # Errors
    /// When it is longer than [`MAX_JSON_BYTES`].
    pub fn with_parameters(mut self, parameters: impl Into<String>) -> Result<Self, InvalidContent> {
        self.parameters = Some(parameters.into());
        self.checked()
    }

    text!(country, "The country, by its two letters.");

    /// What the form is filled with: JSON, unread.
    #[must_use]
    pub fn parameters(&self) -> Option<&str> {
        self.parameters.as_deref()
    }
}
