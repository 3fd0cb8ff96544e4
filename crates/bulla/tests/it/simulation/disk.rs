use std::sync::Arc;
use std::time::Duration;

use bulla::base::{Clock, Day, Partition, Rng, Timestamp};
use bulla::store::{Batch, Commit, Counter, Key, MemoryStore, Record, Scan, Space, Store, StoreError, Watch};

use super::network::below;

/// A store that takes a while to commit, as one with a disk does. Who dies meanwhile has committed nothing.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) rows: Arc<MemoryStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
}

impl Store for Disk {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.clock.sleep(Duration::from_millis(below(&*self.rng, 30))).await;
        self.rows.commit(batch).await
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.rows.get(partition, key, now).await
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.rows.scan(partition, scan, now).await
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        self.rows.counters(space, prefix, after).await
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.rows.watch(partition, space)
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.rows.drop_days_before(day).await
    }
}
