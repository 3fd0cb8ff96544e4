//! The tester is tested: what is broken on purpose is found.

use std::sync::Mutex;
use std::thread;

use bulla_sim::{PlantedBug, SEEDS_FOR_PLANTED, find};

#[test]
fn every_planted_bug_is_found() {
    assert!(PlantedBug::TABLE.len() >= 25);
    let (left, missed) = (Mutex::new(PlantedBug::TABLE.iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((plant, what)) = left.lock().unwrap().next() else { return };
            match find(*plant) {
                Some((seed, invariant)) => println!("{invariant:?} at seed {seed}: {what}"),
                None => missed.lock().unwrap().push(what),
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "not found in {SEEDS_FOR_PLANTED} seeds: {missed:#?}");
}
