//! What callers look up in the tables before it is their turn.

use bulla_store::{Batch, Key};

use super::version_cache::KnownVersion;
use crate::disk::tables::Tables;

/// What the tables say of the dated records of which a batch expects something: most often that a message is
/// new.
///
/// It is looked up before the state is locked, so that nobody waits while another reads. What is undated is
/// mostly known without looking.
#[derive(Debug)]
pub(crate) struct Prefetch {
    groups: u64,
    /// One for each expectation.
    versions: Vec<KnownVersion>,
}

impl Prefetch {
    /// Looks in the tables, into which so many groups have been written.
    pub(crate) fn of(groups: u64, batch: &Batch, tables: &Tables) -> Self {
        let mut sought = Vec::new();
        let mut look_up = |key: &Key| {
            if key.day() == Key::UNDATED {
                return KnownVersion::Unknown;
            }
            // What cannot be read is read again when it is its turn, and the error told then.
            let found = tables.version_of(batch.partition(), key, &mut sought);
            found.map_or(KnownVersion::Unknown, KnownVersion::found)
        };
        Self { groups, versions: batch.expectations().iter().map(|(key, _)| look_up(key)).collect() }
    }

    /// Whether the tables still say the same after so many groups, but for the one that may be under way.
    pub(crate) const fn holds_after(&self, groups: u64) -> bool {
        self.groups == groups
    }

    /// The version of the record which the expectation in `place` is about, if it was looked up.
    pub(crate) fn version(&self, place: usize) -> KnownVersion {
        self.versions.get(place).copied().unwrap_or(KnownVersion::Unknown)
    }
}
