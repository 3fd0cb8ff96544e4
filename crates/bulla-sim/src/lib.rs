#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    reason = "in a simulation a panic is a finding as any other: it ends the run and names the seed"
)]

mod chance;
mod clock;
#[cfg(test)]
mod corpus;
mod disk;
mod hub;
mod late;
mod line;
mod lives;
mod machine;
mod model;
mod oracle;
mod people;
mod plan;
mod plant;
mod planted;
mod rows;
mod run;
mod shop;
mod shrink;
mod signal;
mod strikes;
mod user;
mod watched;
mod weather;
mod wire;
mod world;

pub use clock::VirtualClock;
pub use oracle::{Fault, Invariant, Oracle, Violation};
pub use plan::{Plan, Weather};
pub use plant::Plant;
pub use planted::{SEEDS_FOR_PLANTED, find};
pub use run::{Outcome, run};
pub use shrink::shrink;
pub use watched::Watched;
