//! What was found once, so that it is not found again. Each is the smallest run that showed it, and fails
//! without the change that mended it.

use std::time::Duration;

use crate::machine::Name;
use crate::plan::{Plan, Strike, Weather};
use crate::run::run;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn holds(messages: usize, strikes: &[(Duration, Strike)]) {
    for seed in 0..10 {
        let weather = Weather { delay_ms: 200, ..Weather::CALM };
        let plan = Plan { seed, users: 1, messages, weather, span: seconds(60), strikes: strikes.to_vec() };
        let outcome = run(&plan, None, false);
        assert_eq!(outcome.violation, None, "seed {seed}:\n{}", outcome.trace.join("\n"));
    }
}

/// A new phone began while the carrier was down. Before it came to register, its other tasks had asked the
/// carrier, which took them for something of a phone that was replaced; its user was told that it was.
#[test]
fn a_new_phone_waits_for_a_carrier_that_is_down() {
    let down = Strike::Crash(Name::Carrier, seconds(7));
    holds(1, &[(seconds(20), down), (seconds(22), Strike::Reinstall(0))]);
}

/// The same of a relay that had lost its store and was cut off: a business that wrote meanwhile had its
/// number suspended, until somebody resumed it.
#[test]
fn a_relay_without_its_store_waits_for_a_carrier_it_is_cut_off_from() {
    let cut_off = Strike::CutOff(Name::Relay, seconds(10));
    holds(12, &[(seconds(10), Strike::LoseStore), (seconds(10), cut_off)]);
}
