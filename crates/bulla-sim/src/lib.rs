#![doc = include_str!("../README.md")]
//!
//! # What counts as failure
//! A message that was accepted and is not seen by the user, or is seen twice under two ids; a message of a
//! user that the business does not get, or gets under two ids; an order per business and user that is not the
//! one in which it was said; a status that goes backwards or comes for nothing; a count that differs from the
//! messages; a ratchet step that seals two different messages; and a run that differs from another of the
//! same seed.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a simulation that finds something says so by panicking"
)]

mod clock;
mod disk;
mod network;
mod oracle;
mod world;

pub use clock::VirtualClock;
pub use network::Network;
pub use oracle::Oracle;
pub use world::{Outcome, run};
