use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg};

use crate::InvalidForm;
use crate::error::invalid;

/// An amount of money in micro-units: millionths of the card's currency.
///
/// Whole numbers, so that sums are the same on both sides, in whatever order they are made. Additions stop at
/// the ends of 128 bits, which nothing that keeps to the bounds comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths.
    #[must_use]
    pub const fn from_micros(micros: i128) -> Self {
        Self(micros)
    }

    /// In millionths.
    #[must_use]
    pub const fn micros(self) -> i128 {
        self.0
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, units: i128) -> Self {
        Self(self.0.saturating_mul(units))
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Amount {
    /// Decimal, with all six places: `-12.345678`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, micros) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        f.pad(&format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000))
    }
}

/// A currency, by the three letters of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads the three letters.
    ///
    /// # Errors
    /// When they are not three capital letters. Whether there is such a currency is not looked up.
    pub fn parse(text: &str) -> Result<Self, InvalidForm> {
        text.as_bytes().try_into().map_or(Err(invalid("currency", "three capital letters")), Self::from_bytes)
    }

    pub(crate) fn from_bytes(letters: [u8; 3]) -> Result<Self, InvalidForm> {
        if letters.iter().all(u8::is_ascii_uppercase) {
            return Ok(Self(letters));
        }
        Err(invalid("currency", "three capital letters"))
    }

    /// The three letters.
    #[must_use]
    pub const fn letters(&self) -> &[u8; 3] {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_print_with_all_places() {
        for (micros, text) in
            [(0, "0.000000"), (-1, "-0.000001"), (1_234_567, "1.234567"), (-5_000_000, "-5.000000")]
        {
            assert_eq!(Amount::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("EUR").unwrap().to_string(), "EUR");
        for text in ["", "EU", "eur", "EURO", "E1R"] {
            assert!(Currency::parse(text).is_err(), "{text}");
        }
    }
}
