use std::time::Duration;

use bulla_base::Timestamp;

use crate::InvalidForm;
use crate::limits::MAX_RATE_COUNT;

/// So many in so much time, in the long run, and so many at once.
///
/// In any span *t* there are at most `burst` + *t* · `count` / `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How long one of them takes, in microseconds.
    interval: u64,
    /// How far the whole burst reaches ahead, less one of them.
    tolerance: u64,
}

/// How far a [`Rate`] was used, in eight bytes: when it will have been used up to now, in microseconds (the
/// generic cell rate algorithm of ATM). The default is one that was never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RateState(u64);

impl Rate {
    /// What one number sends: 80 in a second.
    pub const NUMBER: Self = Self { interval: 12_500, tolerance: 79 * 12_500 };
    /// What one number sends that has no messaging limit, and a good quality: 1,000 in a second.
    pub const LARGE_NUMBER: Self = Self { interval: 1_000, tolerance: 999 * 1_000 };
    /// What one number sends to one user: one in six seconds, and 45 at once.
    pub const PAIR: Self = Self { interval: 6_000_000, tolerance: 44 * 6_000_000 };

    /// `count` in `period`, and up to `burst` at once.
    ///
    /// # Errors
    /// When one of them is nothing or more than a million, or the period is more than a year.
    pub fn new(count: u32, period: Duration, burst: u32) -> Result<Self, InvalidForm> {
        let field = |field| InvalidForm::Field { field, expected: "1 to 1,000,000" };
        if !(1..=MAX_RATE_COUNT).contains(&count) {
            return Err(field("count"));
        }
        if !(1..=MAX_RATE_COUNT).contains(&burst) {
            return Err(field("burst"));
        }
        let year = Duration::from_secs(366 * 86_400);
        let interval = u64::try_from(period.as_micros()).unwrap_or(u64::MAX) / u64::from(count);
        if period > year || interval == 0 {
            return Err(InvalidForm::Field { field: "period", expected: "a microsecond each to a year" });
        }
        Ok(Self { interval, tolerance: interval * u64::from(burst - 1) })
    }

    /// Takes one `now`, if there is one.
    ///
    /// A clock that goes back makes nobody wait for longer than a whole burst takes.
    ///
    /// # Errors
    /// How long to wait until there is; the state is as it was.
    pub fn take(self, state: RateState, now: Timestamp) -> Result<RateState, Duration> {
        let now = now.as_millis().saturating_mul(1_000);
        let latest = now.saturating_add(self.tolerance).saturating_add(self.interval);
        let used = state.0.clamp(now, latest);
        match used - now {
            ahead if ahead > self.tolerance => Err(Duration::from_micros(ahead - self.tolerance)),
            _ => Ok(RateState(used.saturating_add(self.interval))),
        }
    }
}

impl RateState {
    /// The state with these microseconds, as [`RateState::as_micros`] gave them.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// What is to be stored.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whether it says no more than one that was never used, and need not be kept.
    #[must_use]
    pub const fn is_over(self, now: Timestamp) -> bool {
        self.0 <= now.as_millis().saturating_mul(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn burst(rate: Rate, state: &mut RateState, now: Timestamp) -> usize {
        let mut taken = 0;
        while let Ok(next) = rate.take(*state, now) {
            (*state, taken) = (next, taken + 1);
        }
        taken
    }

    #[test]
    fn a_pair_has_45_at_once_then_one_in_six_seconds_and_waits_exactly() {
        let mut state = RateState::default();
        assert_eq!(burst(Rate::PAIR, &mut state, at(0)), 45);
        assert_eq!(Rate::PAIR.take(state, at(0)), Err(Duration::from_secs(6)));
        assert_eq!(Rate::PAIR.take(state, at(5_999)), Err(Duration::from_millis(1)));
        assert_eq!(burst(Rate::PAIR, &mut state, at(6_000)), 1);
        assert_eq!(burst(Rate::PAIR, &mut state, at(6_000 + 45 * 6_000)), 45);
    }

    #[test]
    fn a_number_has_80_at_once_and_80_in_every_second_after() {
        for (rate, a_second) in [(Rate::NUMBER, 80), (Rate::LARGE_NUMBER, 1_000)] {
            let mut state = RateState::default();
            assert_eq!(burst(rate, &mut state, at(0)), a_second);
            let within: usize = (1..=1_000).map(|millis| burst(rate, &mut state, at(millis))).sum();
            assert_eq!(within, a_second);
        }
    }

    #[test]
    fn a_restart_is_no_way_around_a_rate_and_a_clock_that_was_ahead_is_forgotten() {
        let mut state = RateState::default();
        assert_eq!(burst(Rate::PAIR, &mut state, at(0)), 45);
        let mut restarted = RateState::from_micros(state.as_micros());
        assert_eq!(burst(Rate::PAIR, &mut restarted, at(1)), 0);
        assert!(!state.is_over(at(269_999)) && state.is_over(at(270_000)));
        let mut ahead = RateState::default();
        assert_eq!(burst(Rate::PAIR, &mut ahead, at(1 << 40)), 45);
        assert_eq!(Rate::PAIR.take(ahead, at(0)), Err(Duration::from_secs(6)));
    }

    #[test]
    fn rates_are_taken_at_their_edges_and_refused_past_them() {
        let second = Duration::from_secs(1);
        assert_eq!(Rate::new(80, second, 80).unwrap(), Rate::NUMBER);
        assert_eq!(Rate::new(1, second * 6, 45).unwrap(), Rate::PAIR);
        assert!(Rate::new(MAX_RATE_COUNT, second, MAX_RATE_COUNT).is_ok());
        for (count, burst) in [(0, 1), (1, 0), (MAX_RATE_COUNT + 1, 1), (1, MAX_RATE_COUNT + 1)] {
            assert!(Rate::new(count, second, burst).is_err());
        }
        assert!(Rate::new(1, Duration::from_secs(366 * 86_400), 1).is_ok());
        assert!(Rate::new(1, Duration::from_secs(366 * 86_400 + 1), 1).is_err());
        assert!(Rate::new(2, Duration::from_micros(1), 1).is_err());
    }
}
