//! From a caller's batch to a synced group.
//!
//! ```text
//! caller    prefetch ── committer ──► queue: the open group, what waits
//!                                       │
//! writer                                ▼
//!           writes one group, syncs it, answers it ──► the version cache
//! ```

pub(crate) mod committer;
mod queue;
mod reopen_backoff;
pub(crate) mod writer;

// What is in a group, and what it is checked against.
pub(crate) mod group_writes;
mod prefetch;
pub(crate) mod version_cache;

mod bounded_cache;
mod changed_spaces;
