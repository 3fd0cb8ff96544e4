//! The smallest plan that still shows a violation.

use crate::invariants::Invariant;
use crate::plan::Plan;
use crate::planted_bugs::PlantedBug;
use crate::simulation::{Outcome, run};

/// How many runs the search for a smaller plan may cost.
const MAX_RUNS: usize = 400;

/// The smallest plan found that still breaks the promise that `plan` breaks, and what it shows.
#[must_use]
pub fn shrink(plan: &Plan, invariant: Invariant, planted_bug: Option<PlantedBug>) -> (Plan, Outcome) {
    let (mut smallest, mut runs) = (plan.clone(), 0);
    'smaller: loop {
        for candidate in smallest.smaller() {
            if runs == MAX_RUNS {
                break 'smaller;
            }
            runs += 1;
            let violation = run(&candidate, planted_bug, false).violation;
            if violation.is_some_and(|violation| violation.invariant == invariant) {
                smallest = candidate;
                continue 'smaller;
            }
        }
        break;
    }
    let outcome = run(&smallest, planted_bug, false);
    (smallest, outcome)
}
