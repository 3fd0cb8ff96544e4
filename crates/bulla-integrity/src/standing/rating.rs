//! The rating of quality: complaints of those reached in seven days, the newest weighing most.

use bulla_base::Day;

use super::activity::DayCounts;
use crate::Quality;
use crate::limits::{GREEN_BELOW, LEAST_RATED, RATED_DAYS, RED_FROM, RED_UNTIL_BELOW, YELLOW_FROM};

/// Half as much for every two days: 2^(−age / 2), in 256ths.
const WEIGHTS: [u32; RATED_DAYS] = [256, 181, 128, 91, 64, 45, 32];

/// The rating as it was, and when it became so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rating {
    pub(super) quality: Quality,
    pub(super) since: Day,
}

impl Rating {
    /// Rates anew. It gets worse at once, and better by one step a day, when it is well below what made it
    /// so. Returns the quality before, if it changed.
    pub(super) fn judge(&mut self, days: &[DayCounts; RATED_DAYS], today: Day) -> Option<Quality> {
        let before = self.quality;
        let rated = match per_thousand(days) {
            None => before,
            Some((least, _)) if least >= RED_FROM => Quality::Red,
            Some((_, likely)) if before == Quality::Red && likely >= RED_UNTIL_BELOW => Quality::Red,
            Some((least, _)) if least >= YELLOW_FROM => Quality::Yellow,
            Some((_, likely)) if before >= Quality::Yellow && likely >= GREEN_BELOW => Quality::Yellow,
            Some(_) => Quality::Green,
        };
        if before >= Quality::Yellow && rated < before {
            if today <= self.since {
                return None;
            }
            self.quality = if before == Quality::Red { Quality::Yellow } else { Quality::Green };
        } else {
            self.quality = rated;
        }
        if self.quality == before {
            return None;
        }
        self.since = today;
        Some(before)
    }
}

/// Complaints per thousand reached: the least that is likely (Wilson's lower bound at 90 %), and what they
/// were.
fn per_thousand(days: &[DayCounts; RATED_DAYS]) -> Option<(u32, u32)> {
    let (mut reached, mut bad, mut plain) = (0.0, 0.0, 0_u32);
    for (day, weight) in days.iter().zip(WEIGHTS) {
        let weight = f64::from(weight) / 256.0;
        reached += weight * f64::from(day.delivered);
        bad += weight * f64::from(day.complaints.min(day.delivered));
        plain = plain.saturating_add(day.delivered);
    }
    if plain < LEAST_RATED {
        return None;
    }
    let z = 1.281_551_565_5;
    let share = bad / reached;
    let middle = share + z * z / (2.0 * reached);
    let spread = z * ((share * (1.0 - share) + z * z / (4.0 * reached)) / reached).sqrt();
    let least = (middle - spread) / (1.0 + z * z / reached);
    Some((whole(least), whole(share)))
}

/// A share in thousandths, rounded down.
fn whole(share: f64) -> u32 {
    // Halved ten times, and no cast.
    let (mut least, mut beyond) = (0, 1_001);
    while beyond - least > 1 {
        let middle = u32::midpoint(least, beyond);
        if f64::from(middle) <= share * 1_000.0 { least = middle } else { beyond = middle }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(delivered: u32, complaints: u32) -> [DayCounts; RATED_DAYS] {
        let mut days = [DayCounts::default(); RATED_DAYS];
        days[0] = DayCounts { delivered, complaints, ..DayCounts::default() };
        days
    }

    fn day(number: u32) -> Day {
        Day::from_number(number)
    }

    #[test]
    fn fifty_messages_are_rated_and_one_less_is_not() {
        let mut rating = Rating::default();
        assert_eq!(rating.judge(&week(LEAST_RATED - 1, 49), day(1)), None);
        assert_eq!(rating.judge(&week(LEAST_RATED, 0), day(1)), Some(Quality::Unknown));
        assert_eq!(rating.quality, Quality::Green);
    }

    #[test]
    fn a_quality_gets_worse_at_once_and_better_by_a_step_a_day() {
        let mut rating = Rating::default();
        let _ = rating.judge(&week(1_000, 0), day(1));
        assert_eq!(rating.judge(&week(1_000, 100), day(2)), Some(Quality::Green));
        assert_eq!(rating.quality, Quality::Red);
        assert_eq!(rating.judge(&week(1_000, 0), day(2)), None, "not on the same day");
        assert_eq!(rating.judge(&week(1_000, 0), day(3)), Some(Quality::Red));
        assert_eq!(rating.quality, Quality::Yellow);
        assert_eq!(rating.judge(&week(1_000, 0), day(4)), Some(Quality::Yellow));
        assert_eq!(rating.quality, Quality::Green);
    }

    #[test]
    fn between_two_bounds_it_stays_as_it_was() {
        // 8 of a thousand: not enough to become medium, too much to become high again.
        for (from, stays) in [(0, Quality::Green), (20, Quality::Yellow)] {
            let mut rating = Rating::default();
            let _ = rating.judge(&week(10_000, from * 10), day(1));
            let _ = rating.judge(&week(10_000, 80), day(9));
            assert_eq!(rating.quality, stays);
        }
    }

    #[test]
    fn old_complaints_weigh_less() {
        let mut days = week(1_000, 0);
        days[6] = DayCounts { delivered: 1_000, complaints: 60, ..DayCounts::default() };
        let (mut aged, mut fresh) = (Rating::default(), Rating::default());
        let _ = aged.judge(&days, day(7));
        days.reverse();
        let _ = fresh.judge(&days, day(7));
        assert_eq!((aged.quality, fresh.quality), (Quality::Green, Quality::Red));
    }

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!([0.0, 0.0099, 0.01, 0.5, 1.0, -0.1].map(whole), [0, 9, 10, 500, 1_000, 0]);
    }
}
