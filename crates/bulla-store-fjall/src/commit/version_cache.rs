//! What stands in the tables, as far as it is known without looking.

use bulla_store::{Key, Version};
use fjall::Slice;

use super::bounded_cache::BoundedCache;
use super::group_writes::Writes;
use crate::limits::{MAX_RECENT_COUNTERS, MAX_RECENT_RECORDS};

/// What is known of the version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownVersion {
    /// Nothing: it has to be looked up.
    Unknown,
    /// There is no record.
    Absent,
    /// The record has this version.
    At(Version),
}

impl KnownVersion {
    /// What was found where it was looked for.
    pub(crate) fn found(version: Option<Version>) -> Self {
        version.map_or(Self::Absent, Self::At)
    }

    /// This, or what `other` says if this says nothing.
    pub(crate) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Unknown => other(),
            known => known,
        }
    }
}

/// The versions of undated records, and counters, that were written of late. Nobody but the writer writes, so
/// what it wrote last is what stands in the tables.
#[derive(Debug)]
pub(crate) struct VersionCache {
    records: BoundedCache<Slice, KnownVersion>,
    counters: BoundedCache<Vec<u8>, u64>,
}

impl Default for VersionCache {
    fn default() -> Self {
        Self {
            records: BoundedCache::of(MAX_RECENT_RECORDS),
            counters: BoundedCache::of(MAX_RECENT_COUNTERS),
        }
    }
}

impl VersionCache {
    /// Takes note of what now stands in the tables.
    pub(crate) fn note(&mut self, written: &Writes) {
        for (key, version) in written.versions_of(Key::UNDATED) {
            self.records.note(key, version);
        }
        for (counter, count) in written.counters() {
            self.counters.note(counter, *count);
        }
    }

    /// What is known of the undated record under `key`, as the engine keeps it.
    pub(crate) fn record(&self, key: &[u8]) -> KnownVersion {
        self.records.find(key).unwrap_or(KnownVersion::Unknown)
    }

    /// How far the counter under `key` has come, if that is known.
    pub(crate) fn counter(&self, key: &[u8]) -> Option<u64> {
        self.counters.find(key)
    }
}
