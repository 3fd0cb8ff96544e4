use std::fmt;
use std::time::Duration;

const MILLIS_PER_DAY: u64 = 86_400_000;

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
    /// The date by ISO 8601, such as `2026-11-26`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

const DAYS_PER_400_YEARS: u64 = 146_097;
const DAYS_PER_100_YEARS: u64 = 36_524;
const DAYS_PER_4_YEARS: u64 = 1_461;

/// The year, month and day of the month of the day `days` after 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from the first of March, so that the day a leap year has more is the last of its year,
/// of its four and of its four hundred years; a century lacks its last.
fn date(days: u32) -> (u64, u64, u64) {
    // From 0000-03-01.
    let days = u64::from(days) + 719_468;
    let (quads, day) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
    let centuries = (day / DAYS_PER_100_YEARS).min(3);
    let day = day - centuries * DAYS_PER_100_YEARS;
    let (fours, day) = (day / DAYS_PER_4_YEARS, day % DAYS_PER_4_YEARS);
    let years = (day / 365).min(3);
    let day = day - years * 365;
    // From March on, five months have 153 days, however they are shared out.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = 400 * quads + 100 * centuries + 4 * fours + years;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
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
        assert_eq!(Day::from_number(u32::MAX).to_string(), "11761191-01-20");
    }

    /// Day by day through eight hundred years, beside a calendar that only counts.
    #[test]
    fn dates_follow_each_other() {
        let leap =
            |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for number in 0..800 * 366 {
            assert_eq!(date(number), (year, month, day), "{number}");
            let last = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
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
