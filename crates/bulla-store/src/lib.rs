#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Store`] is the port and [`Batch`] what it carries out; [`Key`], [`Scan`], [`Record`] and [`Counter`]
//! what is in one; [`Retention`] how long; [`Queue`] what is built on it; [`MemoryStore`], [`StoreWrapper`]
//! and [`CachedStore`] are stores, and [`BoxStore`] is any of them.

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
mod memory_store;

mod boxed_store;
mod cached_store;
mod counting_store;
mod store_wrapper;

// Stores that others are tested with.
#[cfg(feature = "conformance")]
mod copying_store;
#[cfg(feature = "conformance")]
mod faulty_store;
#[cfg(feature = "conformance")]
mod slow_store;
#[cfg(feature = "conformance")]
mod store_call;

// What is built on the port.
mod erase_partition;
mod keyed_mutex;
mod queue;
mod stored_pepper;
mod upkeep;
mod user_erasure;

mod error;
mod limits;
mod metrics;

pub use batch::{Batch, Commit, Expectation, Put};
pub use boxed_store::BoxStore;
pub use cached_store::CachedStore;
#[cfg(feature = "conformance")]
pub use copying_store::CopyingStore;
pub use counter::{Counter, counters_between, every_counter, remove_counters, remove_counters_of_all};
pub use counting_store::{Asked, CountingStore, Counts};
pub use erase_partition::{erase_by_page, erase_names};
pub use error::{Fault, StoreError};
#[cfg(feature = "conformance")]
pub use faulty_store::{Failure, FaultyStore};
pub use key::{Key, SYSTEM_PARTITION, Space};
pub use keyed_mutex::KeyedMutex;
pub use limits::{
    MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_QUEUE_DAYS, MAX_QUEUE_GAPS, MAX_RETENTION,
    MAX_SCAN_ROWS, MAX_VALUE_BYTES, SEAL_ROOM_BATCH_BYTES, SEAL_ROOM_BYTES, SEAL_ROOM_ROWS, UPKEEP_RETRY,
};
pub use memory_store::MemoryStore;
pub use queue::{Queue, QueueIndex, QueueTail, Queued, TailRead};
pub use record::{Record, Version};
pub use retention::{Expiry, Retention, RetentionTooLong};
pub use scan::Scan;
#[cfg(feature = "conformance")]
pub use slow_store::{Pause, SlowStore};
pub use store::Store;
#[cfg(feature = "conformance")]
pub use store_call::StoreCall;
pub use store_wrapper::StoreWrapper;
pub use stored_pepper::pepper;
pub use upkeep::{Generation, keep_up};
pub use user_erasure::{BEFORE_ALL, Erased, UserErasure};
pub use watch::{Watch, Watchers};
