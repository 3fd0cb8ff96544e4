//! From a caller's batch to a synced group.
//!
//! ```text
//! caller    prefetch ── committer ──► queue: the open group, what waits
//!                                       │
//! writer                                ▼
//!           writes one group, syncs it, answers it ──► the version cache
//! ```

pub(crate) mod committer;
pub(crate) mod writer;

pub(crate) mod group_writes;
pub(crate) mod prefetch;

pub(crate) mod bounded_cache;
pub(crate) mod space_set;
