//! How the carrier of a run protects users. Drawn apart, so that all else of a seed is as it is without.

use std::time::Duration;

use bulla::integrity::{LIMIT_PERIOD, Recipients};
use bulla_base::{Party, Rng, SeededRng, Tier, Timestamp};
use bulla_store::{Batch, Commit, Key, Space, Store};

use crate::disk_contents::DiskContents;
use crate::phone_numbers::BUSINESS;
use crate::random::{below, happens, one_of};

/// How many users the business may write to first in a day: those of the first tier.
pub(crate) const LIMIT: usize = 250;

/// How long before the beginning most of the crowd was written to.
const CROWD_AGE: Duration = Duration::from_secs(3_600);

const CARRIERS_PEPPER: Space = Space::new(0x46);
const MET: Space = Space::new(0x7c);
/// The first row of those whom a business has written to first.
const REACHED: [u8; 2] = [1, 0];

/// How users are protected: no tier is as small as a run, so that most of it is taken by a crowd whom the
/// business has written to before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtectionPlan {
    /// How many users are left to the business.
    pub(crate) left: usize,
    /// When one of the crowd counts no more, after the beginning, if before all others. Then the key changes
    /// under which users are counted, too.
    pub(crate) leaves: Option<Duration>,
    /// Whether each other message is a promotion.
    pub(crate) promotes: bool,
}

impl ProtectionPlan {
    /// That of `seed`: of every ten, three have one.
    pub(crate) fn of(seed: u64, span: Duration) -> Option<Self> {
        let rng = SeededRng::new(seed ^ 0x7072_6f74_6563_7400);
        let rng: &dyn Rng = &rng;
        happens(rng, 30).then(|| Self {
            left: one_of(rng, &[0, 1, 1, 1, 2]),
            leaves: happens(rng, 50).then(|| Duration::from_millis(below(rng, span.as_secs() * 1_000))),
            promotes: happens(rng, 50),
        })
    }

    /// The same with less of it.
    pub(crate) fn smaller(self) -> Vec<Option<Self>> {
        let mut smaller = vec![None];
        if self.leaves.is_some() {
            smaller.push(Some(Self { leaves: None, ..self }));
        }
        if self.promotes {
            smaller.push(Some(Self { promotes: false, ..self }));
        }
        smaller
    }

    /// How many of the crowd surely count `now`, and how many may, within so much; the run began at `begun`.
    pub(crate) fn crowd(self, begun: Timestamp, now: Timestamp, within: Duration) -> (usize, usize) {
        let counts = |until: Timestamp, at: Timestamp| at < until;
        let of = |at| {
            let most = if counts(until_of_most(begun), at) { LIMIT - self.left } else { 0 };
            let left = self.leaves.is_some_and(|leaves| !counts(begun.after(leaves), at));
            most - usize::from(left && most > 0)
        };
        (of(now.after(within)), of(now.before(within)))
    }

    /// Has the crowd count at a carrier that was never started.
    pub(crate) async fn begin(self, disk: &DiskContents, begun: Timestamp, seed: u64) {
        let rng = SeededRng::new(seed);
        let pepper = bulla_store::pepper(disk, CARRIERS_PEPPER, begun, &rng).await.unwrap();
        let first =
            self.leaves.map_or(begun.before(CROWD_AGE), |leaves| begun.after(leaves).before(LIMIT_PERIOD));
        let mut crowd = Recipients::new(first, &rng);
        let mut write = |number: usize, at| {
            let name = format!("crowd {number}");
            let reserved = crowd.reserve(name.as_bytes(), Tier::Users250.users(), at, &rng).unwrap();
            assert!(crowd.commit(name.as_bytes(), reserved, at, &rng));
        };
        write(0, first);
        (1..LIMIT - self.left).for_each(|number| write(number, begun.before(CROWD_AGE)));
        let mut batch = Batch::new(pepper.partition(&Party::Business(BUSINESS)));
        batch.put(Key::undated(MET, REACHED.to_vec()), crowd.to_bytes().to_vec());
        assert!(matches!(disk.commit(batch).await, Ok(Commit::Committed(_))));
    }
}

/// Until when they count.
fn until_of_most(begun: Timestamp) -> Timestamp {
    begun.before(CROWD_AGE).after(LIMIT_PERIOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_ten_seeds_have_one_and_less_and_less_of_it_comes_to_none() {
        let plans: Vec<_> =
            (0..1_000).filter_map(|seed| ProtectionPlan::of(seed, Duration::from_secs(60))).collect();
        assert!((250..350).contains(&plans.len()), "{}", plans.len());
        for plan in plans {
            let mut plan = Some(plan);
            for _ in 0..3 {
                plan = plan.and_then(|plan| plan.smaller().into_iter().next_back().flatten());
            }
            assert_eq!(plan, None);
        }
    }

    #[test]
    fn the_crowd_leaves_when_its_day_is_over() {
        let begun = Timestamp::from_millis(1 << 40);
        let plan = ProtectionPlan { left: 1, leaves: Some(Duration::from_secs(10)), promotes: false };
        let at = |second| plan.crowd(begun, begun.after(Duration::from_secs(second)), Duration::from_secs(2));
        assert_eq!([7, 9, 13].map(at), [(249, 249), (248, 249), (248, 248)]);
        assert_eq!([23 * 3_600 - 1, 23 * 3_600 + 3].map(at), [(0, 248), (0, 0)]);
    }
}
