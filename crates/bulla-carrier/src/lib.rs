#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Carrier`] is the service, [`NumberVerifier`] the port that decides whose a number is.

mod allowance;
mod arrivals;
mod businesses;
mod carrier;
mod directory;
mod erase;
mod erasures;
mod fence;
mod life;
mod limits;
mod meter;
mod metrics;
mod queue;
mod seen;
mod space;
mod span;
mod stats;
mod tails;
mod upkeep;
mod verifier;

pub use bulla_store::Erased;
pub use carrier::Carrier;
pub use limits::{
    CACHED_BYTES, MAX_COUNTED, MAX_COUNTED_KEYS, MAX_ID_AGE, MAX_ID_LEAD, MAX_ONE_TIME_KEYS_A_DAY,
};
pub use stats::CarrierStats;
pub use verifier::{NumberVerifier, TrustedHost, Verdict};
