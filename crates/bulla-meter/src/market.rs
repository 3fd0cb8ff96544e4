mod table;

use std::fmt;

use bulla_base::Number;

use self::table::CALLING_CODES;

/// Where a recipient is billed: a country calling code of ITU-T E.164, or unknown.
///
/// All that a ledger holds of a phone number: what the code is shared by, such as 1 and 7, is one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Market(u16);

impl Market {
    /// That of a recipient whose number is not known, or begins with no assigned code.
    pub const UNKNOWN: Self = Self(0);

    /// The market with this calling code, if it is assigned; 0 is the unknown one.
    ///
    /// # Examples
    /// ```
    /// use bulla_meter::Market;
    ///
    /// assert_eq!(Market::from_code(49).map(|market| market.to_string()).as_deref(), Some("+49"));
    /// assert_eq!(Market::from_code(210), None);
    /// ```
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        (code == 0 || CALLING_CODES.binary_search(&code).is_ok()).then_some(Self(code))
    }

    /// The market of `number`. Codes are free of prefixes, so there is one at most.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        let mut code = 0_u16;
        for digit in number.digits().bytes().take(3) {
            code = code * 10 + u16::from(digit.saturating_sub(b'0'));
            if CALLING_CODES.binary_search(&code).is_ok() {
                return Self(code);
            }
        }
        Self::UNKNOWN
    }

    /// All markets, the unknown one first.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(0).chain(CALLING_CODES.iter().copied()).map(Self)
    }

    /// The calling code, or 0: below 1000.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Market {
    /// Such as `+49`, or `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("unknown"),
            code => write!(f, "+{code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_the_market_that_it_begins_with() {
        for (number, market) in [
            ("+4915112345678", "+49"),
            ("+15551234567", "+1"),
            ("+77011234567", "+7"),
            ("+423123456789", "+423"),
            ("+2101234567890", "unknown"),
        ] {
            assert_eq!(Market::of(&Number::parse(number).unwrap()).to_string(), market, "{number}");
        }
    }

    #[test]
    fn no_code_begins_with_another() {
        assert!(CALLING_CODES.is_sorted_by(|left, right| left < right));
        for code in CALLING_CODES {
            assert!(CALLING_CODES.binary_search(&(code / 10)).is_err(), "{code}");
            assert!(CALLING_CODES.binary_search(&(code / 100)).is_err(), "{code}");
        }
    }
}
