use bulla_base::Partition;

use crate::{Batch, Key, Scan, Space};

/// One call about rows, as a [`FaultyStore`](crate::FaultyStore) and a [`SlowStore`](crate::SlowStore) are
/// asked about it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum StoreCall<'a> {
    /// [`Store::commit`](crate::Store::commit) of this batch.
    Commit(&'a Batch),
    /// [`Store::get`](crate::Store::get) of this row.
    Get(Partition, &'a Key),
    /// [`Store::scan`](crate::Store::scan) of these rows.
    Scan(Partition, &'a Scan),
    /// [`Store::keys`](crate::Store::keys) of these rows.
    Keys(Partition, &'a Scan),
    /// [`Store::counters`](crate::Store::counters) of this space.
    Counters(Space),
}

impl StoreCall<'_> {
    /// Whether it writes.
    #[must_use]
    pub const fn is_commit(&self) -> bool {
        matches!(self, Self::Commit(_))
    }
}
