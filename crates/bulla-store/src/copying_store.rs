use std::fmt;

use bulla_base::{Partition, Timestamp};
use bytes::Bytes;

use crate::{Batch, Commit, Key, Record, Scan, Store, StoreError, StoreWrapper};

/// A store that shares no memory with whoever uses it, as one with a disk does not: names and values are
/// copied on their way in and out. For tests that count what its user holds.
pub struct CopyingStore<S>(S);

impl<S: Store> CopyingStore<S> {
    /// Copies what goes to `beneath`, and what comes from it.
    #[must_use]
    pub const fn new(beneath: S) -> Self {
        Self(beneath)
    }
}

impl<S: Store> StoreWrapper for CopyingStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.0
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.0.commit(batch.map_rows(key, copy)).await
    }

    async fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.0.get(partition, key, now).await?.map(record))
    }

    async fn pass_scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let found = self.0.scan(partition, scan, now).await?;
        Ok(found.into_iter().map(|(of, found)| (key(&of), record(found))).collect())
    }

    async fn pass_keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        Ok(self.0.keys(partition, scan, now).await?.iter().map(key).collect())
    }
}

fn key(of: &Key) -> Key {
    Key::dated(of.space(), of.day(), Bytes::copy_from_slice(of.name()))
}

fn copy(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(value)
}

fn record(found: Record) -> Record {
    Record { value: copy(&found.value), ..found }
}

impl<S> fmt::Debug for CopyingStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyingStore").finish_non_exhaustive()
    }
}
