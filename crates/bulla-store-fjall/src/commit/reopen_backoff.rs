//! When an engine whose own threads have failed may be opened again.

use std::time::{Duration, Instant};

use crate::limits::{
    GROUPS_THAT_SHOW_IT_HELPED, LONGEST_WAIT_FOR_OPENING, MAX_OPENINGS_IN_A_ROW, MAX_PAUSE_BEFORE_OPENING,
    PAUSE_BEFORE_OPENING, ROW_OF_OPENINGS_ENDS_AFTER,
};

/// How often the engine was opened again in a row, and what came of it.
///
/// The engine does not say why its threads fail. If files or room were wanting, they come back; so between
/// two openings passes more time each time, and only who fails through all of them is broken. What happened
/// long ago, or before much was written, says nothing about that.
#[derive(Debug, Default)]
pub(crate) struct ReopenBackoff {
    in_a_row: u32,
    last: Option<Instant>,
    /// Groups written since.
    groups: u64,
}

/// Whether it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// After so long, which whoever commits waits for.
    In(Duration),
    /// Not yet. Whoever commits is told to try again.
    Later,
    /// It did not help often enough.
    Never,
}

impl ReopenBackoff {
    /// A group was written.
    pub(crate) fn group_written(&mut self) {
        self.groups = self.groups.saturating_add(1);
    }

    /// The engine was opened again.
    pub(crate) fn opened(&mut self, now: Instant) {
        *self = Self { in_a_row: self.in_a_row + 1, last: Some(now), groups: 0 };
    }

    /// The engine has failed, perhaps another time.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        let Some(last) = self.last else { return Turn::In(Duration::ZERO) };
        let passed = now.saturating_duration_since(last);
        if self.groups >= GROUPS_THAT_SHOW_IT_HELPED || passed >= ROW_OF_OPENINGS_ENDS_AFTER {
            self.in_a_row = 0;
        }
        if self.in_a_row >= MAX_OPENINGS_IN_A_ROW {
            return Turn::Never;
        }
        match pause(self.in_a_row).saturating_sub(passed) {
            left if left > LONGEST_WAIT_FOR_OPENING => Turn::Later,
            left => Turn::In(left),
        }
    }
}

/// How long after so many openings in a row the next one is.
fn pause(openings: u32) -> Duration {
    match openings {
        0 => Duration::ZERO,
        openings => {
            let doubled = PAUSE_BEFORE_OPENING.saturating_mul(1 << (openings - 1).min(MAX_OPENINGS_IN_A_ROW));
            doubled.min(MAX_PAUSE_BEFORE_OPENING)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "it is only counted from")]
    fn any_moment() -> Instant {
        Instant::now()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Sixteen openings within six seconds stopped a store for good, whatever had been wanting: a flood of
    /// connections lasts longer.
    #[test]
    fn an_engine_that_fails_at_once_is_opened_again_ever_more_seldom_for_minutes() {
        let (mut openings, began) = (ReopenBackoff::default(), any_moment());
        let (mut now, mut pauses) = (began, Vec::new());
        loop {
            match openings.turn(now) {
                Turn::In(left) => {
                    now += left;
                    pauses.push(now.duration_since(openings.last.unwrap_or(now)).as_millis());
                    openings.opened(now);
                }
                Turn::Later => now += Duration::from_millis(50),
                Turn::Never => break,
            }
        }
        assert_eq!(
            pauses,
            [
                0, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000,
                60_000, 60_000
            ]
        );
        assert_eq!(now.duration_since(began).as_secs(), 342, "as is documented");
    }

    #[test]
    fn who_commits_waits_a_second_for_an_opening_and_no_longer() {
        let (mut openings, now) = (ReopenBackoff::default(), any_moment());
        for _ in 0..6 {
            openings.opened(now);
        }
        assert_eq!(openings.turn(now), Turn::Later);
        assert_eq!(openings.turn(now + Duration::from_millis(599)), Turn::Later);
        assert_eq!(openings.turn(now + Duration::from_millis(600)), Turn::In(seconds(1)));
        assert_eq!(openings.turn(now + seconds(2)), Turn::In(Duration::ZERO));
    }

    /// A store that was written to seldom had its openings counted together however far apart they were: a
    /// shortage a night stopped it after sixteen.
    #[test]
    fn openings_that_are_an_hour_apart_are_not_in_a_row() {
        let (mut openings, mut now) = (ReopenBackoff::default(), any_moment());
        for _ in 0..100 {
            now += seconds(3_600);
            assert_eq!(openings.turn(now), Turn::In(Duration::ZERO));
            openings.opened(now);
        }
        for _ in 1..MAX_OPENINGS_IN_A_ROW {
            now += seconds(3_599);
            assert_eq!(openings.turn(now), Turn::In(Duration::ZERO));
            openings.opened(now);
        }
        assert_eq!(openings.turn(now + seconds(3_599)), Turn::Never);
        assert_eq!(openings.turn(now + seconds(3_600)), Turn::In(Duration::ZERO));
    }

    #[test]
    fn openings_after_which_enough_was_written_are_not_in_a_row() {
        let (mut openings, now) = (ReopenBackoff::default(), any_moment());
        for _ in 0..MAX_OPENINGS_IN_A_ROW {
            openings.opened(now);
        }
        for _ in 1..GROUPS_THAT_SHOW_IT_HELPED {
            openings.group_written();
        }
        assert_eq!(openings.turn(now), Turn::Never);
        openings.group_written();
        assert_eq!(openings.turn(now), Turn::In(Duration::ZERO));
        openings.opened(now);
        assert_eq!(openings.turn(now), Turn::In(PAUSE_BEFORE_OPENING), "counted from the beginning");
    }
}
