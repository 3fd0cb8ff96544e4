use std::cell::Cell;

use bulla_store::{MemoryStore, conformance};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::planted_bugs::{BUGS, Planted};
use crate::run;

fn steps(most: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..48), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_engine_answers_as_the_model_does(steps in steps(120)) {
        run(conformance::walk(MemoryStore::new(), async |store| store, &steps));
    }

    #[test]
    fn a_wrapper_without_a_bug_answers_as_the_model_does(steps in steps(60)) {
        run(conformance::walk(Planted::new(None), Planted::reopened, &steps));
    }
}

/// Walks that find nothing are worth as much as what they would find. Each engine with a bug has to be caught
/// by few of them.
#[test]
fn every_planted_bug_is_caught() {
    const MOST: u32 = 300;
    for bug in BUGS {
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            ProptestConfig {
                cases: MOST,
                failure_persistence: None,
                max_shrink_iters: 0,
                ..ProptestConfig::default()
            },
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        );
        let taken = Cell::new(0);
        let caught = runner.run(&steps(60), |steps| {
            taken.set(taken.get() + 1);
            run(conformance::walk(Planted::new(Some(bug)), Planted::reopened, &steps));
            Ok(())
        });
        assert!(caught.is_err(), "{bug:?} was not caught by {MOST} walks");
        println!("{bug:?} was caught by walk {}", taken.get());
    }
}
