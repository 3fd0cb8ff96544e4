#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Store`] is the port and [`Batch`] what it carries out; [`Key`], [`Scan`], [`Record`] and [`Counter`]
//! what is in one; [`Retention`] how long; [`Queue`] what is built on it; [`MemoryStore`], [`Layer`] and
//! [`CachedStore`] are stores, and [`BoxStore`] is any of them.

#[cfg(feature = "conformance")]
pub mod conformance;

// The port, and what it carries out.
mod store;

mod batch;
mod counter;
mod key;
mod record;
mod retention;
mod scan;
mod watch;

// Stores, and what stands over them.
mod memory;

mod boxed;
mod cache;
mod counted;
mod layer;

// Stores that others are tested with.
#[cfg(feature = "conformance")]
mod call;
#[cfg(feature = "conformance")]
mod faulty;
#[cfg(feature = "conformance")]
mod slow;

// What is built on the port.
mod erase;
mod erasure;
mod keyed_mutex;
mod own_partition;
mod queue;
mod upkeep;

mod error;
mod limits;
mod metrics;

pub use batch::{Batch, Commit, Expectation, Put};
pub use boxed::BoxStore;
pub use cache::CachedStore;
#[cfg(feature = "conformance")]
pub use call::Call;
pub use counted::{Asked, CountedStore, Counts};
pub use counter::Counter;
pub use erase::{erase_by_page, erase_names};
pub use erasure::{BEFORE_ALL, Erased, Erasure};
pub use error::{Fault, StoreError};
#[cfg(feature = "conformance")]
pub use faulty::{Failure, FaultyStore};
pub use key::{Key, Space};
pub use keyed_mutex::KeyedMutex;
pub use layer::Layer;
pub use limits::{
    MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_SCAN_ROWS, MAX_VALUE_BYTES, SEAL_ROOM_BATCH_BYTES,
    SEAL_ROOM_BYTES, SEAL_ROOM_ROWS,
};
pub use memory::MemoryStore;
pub use own_partition::{OWN, every_counter, pepper};
pub use queue::{MAX_QUEUE_DAYS, MAX_QUEUE_GAPS, Queue, QueueIndex, QueueTail, Queued, TailRead};
pub use record::{Record, Version};
pub use retention::{Expiry, MAX_RETENTION, Retention, RetentionTooLong};
pub use scan::Scan;
#[cfg(feature = "conformance")]
pub use slow::{Pause, SlowStore};
pub use store::Store;
pub use upkeep::{Generation, UPKEEP_RETRY, keep_up};
pub use watch::{Watch, Watchers};
