use std::fmt;

use crate::InvalidWord;

macro_rules! decimal_id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id with this number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// Reads the id from its decimal digits.
            ///
            /// # Errors
            /// When the text is not a decimal number below 2⁶⁴, or has a sign or a leading zero.
            pub fn parse(text: &str) -> Result<Self, InvalidWord> {
                let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
                match text.parse() {
                    Ok(number) if plain => Ok(Self(number)),
                    _ => Err(InvalidWord::new($what, "it must be a decimal number of at most 20 digits")),
                }
            }

            /// The number itself.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

decimal_id! {
    /// One sending number of a business, by the id its Graph API requests name in their path.
    ///
    /// Not a phone number: it is business information and prints.
    PhoneNumberId, "phone number id"
}

decimal_id! {
    /// A business's account, which owns its sending numbers and gets the bill.
    BusinessAccountId, "business account id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_digits() {
        assert_eq!(PhoneNumberId::parse("106540352242922").unwrap().to_string(), "106540352242922");
        for text in ["", "0", "01", "-1", "+1", "x", "18446744073709551616"] {
            assert!(PhoneNumberId::parse(text).is_err(), "{text}");
        }
    }
}
