mod table;

use std::fmt;

use bulla_base::Number;

use self::table::MARKETS;

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
        (code == 0 || place(code).is_ok()).then_some(Self(code))
    }

    /// The market of `number`. Codes are free of prefixes, so there is one at most.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        let mut code = 0_u16;
        for digit in number.digits().bytes().take(3) {
            code = code * 10 + u16::from(digit.saturating_sub(b'0'));
            if place(code).is_ok() {
                return Self(code);
            }
        }
        Self::UNKNOWN
    }

    /// All markets, the unknown one first.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(0).chain(MARKETS.iter().map(|(code, _)| *code)).map(Self)
    }

    /// The calling code, or 0: below 1000.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The country by the two letters of ISO 3166-1, for programs that know no calling codes: of those that
    /// share the code the one with most people, and `ZZ` for the unknown market and for codes of no country.
    #[must_use]
    pub fn country(self) -> &'static str {
        let found = place(self.0).ok().and_then(|place| MARKETS.get(place));
        found.map_or("ZZ", |(_, country)| country)
    }
}

/// Where a code stands in the table, or would.
fn place(code: u16) -> Result<usize, usize> {
    MARKETS.binary_search_by_key(&code, |(known, _)| *known)
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
        assert!(MARKETS.is_sorted_by(|(left, _), (right, _)| left < right));
        for (code, _) in MARKETS {
            assert!(place(code / 10).is_err() && place(code / 100).is_err(), "{code}");
        }
    }
}
