//! Which planted bug is found at which seed.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bulla_sim::{PlantedBug, SEEDS_FOR_PLANTED, find};

use crate::options::Options;

/// Looks for every planted bug, and prints a row for each, as the guide has them.
pub(crate) fn run(options: &Options) -> ExitCode {
    let (next, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some((planted_bug, what)) = PlantedBug::TABLE.get(next.fetch_add(1, Ordering::SeqCst)) {
            match find(*planted_bug) {
                Some((seed, invariant)) => println!("| {what} | {invariant:?} | {seed} |"),
                None => {
                    missed.fetch_add(1, Ordering::SeqCst);
                    println!("| {what} | NOT FOUND in {SEEDS_FOR_PLANTED} seeds ({planted_bug:?}) | |");
                }
            }
        }
    };
    thread::scope(|scope| (0..options.threads).for_each(|_| drop(scope.spawn(work))));
    let missed = missed.into_inner();
    println!("planted: {} of {} found", PlantedBug::TABLE.len() - missed, PlantedBug::TABLE.len());
    ExitCode::from(u8::from(missed > 0))
}
