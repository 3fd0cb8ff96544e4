use crate::oracle::Invariant;
use crate::plan::Plan;
use crate::plant::Plant;
use crate::run::{Outcome, run};

/// How many runs the search for a smaller plan may cost.
const MOST_RUNS: usize = 400;

/// The smallest plan found that still breaks the promise that `plan` breaks, and what it shows.
#[must_use]
pub fn shrink(plan: &Plan, invariant: Invariant, plant: Option<Plant>) -> (Plan, Outcome) {
    let (mut smallest, mut runs) = (plan.clone(), 0);
    'smaller: loop {
        for candidate in smallest.smaller() {
            if runs == MOST_RUNS {
                break 'smaller;
            }
            runs += 1;
            let violation = run(&candidate, plant, false).violation;
            if violation.is_some_and(|violation| violation.invariant == invariant) {
                smallest = candidate;
                continue 'smaller;
            }
        }
        break;
    }
    let outcome = run(&smallest, plant, false);
    (smallest, outcome)
}
