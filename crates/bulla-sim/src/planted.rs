use crate::oracle::Invariant;
use crate::plan::Plan;
use crate::plant::Plant;
use crate::run::run;

/// In how many seeds each planted bug has to be found.
pub const SEEDS_FOR_PLANTED: u64 = 1_000;

/// The first seed that finds `plant`, and the promise that it saw broken.
#[must_use]
pub fn find(plant: Plant) -> Option<(u64, Invariant)> {
    (0..SEEDS_FOR_PLANTED).find_map(|seed| {
        let violation = run(&Plan::of(seed), Some(plant), false).violation?;
        Some((seed, violation.invariant))
    })
}
