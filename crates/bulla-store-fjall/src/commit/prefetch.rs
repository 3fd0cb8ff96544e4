//! What callers see in the tables before it is their turn.

use bulla_store::{Batch, Key, Version};

use crate::disk::tables::Tables;

/// What the tables say of the dated records of which a batch expects something: most often that a message is
/// new.
///
/// It is looked up before the state is locked, so that nobody waits while another reads. What is undated is
/// mostly known without looking.
#[derive(Debug)]
pub(crate) struct Sight {
    groups: u64,
    /// One for each expectation; the inner `None` says that there is no record.
    versions: Vec<Option<Option<Version>>>,
}

impl Sight {
    /// Looks in the tables, into which so many groups have been written.
    pub(crate) fn of(groups: u64, batch: &Batch, tables: &Tables) -> Self {
        let mut sought = Vec::new();
        let mut look = |key: &Key| {
            if key.day() == Key::UNDATED {
                return None;
            }
            // What cannot be read is read again when it is its turn, and the error told then.
            tables.version_of(batch.partition(), key, &mut sought).ok()
        };
        Self { groups, versions: batch.expectations().iter().map(|(key, _)| look(key)).collect() }
    }

    /// Whether the tables still say the same after so many groups, but for the one that may be under way.
    pub(crate) const fn holds_after(&self, groups: u64) -> bool {
        self.groups == groups
    }

    /// The version of the record which the expectation in `place` is about, if it was looked up.
    pub(crate) fn version(&self, place: usize) -> Option<Option<Version>> {
        self.versions.get(place).copied().flatten()
    }
}
