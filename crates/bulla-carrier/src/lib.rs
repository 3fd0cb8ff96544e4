#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Carrier`] is the service, [`NumberVerifier`] the port that decides whose a number is.

mod carrier;
mod directory;
mod duplicate_guard;
mod meter;
mod queue;

mod fencing_token;
mod one_time_key_quota;
mod verifier;

mod businesses;
mod pending_sends;
mod queue_tails;

mod erase;
mod running_erasures;
mod store_generation;

mod metrics;
mod stats;
mod trace_span;
mod upkeep;

mod limits;
mod store_layout;

pub use carrier::Carrier;

pub use verifier::{NumberVerifier, TrustedHost, Verdict};

pub use stats::CarrierStats;

pub use limits::{
    CACHED_BYTES, MAX_COUNTED, MAX_COUNTED_KEYS, MAX_ID_AGE, MAX_ID_LEAD, MAX_ONE_TIME_KEYS_A_DAY,
};

pub use bulla_store::Erased;
