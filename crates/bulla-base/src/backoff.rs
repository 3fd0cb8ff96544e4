use std::time::Duration;

use thiserror::Error;

use crate::Rng;

/// How long to wait before what failed is tried again: a first wait that each further failure doubles, up to
/// a longest.
///
/// Of every wait between a half and the whole is drawn by lot (*jitter*), so that who failed together does
/// not come back together. The lot is drawn from an [`Rng`], so that a seed replays it.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use bulla_base::{Backoff, Retries, SeededRng};
///
/// const BACKOFF: Backoff = match Backoff::new(Duration::from_millis(500), Duration::from_secs(60)) {
///     Ok(backoff) => backoff,
///     Err(_) => unreachable!(),
/// };
///
/// let (mut retries, rng) = (Retries::new(BACKOFF), SeededRng::new(7));
/// assert!(retries.next_wait(&rng) <= Duration::from_millis(500));
/// assert!(retries.next_wait(&rng) >= Duration::from_millis(500));
/// retries.reset();
/// assert!(retries.next_wait(&rng) <= Duration::from_millis(500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits from `first`, doubled with each failure, up to `longest`.
    ///
    /// # Errors
    /// [`InvalidBackoff`] when `first` is nothing, or longer than `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Result<Self, InvalidBackoff> {
        if first.is_zero() {
            return Err(InvalidBackoff::ZeroFirst);
        }
        // `PartialOrd` cannot be asked in a `const fn`.
        if first.as_nanos() > longest.as_nanos() {
            return Err(InvalidBackoff::LongestBelowFirst { first, longest });
        }
        Ok(Self { first, longest })
    }

    /// The wait after a first failure, before any of it is taken off.
    #[must_use]
    pub const fn first(self) -> Duration {
        self.first
    }

    /// The wait that none exceeds.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.longest
    }

    /// The longest wait after failure number `failures`, counted from 0.
    ///
    /// It grows to 2³² times the first at most: a first of less than a microsecond never comes to an hour.
    #[must_use]
    pub fn ceiling(self, failures: u32) -> Duration {
        // A shift by 32 or more has no result, and a wrapped one would be a short wait: both steps stop at
        // the top instead.
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// A wait after failure number `failures`, counted from 0: between a half and the whole of its
    /// [`ceiling`](Self::ceiling).
    pub fn wait(self, failures: u32, rng: &dyn Rng) -> Duration {
        let ceiling = self.ceiling(failures);
        // Never less than a half: a lot over the whole span would now and then hardly wait at all. The half
        // is rounded up, so that of one nanosecond one is left.
        let rest = ceiling / 2;
        (ceiling - rest) + jitter(rest, rng)
    }
}

/// Failures in a row, and how long to wait after each.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    backoff: Backoff,
    failures: u32,
}

impl Retries {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0 }
    }

    /// Counts a failure: how long to wait before trying again.
    #[must_use = "who does not wait tries as fast as it can"]
    pub fn next_wait(&mut self, rng: &dyn Rng) -> Duration {
        let wait = self.backoff.wait(self.failures, rng);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// It worked: the next failure is a first one.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures there were in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

/// Something between nothing and `span`, every span as likely as the other.
///
/// For what is to be spread over a time without having failed. Of a span of more than 584 years the first 584
/// are drawn from.
pub fn jitter(span: Duration, rng: &dyn Rng) -> Duration {
    let mut drawn = [0; 4];
    rng.fill(&mut drawn);
    // The longest span has 94 bits of nanoseconds: with 32 bits more the product stays below 128.
    let nanos = (span.as_nanos() * u128::from(u32::from_le_bytes(drawn))) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Waits that nobody can retry with. The caller's move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// Twice nothing is nothing: who waits for it tries as fast as it can.
    #[error("the first wait is zero; it must be longer")]
    ZeroFirst,
    /// Waits grow from the first to the longest.
    #[error("the longest wait, {longest:?}, is shorter than the first, {first:?}")]
    LongestBelowFirst {
        /// The first wait asked for.
        first: Duration,
        /// The longest wait asked for.
        longest: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    /// Draws the same number always.
    #[derive(Debug)]
    struct Constant(u8);

    impl Rng for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn first_wait_of_zero_is_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, HOUR), Err(InvalidBackoff::ZeroFirst));
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO), Err(InvalidBackoff::ZeroFirst));
        assert!(Backoff::new(Duration::from_nanos(1), HOUR).is_ok());
    }

    #[test]
    fn longest_wait_is_at_least_the_first() {
        assert!(Backoff::new(SECOND, SECOND).is_ok());
        let longest = SECOND - Duration::from_nanos(1);
        let refused = InvalidBackoff::LongestBelowFirst { first: SECOND, longest };
        assert_eq!(Backoff::new(SECOND, longest), Err(refused.clone()));
        assert_eq!(refused.to_string(), "the longest wait, 999.999999ms, is shorter than the first, 1s");
    }

    #[test]
    fn ceiling_doubles_up_to_the_longest() {
        let backoff = Backoff::new(SECOND, HOUR).unwrap();
        let ceilings = [0, 1, 2, 11, 12, 31, 32, u32::MAX].map(|n| backoff.ceiling(n).as_secs());
        assert_eq!(ceilings, [1, 2, 4, 2048, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn ceiling_stops_at_the_longest_duration_there_is() {
        let backoff = Backoff::new(Duration::MAX, Duration::MAX).unwrap();
        for failures in [0, 1, 31, 32, u32::MAX] {
            assert_eq!(backoff.ceiling(failures), Duration::MAX);
            assert!(backoff.wait(failures, &Constant(u8::MAX)) >= Duration::MAX / 2);
        }
    }

    #[test]
    fn waits_fall_evenly_between_half_and_whole() {
        let (rng, backoff) = (SeededRng::new(1), Backoff::new(SECOND, HOUR).unwrap());
        let drawn: Vec<Duration> = (0..1000).map(|_| backoff.wait(0, &rng)).collect();
        assert!(drawn.iter().all(|wait| (SECOND / 2..SECOND).contains(wait)));
        for tenth in 0..10 {
            let (from, to) = (SECOND / 2 + SECOND / 20 * tenth, SECOND / 2 + SECOND / 20 * (tenth + 1));
            let within = drawn.iter().filter(|wait| (from..to).contains(wait)).count();
            assert!((60..140).contains(&within), "{within} between {from:?} and {to:?}");
        }
    }

    #[test]
    fn shortest_first_wait_is_never_none() {
        let nanosecond = Duration::from_nanos(1);
        let backoff = Backoff::new(nanosecond, HOUR).unwrap();
        assert_eq!(backoff.wait(0, &Constant(0)), nanosecond);
        assert_eq!(backoff.ceiling(31), nanosecond * (1 << 31));
        assert_eq!(backoff.ceiling(32), nanosecond * u32::MAX);
        assert_eq!(backoff.ceiling(u32::MAX), nanosecond * u32::MAX);
    }

    #[test]
    fn retries_count_until_they_are_reset() {
        let mut retries = Retries::new(Backoff::new(SECOND, HOUR).unwrap());
        let rng = Constant(0);
        assert_eq!([(); 3].map(|()| retries.next_wait(&rng)), [1, 2, 4].map(|seconds| SECOND * seconds / 2));
        assert_eq!(retries.failures(), 3);
        retries.reset();
        assert_eq!((retries.failures(), retries.next_wait(&rng)), (0, SECOND / 2));
    }

    #[test]
    fn retries_do_not_count_past_their_end() {
        let mut retries = Retries { failures: u32::MAX, ..Retries::new(Backoff::new(SECOND, HOUR).unwrap()) };
        assert_eq!(retries.next_wait(&Constant(0)), HOUR / 2);
        assert_eq!(retries.failures(), u32::MAX);
    }

    #[test]
    fn waits_of_one_seed_replay() {
        let waits = |seed| {
            let mut retries = Retries::new(Backoff::new(SECOND, HOUR).unwrap());
            let rng = SeededRng::new(seed);
            [(); 8].map(|()| retries.next_wait(&rng))
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn jitter_of_nothing_is_nothing() {
        assert_eq!(jitter(Duration::ZERO, &Constant(u8::MAX)), Duration::ZERO);
        assert!(jitter(SECOND, &Constant(u8::MAX)) < SECOND);
        assert_eq!(jitter(Duration::MAX, &Constant(u8::MAX)), Duration::from_nanos(u64::MAX));
    }
}
