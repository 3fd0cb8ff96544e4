use bulla_base::Timestamp;

use crate::LIMIT_PERIOD;
use crate::limits::PROMOTIONS_A_DAY;

/// When a user got the last promotions, from whichever businesses: no more than
/// [`PROMOTIONS_A_DAY`](crate::PROMOTIONS_A_DAY) in any 24 hours. The default is a user who never got one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Promotions {
    /// In milliseconds since 1970 began, the earliest first; 0 for none.
    times: [u64; PROMOTIONS_A_DAY],
}

impl Promotions {
    /// How many bytes it takes when it is stored.
    pub const BYTES: usize = 8 * PROMOTIONS_A_DAY;

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut times = [0; PROMOTIONS_A_DAY];
        for (time, read) in times.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *time = u64::from_be_bytes(*read);
        }
        Self { times }
    }

    /// What is to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.times.iter().flat_map(|time| time.to_be_bytes()).collect()
    }

    /// The user gets one more `now`, if that is not too many.
    ///
    /// A clock that goes back makes nobody wait for longer than two days: what is further ahead was written
    /// by a clock that was wrong.
    ///
    /// # Errors
    /// How long to wait until the user gets one; all is as it was.
    pub fn take(self, now: Timestamp) -> Result<Self, std::time::Duration> {
        let latest = now.after(LIMIT_PERIOD).as_millis();
        let mut times = self.times.map(|time| if time > latest { 0 } else { time });
        times.sort_unstable();
        if let Some(oldest) = times.first_mut() {
            let until = Timestamp::from_millis(*oldest).after(LIMIT_PERIOD);
            if *oldest > 0 && now < until {
                return Err(until.since(now));
            }
            *oldest = now.as_millis();
        }
        times.sort_unstable();
        Ok(Self { times })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(20_000 * 24 * HOUR + millis)
    }

    #[test]
    fn a_user_gets_four_promotions_in_any_24_hours_and_waits_exactly() {
        let (mut promotions, mut taken) = (Promotions::default(), Vec::new());
        for minute in 0..10 * 24 * 60 {
            let now = minute * 60_000;
            match promotions.take(at(now)) {
                // As often as somebody tries who knows when.
                Ok(next) if minute % 7 == 0 => {
                    promotions = next;
                    taken.push(now);
                }
                Ok(_) => {}
                Err(wait) => {
                    let wait = u64::try_from(wait.as_millis()).unwrap();
                    assert!(promotions.take(at(now + wait - 1)).is_err());
                    assert!(promotions.take(at(now + wait)).is_ok());
                }
            }
        }
        assert!(taken.windows(5).all(|five| five[4] - five[0] >= 24 * HOUR));
        assert!(taken.len() >= 4 * 9, "{}", taken.len());
    }

    /// A rate of four a day lets a burst of four go, and one more every six hours.
    #[test]
    fn four_at_once_are_all_for_a_day() {
        let mut promotions = Promotions::default();
        for _ in 0..4 {
            promotions = promotions.take(at(0)).unwrap();
        }
        for hour in 0..24 {
            let wait = promotions.take(at(hour * HOUR)).unwrap_err();
            assert_eq!(wait, Duration::from_millis((24 - hour) * HOUR));
        }
        for _ in 0..4 {
            promotions = promotions.take(at(24 * HOUR)).unwrap();
        }
        assert_eq!(promotions.take(at(24 * HOUR)), Err(LIMIT_PERIOD));
    }

    #[test]
    fn they_come_back_and_a_clock_that_was_ahead_is_forgotten() {
        let mut ahead = Promotions::default();
        for hour in [30, 29, 31, 30] {
            ahead = ahead.take(at(hour * HOUR)).unwrap();
        }
        let bytes = ahead.to_bytes();
        assert_eq!(Promotions::from_bytes(bytes.as_slice().try_into().unwrap()), ahead);
        assert_eq!(ahead.take(at(7 * HOUR)), Err(Duration::from_millis(46 * HOUR)));
        assert!(ahead.take(at(0)).is_ok(), "no clock is ahead by more than a day");
    }
}
