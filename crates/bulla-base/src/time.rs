use std::fmt;
use std::time::Duration;

use jiff::Span;
use jiff::civil::Date;

const MILLIS_PER_DAY: u64 = 86_400_000;

/// Day 0.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A moment, in whole milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The day (UTC) this moment falls in.
    #[must_use]
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0 / MILLIS_PER_DAY).unwrap_or(u32::MAX))
    }

    /// This moment and `span` more, or the last moment there is.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This moment less `span`, or the epoch.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; nothing when it is yet to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A day (UTC), counted from 1970-01-01.
///
/// Retention is kept by days: what belongs to one leaves the store as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(u32);

impl Day {
    /// The day `days` days after 1970-01-01.
    #[must_use]
    pub const fn from_number(days: u32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The day `days` earlier, or the first one.
    #[must_use]
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl fmt::Display for Day {
    /// The date by ISO 8601, such as `2026-11-26`; beyond the year 9999 the number of the day.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Span::new().try_days(self.0);
        match since.and_then(|since| EPOCH.checked_add(since)) {
            Ok(date) => date.fmt(f),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(Timestamp::from_millis(86_399_999).day(), Day::from_number(0));
        assert_eq!(Timestamp::from_millis(86_400_000).day(), Day::from_number(1));
    }

    #[test]
    fn a_day_prints_as_its_date() {
        for (number, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_783, "2026-11-26"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
            (157_113, "2400-02-29"),
        ] {
            assert_eq!(Day::from_number(number).to_string(), date, "{number}");
        }
    }

    #[test]
    fn a_day_beyond_the_last_date_there_is_prints_as_its_number() {
        assert_eq!(Day::from_number(2_932_896).to_string(), "9999-12-31");
        assert_eq!(Day::from_number(2_932_897).to_string(), "day 2932897");
        assert_eq!(Day::from_number(u32::MAX).to_string(), "day 4294967295");
    }

    #[test]
    fn arithmetic_stops_at_both_ends_of_time() {
        let last = Timestamp::from_millis(u64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(last.day(), Day::from_number(u32::MAX));
        assert_eq!(Timestamp::default().before(Duration::MAX), Timestamp::default());
        assert_eq!(Timestamp::default().since(last), Duration::ZERO);
        assert_eq!(Day::from_number(3).minus(30), Day::from_number(0));
    }
}
