//! How many messages a business may send in a second.

use std::collections::VecDeque;
use std::time::Duration;

use bulla_base::Timestamp;

use super::InvalidRule;
use crate::limits::MAX_THROUGHPUT;

/// At most so many messages in any second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Throughput {
    per_second: u32,
}

const SECOND: Duration = Duration::from_secs(1);

impl Throughput {
    /// What a number of the Cloud API begins with.
    pub const PER_SECOND_80: Self = Self { per_second: 80 };

    /// What a number of the Cloud API can come to.
    pub const PER_SECOND_1000: Self = Self { per_second: 1000 };

    /// At most `messages` in any second.
    ///
    /// # Errors
    /// When it is nothing, or more than a million.
    pub fn per_second(messages: u32) -> Result<Self, InvalidRule> {
        if !(1..=MAX_THROUGHPUT).contains(&messages) {
            let (actual, most) = (u128::from(messages), u128::from(MAX_THROUGHPUT));
            return Err(InvalidRule::Number { field: "messages a second", actual, least: 1, most });
        }
        Ok(Self { per_second: messages })
    }
}

/// What was sent within the last second: exact, so that no second has more than it may.
///
/// At most one entry a millisecond, 16 KB in all.
#[derive(Debug)]
pub(crate) struct ThroughputLog {
    sent: VecDeque<(Timestamp, u32)>,
    in_all: u32,
    /// Before this nothing goes: what was sent before is not known.
    from: Timestamp,
}

impl ThroughputLog {
    /// That of somebody who may have sent as much as allowed up to `now`.
    pub(crate) fn unknown_before(now: Timestamp) -> Self {
        Self { sent: VecDeque::new(), in_all: 0, from: now.after(SECOND) }
    }

    /// Sends one message more at `now`.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&mut self, throughput: Throughput, now: Timestamp) -> Result<(), Duration> {
        self.forget(now);
        if now < self.from {
            return Err(self.from.since(now));
        }
        if self.in_all >= throughput.per_second {
            return Err(self.wait(self.in_all - throughput.per_second, now));
        }
        self.in_all += 1;
        match self.sent.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            _ => self.sent.push_back((now, 1)),
        }
        Ok(())
    }

    /// Forgets what was sent a second ago, and gives back its room.
    pub(crate) fn evict_idle(&mut self, now: Timestamp) {
        self.forget(now);
        self.sent.shrink_to_fit();
    }

    /// Forgets what was sent a second ago. What seems to be yet to come was sent by a clock that was ahead:
    /// it counts from now on.
    fn forget(&mut self, now: Timestamp) {
        let mut ahead = 0;
        while let Some((_, count)) = self.sent.back().copied().filter(|(at, _)| *at > now) {
            self.sent.pop_back();
            ahead += count;
        }
        if ahead > 0 {
            self.sent.push_back((now, ahead));
        }
        self.from = self.from.min(now.after(SECOND));
        while let Some((_, count)) = self.sent.front().copied().filter(|(at, _)| at.after(SECOND) <= now) {
            self.sent.pop_front();
            self.in_all -= count;
        }
    }

    /// How long until one more than `over` of those that count do not any more.
    fn wait(&self, over: u32, now: Timestamp) -> Duration {
        let mut gone = 0;
        let last = self.sent.iter().find(|(_, count)| {
            gone += count;
            gone > over
        });
        last.map_or(SECOND, |(at, _)| at.after(SECOND).since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn log() -> ThroughputLog {
        ThroughputLog::unknown_before(at(0))
    }

    fn burst(log: &mut ThroughputLog, throughput: Throughput, now: u64) -> u32 {
        let mut count = 0;
        while log.take(throughput, at(now)).is_ok() {
            count += 1;
        }
        count
    }

    #[test]
    fn any_second_has_as_many_as_it_may_and_not_one_more() {
        for throughput in [Throughput::PER_SECOND_80, Throughput::PER_SECOND_1000] {
            let (mut log, mut sent) = (log(), Vec::new());
            for now in 1_000..5_000 {
                for _ in 0..3 {
                    if log.take(throughput, at(now)).is_ok() {
                        sent.push(now);
                    }
                }
            }
            let per_second = usize::try_from(throughput.per_second).unwrap();
            assert_eq!(sent.len(), per_second * 4);
            for (number, from) in sent.iter().enumerate() {
                let within = sent[number..].iter().take_while(|at| **at < from + 1_000).count();
                assert!(within <= per_second, "{within} from {from}");
            }
            assert!(log.sent.len() <= 1_000);
        }
    }

    #[test]
    fn the_wait_is_exact() {
        let (mut log, one) = (log(), Throughput::PER_SECOND_80);
        assert_eq!(burst(&mut log, one, 1_000), 80);
        assert_eq!(log.take(one, at(1_400)), Err(Duration::from_millis(600)));
        assert_eq!(log.take(one, at(1_999)), Err(Duration::from_millis(1)));
        assert_eq!(burst(&mut log, one, 2_000), 80);
        // A number that was brought down waits until enough are gone.
        let ten = Throughput::per_second(10).unwrap();
        assert_eq!(log.take(ten, at(2_500)), Err(Duration::from_millis(500)));
    }

    #[test]
    fn nothing_goes_in_the_first_second_of_a_log_that_does_not_know_what_went_before() {
        let (mut log, one) = (log(), Throughput::PER_SECOND_80);
        assert_eq!(log.take(one, at(0)), Err(SECOND));
        assert_eq!(log.take(one, at(999)), Err(Duration::from_millis(1)));
        assert_eq!(burst(&mut log, one, 1_000), 80);
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nobody_up_for_longer_than_a_second() {
        let (mut log, one) = (log(), Throughput::PER_SECOND_80);
        assert_eq!(burst(&mut log, one, 86_400_000), 80);
        assert_eq!(log.take(one, at(5_000)), Err(SECOND));
        assert_eq!(burst(&mut log, one, 6_000), 80);
        let mut new = ThroughputLog::unknown_before(at(86_400_000));
        assert_eq!(new.take(one, at(5_000)), Err(SECOND));
        assert_eq!(burst(&mut new, one, 6_000), 80);
    }

    #[test]
    fn a_second_that_is_over_takes_no_memory_and_one_that_is_not_counts() {
        let (mut log, one) = (log(), Throughput::PER_SECOND_80);
        for now in 1_000..1_080 {
            log.take(one, at(now)).unwrap();
        }
        log.evict_idle(at(1_999));
        assert_eq!(burst(&mut log, one, 1_999), 0);
        log.evict_idle(at(2_079));
        assert_eq!((log.sent.capacity(), log.in_all), (0, 0));
        assert_eq!(burst(&mut log, one, 2_079), 80);
    }

    #[test]
    fn throughputs_are_taken_at_their_edges_and_refused_past_them() {
        for edge in [1, MAX_THROUGHPUT] {
            Throughput::per_second(edge).unwrap();
        }
        for past in [0, MAX_THROUGHPUT + 1] {
            Throughput::per_second(past).unwrap_err();
        }
    }
}
