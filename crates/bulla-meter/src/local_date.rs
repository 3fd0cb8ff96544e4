use std::fmt;

use bulla_base::Day;
use jiff::civil::Date;

use crate::InvalidForm;
use crate::error::invalid;

/// A date in an account's own time zone, such as the one from which a price is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDate(u32);

impl LocalDate {
    /// The date with these numbers, `month` and `day` from 1.
    ///
    /// # Errors
    /// When there is no such date, or it is before 1970.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, InvalidForm> {
        let unknown = invalid("date", "one there is, from 1970 on");
        let date = Date::new(year, month, day).map_err(|_| unknown.clone())?;
        let since = date.duration_since(Date::constant(1970, 1, 1)).as_secs() / 86_400;
        u32::try_from(since).map(Self).map_err(|_| unknown)
    }

    /// Reads a date of ISO 8601, such as `2026-10-01`.
    ///
    /// # Errors
    /// As for [`LocalDate::new`], or when it is written otherwise.
    pub fn parse(text: &str) -> Result<Self, InvalidForm> {
        let written = || invalid("date", "year-month-day");
        let mut parts = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(written());
        };
        let date = Self::new(
            year.parse().map_err(|_| written())?,
            month.parse().map_err(|_| written())?,
            day.parse().map_err(|_| written())?,
        )?;
        if date.to_string() == text { Ok(date) } else { Err(written()) }
    }

    /// The date so many days after 1970-01-01.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.0
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The first day of this date's month, and that of the next month.
    #[must_use]
    pub fn month(self) -> (Self, Self) {
        let days = jiff::Span::new().try_days(self.0);
        let date = days.and_then(|days| Date::constant(1970, 1, 1).checked_add(days)).unwrap_or(Date::MAX);
        let length = u32::from(date.days_in_month().unsigned_abs());
        let first = Self(self.0.saturating_sub(u32::from(date.day().unsigned_abs()) - 1));
        (first, Self(first.0.saturating_add(length)))
    }
}

impl fmt::Display for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Day::from_number(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_it_is_written() {
        for text in ["1970-01-01", "2024-02-29", "2026-10-01", "2100-02-28"] {
            assert_eq!(LocalDate::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "1969-12-31", "2026-02-29", "2026-2-1", "2026-10-01-", "+2026-10-01", "2026-13-01"] {
            assert!(LocalDate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for (day, first, next) in [
            ("2026-10-31", "2026-10-01", "2026-11-01"),
            ("2024-02-01", "2024-02-01", "2024-03-01"),
            ("2026-12-31", "2026-12-01", "2027-01-01"),
        ] {
            let (from, to) = LocalDate::parse(day).unwrap().month();
            assert_eq!((from.to_string(), to.to_string()), (first.to_owned(), next.to_owned()));
        }
    }
}
