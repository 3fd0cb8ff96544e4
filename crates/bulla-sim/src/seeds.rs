//! Seeds on several threads, each seed in one.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bulla::SystemClock;
use bulla_base::Clock;
use bulla_sim::{Invariant, Outcome, Plan, shrink};

use crate::options::Options;
use crate::totals::Totals;

/// After how many seeds a line tells how far it is.
const PROGRESS_EVERY: u64 = 1000;
/// Every so manieth seed is run twice, and has to do the same.
const REPLAY_EVERY: u64 = 20;
/// After so many violations the rest is not worth the time.
const MAX_VIOLATIONS: usize = 10;

/// Runs the seeds of `options` and tells what they showed.
pub(crate) fn run(options: &Options) -> ExitCode {
    let begun = SystemClock.now();
    let (next, totals) = (AtomicU64::new(0), Mutex::new(Totals::default()));
    let rate = |runs: u64| {
        let ms = SystemClock.now().as_millis().saturating_sub(begun.as_millis()).max(1);
        format!("{}.{} seeds a second", runs * 1000 / ms, runs * 10_000 / ms % 10)
    };
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let is_enough =
                totals.lock().unwrap_or_else(PoisonError::into_inner).failed.len() >= MAX_VIOLATIONS;
            if number >= options.seeds || is_enough {
                return;
            }
            let seed = options.first_seed + number;
            let plan = Plan::of(seed);
            let outcome = run_one(&plan, options);
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.add(&outcome);
            if let Some(violation) = &outcome.violation {
                totals.failed.push(plan.seed);
                drop(totals);
                show(&plan, violation.invariant, &outcome);
            } else if totals.runs % PROGRESS_EVERY == 0 {
                println!("{} of {} seeds, {}", totals.runs, options.seeds, rate(totals.runs));
            }
        }
    };
    thread::scope(|scope| (0..options.threads).for_each(|_| drop(scope.spawn(work))));
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", totals.lines());
    for seed in &totals.failed {
        println!("failed: --first-seed {seed} --seeds 1");
    }
    println!("sim: {}, {}", totals.line(), rate(totals.runs));
    ExitCode::from(u8::from(!totals.failed.is_empty()))
}

/// Runs a plan, now and then twice.
fn run_one(plan: &Plan, options: &Options) -> Outcome {
    let mut outcome = bulla_sim::run(plan, None, options.trace);
    if options.trace {
        println!("{plan}");
        outcome.trace.iter().for_each(|line| println!("{line}"));
    }
    if plan.seed.is_multiple_of(REPLAY_EVERY) && outcome.violation.is_none() {
        let again = bulla_sim::run(plan, None, options.trace);
        if again.hash != outcome.hash {
            let differ = outcome.trace.iter().zip(&again.trace).find(|(first, second)| first != second);
            if let Some((first, second)) = differ {
                println!("first:  {first}\nsecond: {second}");
            }
            outcome.violation = Some(Invariant::Replays.broken("two runs of the seed differ"));
        }
    }
    outcome
}

/// Shows what was broken, and the smallest plan that breaks it too.
fn show(plan: &Plan, invariant: Invariant, outcome: &Outcome) {
    let lines = outcome.trace.join("\n");
    let violation = outcome.violation.as_ref().map(ToString::to_string).unwrap_or_default();
    if invariant == Invariant::Replays {
        return println!("seed {} breaks {violation}", plan.seed);
    }
    // To shrink it takes as long as hundreds of seeds.
    println!("seed {} breaks {violation}, and is shrunk", plan.seed);
    let (smallest, smaller) = shrink(plan, invariant, None);
    let of_smallest = smaller.violation.as_ref().map(ToString::to_string).unwrap_or_default();
    println!(
        "{lines}\n\nseed {} breaks {violation}\n\n{smallest}\n{}\n\nthe smallest found breaks {of_smallest}",
        plan.seed,
        smaller.trace.join("\n")
    );
}
