//! A carrier that signs two histories of its log of keys is found out by whoever talks to each other.

use bulla_sim::{Invariant, Plan, PlantedBug, run};

/// How many seeds are run.
const SEEDS: u64 = 100;

/// Users see the business's key, and the business's relay sees another for its number. Whatever else fails in
/// a run: a message crosses, and with it the head that its sender was shown.
#[test]
fn two_keys_for_one_number_are_found_in_every_seed() {
    for seed in 0..SEEDS {
        let outcome = run(&Plan::of(seed), Some(PlantedBug::TwoHistories), false);
        let found = outcome.violation.map(|violation| violation.invariant);
        assert_eq!(found, Some(Invariant::OneHistory), "seed {seed}");
    }
}
