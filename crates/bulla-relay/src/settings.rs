use std::time::Duration;

use bulla_store::Retention;

/// What an operator may turn on a relay.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) time_to_live: Retention,
    pub(crate) first_retry: Duration,
    pub(crate) longest_retry: Duration,
}

impl Default for Settings {
    /// 30 days to live; retries after 1 second, then twice as long each time, up to an hour.
    fn default() -> Self {
        Self {
            time_to_live: Retention::LONGEST,
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(3600),
        }
    }
}

impl Settings {
    /// How long a message of a business waits for the user's device before it fails, and an event for the business before it is dropped.
    ///
    /// Default: 30 days, the longest possible. The shorter, the less is kept; a device that was off for longer never gets the message.
    #[must_use]
    pub const fn time_to_live(mut self, time_to_live: Retention) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// How long to wait after a first failure, of the sink or the carrier, before trying again. Each further failure doubles it, up to
    /// `longest`.
    ///
    /// Default: 1 second and 1 hour. A shorter first wait loads a business that has just come back; a longer last one delays what waited
    /// by up to as much.
    #[must_use]
    pub const fn retry_after(mut self, first: Duration, longest: Duration) -> Self {
        self.first_retry = first;
        self.longest_retry = longest;
        self
    }

    /// How long to wait after the failure number `failures`, counted from 0.
    pub(crate) fn pause_after(&self, failures: u32) -> Duration {
        self.first_retry
            .saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX))
            .min(self.longest_retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let settings = Settings::default();
        let pauses: Vec<u64> =
            [0, 1, 2, 11, 12, 31, 32, u32::MAX].map(|n| settings.pause_after(n).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 2048, 3600, 3600, 3600, 3600]);
    }
}
