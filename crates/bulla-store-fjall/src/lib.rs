#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`FjallStore`], [`FjallOptions`], [`Stats`]; the bounds of a group are [`MAX_GROUP_BATCHES`] and
//! [`MAX_GROUP_BYTES`].

mod committer;
mod compaction;
mod error;
mod failure;
mod filter;
mod frame;
mod group;
mod inventory;
mod limits;
mod lock;
mod metrics;
mod opening;
mod options;
mod presence;
mod recent;
mod reserve;
mod row;
mod sight;
mod spaces;
mod stats;
mod store;
mod tables;
mod torn;
mod unfinished;
mod writer;

pub use error::{CompactError, OpenError};
pub use limits::{MAX_DAYS, MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_WAITING};
pub use options::FjallOptions;
pub use stats::Stats;
pub use store::FjallStore;
