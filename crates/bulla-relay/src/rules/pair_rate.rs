//! How fast a business may write to one user: a token bucket, in the form that is one moment (GCRA).

use std::time::Duration;

use bulla_base::Timestamp;

use super::InvalidRule;
use crate::limits::LONGEST_PAIR_INTERVAL;

/// One message in `every` on average, and up to `ahead` at once: each of those is paid for by the time that
/// follows.
///
/// The state is the moment at which all that was sent is paid for. A message moves it by `every`, and goes if
/// it is no further ahead of the clock then than `ahead` messages are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PairRate {
    every: Duration,
    ahead: u32,
}

impl PairRate {
    /// That of the Cloud API: one message in 6 seconds, and 45 ahead.
    pub const CLOUD_API: Self = Self { every: Duration::from_secs(6), ahead: 45 };

    /// One message in `every` on average, and `ahead` of them at once.
    ///
    /// # Errors
    /// When `every` is less than a millisecond, `ahead` is nothing, or all that can be sent ahead is worth
    /// more than a day.
    pub fn new(every: Duration, ahead: u32) -> Result<Self, InvalidRule> {
        let (millis, most) = (every.as_millis(), LONGEST_PAIR_INTERVAL.as_millis());
        if millis == 0 || millis > most {
            return Err(InvalidRule::Number { field: "every, in ms", actual: millis, least: 1, most });
        }
        let (actual, most) = (u128::from(ahead), most / millis);
        if actual == 0 || actual > most {
            return Err(InvalidRule::Number { field: "ahead", actual, least: 1, most });
        }
        Ok(Self { every, ahead })
    }

    /// Takes one message more at `now`, when everything before is paid for at `paid`: when it will be then.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(self, paid: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        let (full, furthest) = (now.after(self.every * (self.ahead - 1)), now.after(self.every * self.ahead));
        // More than can be borrowed was never borrowed: the clock was ahead, or the rate was another. One
        // goes: what is stored is as it was until then, and nobody is let through by a wait.
        let paid = paid.map_or(now, |paid| if paid > furthest { full } else { paid.max(now) });
        let paid = paid.after(self.every);
        if paid <= furthest { Ok(paid) } else { Err(paid.since(furthest)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// How many go at once.
    fn burst(rate: PairRate, paid: &mut Option<Timestamp>, now: Timestamp) -> usize {
        let mut count = 0;
        while let Ok(next) = rate.take(*paid, now) {
            (*paid, count) = (Some(next), count + 1);
        }
        count
    }

    #[test]
    fn forty_five_go_ahead_and_then_one_every_six_seconds() {
        let (rate, mut paid) = (PairRate::CLOUD_API, None);
        assert_eq!(burst(rate, &mut paid, at(0)), 45);
        assert_eq!(rate.take(paid, at(0)), Err(Duration::from_secs(6)));
        assert_eq!(rate.take(paid, at(5_999)), Err(Duration::from_millis(1)));
        assert_eq!(burst(rate, &mut paid, at(6_000)), 1);
        assert_eq!(burst(rate, &mut paid, at(18_000)), 2);
        // After as long as they are worth there are 45 again, and never more.
        assert_eq!(burst(rate, &mut paid, at(18_000 + 270_000 - 1)), 44);
        assert_eq!(burst(rate, &mut None, at(u64::MAX / 2)), 45);
        assert_eq!(burst(rate, &mut Some(at(0)), at(u64::MAX / 2)), 45);
    }

    /// In no span do more go than are sent ahead and one for each step of it.
    #[test]
    fn no_span_has_more_than_the_rate_and_what_is_ahead() {
        let (rate, mut paid, mut sent) =
            (PairRate::new(Duration::from_millis(10), 5).unwrap(), None, Vec::new());
        for now in 0..2_000 {
            for _ in 0..now * 7 % 3 {
                if let Ok(next) = rate.take(paid, at(now)) {
                    paid = Some(next);
                    sent.push(now);
                }
            }
        }
        assert!(sent.len() > 150);
        for (number, from) in sent.iter().enumerate() {
            for (more, to) in sent[number..].iter().enumerate() {
                assert!(more as u64 <= 5 + (to - from) / 10, "{more} after {from} until {to}");
            }
        }
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nobody_up_for_longer_than_a_whole_burst() {
        let (rate, mut far) = (PairRate::CLOUD_API, Some(at(86_400_000)));
        assert_eq!(burst(rate, &mut far, at(0)), 1, "nothing would change by waiting");
        assert_eq!(rate.take(far, at(0)), Err(Duration::from_secs(6)));
        assert_eq!(burst(rate, &mut far, at(6_000)), 1);
        let (one, mut far) = (PairRate::new(Duration::from_secs(6), 1).unwrap(), Some(at(86_400_000)));
        assert_eq!((burst(one, &mut far, at(1)), burst(one, &mut far, at(6_000))), (1, 0));
        assert_eq!(burst(one, &mut far, at(6_001)), 1);
    }

    #[test]
    fn rates_are_taken_at_their_edges_and_refused_past_them() {
        let (day, ms) = (LONGEST_PAIR_INTERVAL, Duration::from_millis(1));
        for (every, ahead) in [(ms, 1), (day, 1), (day / 2, 2), (ms, 86_400_000)] {
            PairRate::new(every, ahead).unwrap();
        }
        for (every, ahead) in
            [(ms - Duration::from_nanos(1), 1), (day + ms, 1), (ms, 0), (day / 2, 3), (ms, 86_400_001)]
        {
            PairRate::new(every, ahead).unwrap_err();
        }
    }
}
