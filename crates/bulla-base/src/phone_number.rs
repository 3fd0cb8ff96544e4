use std::fmt;

use crate::InvalidWord;
use crate::limits::MAX_NUMBER_DIGITS;

/// A consumer's phone number: one to fifteen digits, country code first, by ITU-T E.164.
///
/// # Security
/// Personal data. `Debug` shows the last two digits; there is no `Display`. Whoever needs the digits asks for
/// [`Number::digits`], so that the places where numbers leave can be found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(String);

impl Number {
    /// Reads a number as people and SDKs write it: digits, with `+`, spaces, hyphens, full stops and
    /// parentheses ignored.
    ///
    /// # Errors
    /// When another character stands in it, when it has no digits, more than fifteen, or begins with 0.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let invalid = |why| Err(InvalidWord::new("phone number", why));
        let mut digits = String::with_capacity(MAX_NUMBER_DIGITS);
        for character in text.chars() {
            match character {
                '0'..='9' if digits.len() == MAX_NUMBER_DIGITS => {
                    return invalid("it has more than 15 digits");
                }
                '0'..='9' => digits.push(character),
                '+' if digits.is_empty() => {}
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => {
                    return invalid(
                        "only digits, `+`, spaces, hyphens, full stops and parentheses may stand in it",
                    );
                }
            }
        }
        match digits.as_bytes().first() {
            None => invalid("it has no digits"),
            Some(b'0') => invalid("it begins with 0; write the country code first"),
            Some(_) => Ok(Self(digits)),
        }
    }

    /// The digits alone, such as `16505551234`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default();
        write!(f, "Number(…{tail})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_sdks_write_them() {
        for text in ["16505551234", "+16505551234", "+1 (650) 555-1234", "1.650.555.1234"] {
            assert_eq!(Number::parse(text).unwrap().digits(), "16505551234");
        }
    }

    #[test]
    fn fifteen_digits_are_a_number_and_sixteen_are_not() {
        assert!(Number::parse("123456789012345").is_ok());
        assert!(Number::parse("1234567890123456").is_err());
        for text in ["", "+", "abc", "0650", "1650x", "1+650", "١٢٣"] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_does_not_print() {
        assert_eq!(format!("{:?}", Number::parse("16505551234").unwrap()), "Number(…34)");
        assert_eq!(format!("{:?}", Number::parse("7").unwrap()), "Number(…7)");
    }
}
