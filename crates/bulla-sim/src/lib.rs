#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    reason = "in a simulation a panic is a finding as any other: it ends the run and names the seed"
)]

// A run: what is drawn from a seed, and how it is carried out.
mod plan;

mod simulation;

mod world;

// The simulated surroundings of the carrier, the relay and the devices.
mod machine;

mod clock;
mod disk;
mod disk_contents;

mod carrier_endpoint;
mod network;

mod business;
mod business_plan;
mod failover;
mod host;
mod key_log;
mod phone_numbers;
mod protection_plan;
mod supervisor;
mod workload;

// What goes wrong, and when.
mod current_faults;
mod faults;
mod ghost_device;

// What must hold, and who sees that it does not.
mod invariants;

mod run_log;

mod envelope_checks;
mod ledger_checks;
mod protection_checks;
mod reference_model;
mod refused_events;
mod retention;
mod rule_checks;

// What a violation is reduced to, and what was found once.
#[cfg(test)]
mod regressions;
mod shrink;

// The tester is tested: bugs that are put in on purpose.
mod planted_bugs;

// Small parts.
mod observed_transport;
mod random;
mod waitable_flag;

pub use plan::{FaultRates, Plan};
pub use simulation::{Outcome, run};

pub use faults::FaultKind;
pub use invariants::{Invariant, Violation};
pub use shrink::shrink;

pub use planted_bugs::{PlantedBug, SEEDS_FOR_PLANTED, find};

// For tests that bring their own world.
pub use clock::VirtualClock;
pub use observed_transport::ObservedTransport;
pub use run_log::RunLog;
