//! Seeds on several threads, each seed in one.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bulla::SystemClock;
use bulla_base::Clock;

use crate::options::Options;

/// After how many seeds a line tells how far it is.
const A_LINE_EVERY: u64 = 500;

/// Runs the seeds of `options` and tells what they showed.
pub(crate) fn run(options: &Options) -> ExitCode {
    let begun = SystemClock.now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let sums = Mutex::new((0_u64, 0_usize));
    let failed = Mutex::new(Vec::new());
    let rate =
        |done: u64| done * 1000 / SystemClock.now().as_millis().saturating_sub(begun.as_millis()).max(1);
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= options.seeds {
                        return;
                    }
                    let seed = options.first_seed + number;
                    match catch_unwind(|| bulla_sim::run(seed)) {
                        Ok(outcome) => {
                            let mut sums = sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                            *sums = (sums.0 + outcome.faults, sums.1 + outcome.steps);
                        }
                        Err(_) => {
                            eprintln!("seed {seed} failed");
                            failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                        }
                    }
                    let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                    if done % A_LINE_EVERY == 0 {
                        println!("{done} of {} seeds, {} a second", options.seeds, rate(done));
                    }
                }
            });
        }
    });
    let (faults, steps) = *sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "sim: seeds {}..{}: {faults} faults, {steps} ratchet steps, {} failed, {} seeds a second",
        options.first_seed,
        options.first_seed + options.seeds,
        failed.len(),
        rate(options.seeds),
    );
    ExitCode::from(u8::from(!failed.is_empty()))
}
