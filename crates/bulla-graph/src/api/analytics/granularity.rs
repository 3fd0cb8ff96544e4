use bulla_meter::{Hour, Period, Zone};

use crate::api_error::ApiError;

/// How long a time each point is about, by an account's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    HalfHour,
    Day,
    Month,
}

impl Granularity {
    /// Reads the word, of either sort of figures.
    pub(super) fn read(word: &str) -> Result<Self, ApiError> {
        match word.to_ascii_uppercase().as_str() {
            "HALF_HOUR" => Ok(Self::HalfHour),
            "DAY" | "DAILY" => Ok(Self::Day),
            "MONTH" | "MONTHLY" => Ok(Self::Month),
            _ => Err(ApiError::one_of("granularity", "DAILY, DAY, HALF_HOUR, MONTH, MONTHLY")),
        }
    }

    /// As clients know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::HalfHour => "HALF_HOUR",
            Self::Day => "DAY",
            Self::Month => "MONTH",
        }
    }

    /// The time that `quarter` is in, no longer than `within`.
    fn around(self, zone: &Zone, quarter: Hour, within: Period) -> (Hour, Hour) {
        let (from, to) = match self {
            Self::HalfHour => {
                let past = zone.minute_of_day(quarter) % 30;
                let from = Hour::from_minutes(quarter.minutes().saturating_sub(past));
                // Unless the clock was put back or forth since.
                (from.max(zone.hour(quarter.begin())), Hour::from_minutes(quarter.minutes() + 30 - past))
            }
            Self::Day => {
                let date = zone.date(quarter);
                // Where the clock is put back over midnight, the day before has ended all the same.
                let next = zone.midnight(date.next());
                match quarter < next {
                    true => (zone.midnight(date), next),
                    false => (next, zone.midnight(date.next().next())),
                }
            }
            Self::Month => {
                let month = zone.month(zone.date(quarter));
                match quarter < month.to() {
                    true => (month.from(), month.to()),
                    false => (month.to(), zone.month(zone.date(month.to())).to()),
                }
            }
        };
        (from.max(within.from()), to.min(within.to()))
    }
}

/// Tells which time each quarter of an hour is in; quickly, as they come in order.
pub(super) struct Steps<'a> {
    granularity: Granularity,
    zone: &'a Zone,
    within: Period,
    last: Option<(Hour, Hour)>,
}

impl<'a> Steps<'a> {
    pub(super) const fn new(granularity: Granularity, zone: &'a Zone, within: Period) -> Self {
        Self { granularity, zone, within, last: None }
    }

    /// The time that `quarter` is in: from when, and before when.
    pub(super) fn around(&mut self, quarter: Hour) -> (Hour, Hour) {
        let is_in = |(from, to): &(Hour, Hour)| *from <= quarter && quarter < *to;
        let around = self.last.filter(is_in);
        let around = around.unwrap_or_else(|| self.granularity.around(self.zone, quarter, self.within));
        self.last = Some(around);
        around
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone with these offsets, each from a minute on.
    fn zone(changes: &[(u32, i16)]) -> Zone {
        let mut bytes = vec![0, 1, b'Z'];
        bytes.extend(u32::try_from(changes.len()).unwrap().to_be_bytes());
        for (from, offset) in changes {
            bytes.extend(from.to_be_bytes());
            bytes.extend(offset.to_be_bytes());
        }
        Zone::from_bytes(&bytes).unwrap()
    }

    fn around(granularity: Granularity, zone: &Zone, quarter: u32) -> (u32, u32) {
        let always = Period::new(Hour::from_minutes(0), Hour::from_minutes(u32::MAX)).unwrap();
        let (from, to) = Steps::new(granularity, zone, always).around(Hour::from_minutes(quarter));
        assert!(from.minutes() <= quarter && quarter < to.minutes());
        (from.minutes(), to.minutes())
    }

    const DAY: u32 = 24 * 60;

    #[test]
    fn a_day_in_which_the_clock_is_put_back_is_an_hour_longer() {
        // Two hours ahead, and one from three o'clock of the tenth day on.
        let back = 9 * DAY + 60;
        let berlin = zone(&[(0, 120), (back, 60)]);
        let day = (9 * DAY - 120, 10 * DAY - 60);
        for quarter in [9 * DAY - 120, back - 15, back, 10 * DAY - 75] {
            assert_eq!(around(Granularity::Day, &berlin, quarter), day, "{quarter}");
        }
        assert_eq!(day.1 - day.0, 25 * 60);
        assert_eq!(around(Granularity::Month, &berlin, back), (0, 31 * DAY - 60));
        // The hour that is repeated has four half hours.
        for quarter in (back - 60..back + 60).step_by(30) {
            assert_eq!(around(Granularity::HalfHour, &berlin, quarter + 15), (quarter, quarter + 30));
        }
    }

    #[test]
    fn half_hours_and_days_go_by_clocks_that_are_not_at_whole_hours() {
        let (india, nepal) = (zone(&[(0, 330)]), zone(&[(0, 345)]));
        assert_eq!(around(Granularity::Day, &india, DAY - 330), (DAY - 330, 2 * DAY - 330));
        assert_eq!(around(Granularity::Day, &india, DAY - 345), (0, DAY - 330));
        assert_eq!(around(Granularity::HalfHour, &nepal, 1200), (1185, 1215));
        assert_eq!(around(Granularity::HalfHour, &nepal, 1215), (1215, 1245));
    }

    #[test]
    fn a_clock_that_is_put_back_over_midnight_does_not_lengthen_the_day_before() {
        let zone = zone(&[(0, 60), (10 * DAY, 0)]);
        // At one o'clock it is midnight again; or, an hour sooner, eleven o'clock of the day before.
        assert_eq!(around(Granularity::Day, &zone, 10 * DAY - 60), (10 * DAY - 60, 11 * DAY));
        let zone = self::zone(&[(0, 60), (10 * DAY - 60, 0)]);
        assert_eq!(around(Granularity::Day, &zone, 10 * DAY - 60).0, 9 * DAY - 60);
        assert_eq!(
            around(Granularity::Month, &self::zone(&[(0, 60), (31 * DAY - 60, 0)]), 31 * DAY - 60).0,
            0
        );
    }
}
