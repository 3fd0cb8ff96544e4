#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`FjallStore`], [`FjallOptions`], [`Stats`]; the bounds of a group are [`MAX_GROUP_BATCHES`] and
//! [`MAX_GROUP_BYTES`].

// What a host sees.
mod options;
mod stats;
mod store;

// From a caller's batch to a synced group: callers, the queue, the thread that writes.
mod commit;

// What stands in the directory, and how it is looked after: tables, journals, files.
mod disk;

mod error;
mod limits;
mod metrics;
mod system_error;

pub use store::FjallStore;

pub use options::FjallOptions;
pub use stats::Stats;

pub use error::{CompactError, OpenError};
pub use limits::{MAX_DAYS, MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_WAITING};
