//! How long, as people write it.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

/// The longest there can be: a year.
pub(crate) const MAX_SPAN: Duration = Duration::from_secs(366 * 24 * 3600);

/// A span such as `25h`: whole milliseconds (`ms`), seconds, minutes, hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// It is no span.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSpan {
    /// It is written in another way.
    #[error("{0:?} is no span; it is written as 90s, 15m, 25h, 31d or 500ms")]
    Form(String),
    /// It is too long.
    #[error("{0:?} is longer than 366 days")]
    TooLong(String),
}

impl Span {
    /// Reads a span.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSpan> {
        let form = || InvalidSpan::Form(text.chars().take(40).collect());
        let digits = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(form)?;
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(form()),
        };
        let number: u64 = number.parse().map_err(|_| form())?;
        let span = number.checked_mul(millis).map(Duration::from_millis);
        let span = span.filter(|span| *span <= MAX_SPAN);
        span.map(Self).ok_or_else(|| InvalidSpan::TooLong(text.chars().take(40).collect()))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit_and_no_longer_than_a_year() {
        let read = |text| Span::parse(text).map(|span| span.0.as_millis());
        assert_eq!(read("25h"), Ok(90_000_000));
        assert_eq!(read("366d"), Ok(MAX_SPAN.as_millis()));
        assert_eq!(read("500ms"), Ok(500));
        assert_eq!(read("367d"), Err(InvalidSpan::TooLong("367d".into())));
        for text in ["", "5", "h", "-1h", "1.5h", "1 h", "99999999999999999999h"] {
            assert!(matches!(read(text), Err(InvalidSpan::Form(_))), "{text}");
        }
    }
}
