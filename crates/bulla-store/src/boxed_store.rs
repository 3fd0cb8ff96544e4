use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp};

use crate::{Batch, Commit, Counter, Generation, Key, Record, Scan, Space, Store, StoreError, Watch};

/// Any store, as one type: for a host that picks its engine when it is configured.
///
/// Clones are the same store. Every call goes to the store as it came, also those that a store need not
/// write.
///
/// ```
/// use bulla_store::{BoxStore, MemoryStore};
///
/// let store: BoxStore = match "memory" {
///     "memory" => BoxStore::new(MemoryStore::new()),
///     other => panic!("there is no engine {other}"),
/// };
/// ```
///
/// # Cost
/// An allocation for each call.
#[derive(Clone)]
pub struct BoxStore(Arc<dyn DynStore>);

impl BoxStore {
    /// Takes `store`, whatever it is.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

/// Prints nothing of the store, which need not print.
impl fmt::Debug for BoxStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxStore(…)")
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The port with its futures in boxes, so that it can be called without knowing the store.
trait DynStore: Send + Sync {
    fn watch(&self, partition: Partition, space: Space) -> Watch;
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, StoreError>>;
    fn get<'a>(
        &'a self,
        partition: Partition,
        key: &'a Key,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Record>, StoreError>>;
    fn scan<'a>(
        &'a self,
        partition: Partition,
        scan: &'a Scan,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<(Key, Record)>, StoreError>>;
    fn keys<'a>(
        &'a self,
        partition: Partition,
        scan: &'a Scan,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Key>, StoreError>>;
    fn counters<'a>(
        &'a self,
        space: Space,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Vec<(Counter, u64)>, StoreError>>;
    fn drop_days_before(&self, day: Day) -> BoxFuture<'_, Result<(), StoreError>>;
    fn erase_partition(&self, partition: Partition) -> BoxFuture<'_, Result<usize, StoreError>>;
    fn upkeep(&self) -> BoxFuture<'_, Result<Option<Duration>, StoreError>>;
    fn restored(&self) -> BoxFuture<'_, Option<Generation>>;
    fn accept_restored(&self) -> BoxFuture<'_, Result<(), StoreError>>;
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

impl<S: Store> DynStore for S {
    fn watch(&self, partition: Partition, space: Space) -> Watch {
        Store::watch(self, partition, space)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, StoreError>> {
        Box::pin(Store::commit(self, batch))
    }

    fn get<'a>(
        &'a self,
        partition: Partition,
        key: &'a Key,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(Store::get(self, partition, key, now))
    }

    fn scan<'a>(
        &'a self,
        partition: Partition,
        scan: &'a Scan,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<(Key, Record)>, StoreError>> {
        Box::pin(Store::scan(self, partition, scan, now))
    }

    fn keys<'a>(
        &'a self,
        partition: Partition,
        scan: &'a Scan,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Box::pin(Store::keys(self, partition, scan, now))
    }

    fn counters<'a>(
        &'a self,
        space: Space,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<Vec<(Counter, u64)>, StoreError>> {
        Box::pin(Store::counters(self, space, prefix, after))
    }

    fn drop_days_before(&self, day: Day) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(Store::drop_days_before(self, day))
    }

    fn erase_partition(&self, partition: Partition) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(Store::erase_partition(self, partition))
    }

    fn upkeep(&self) -> BoxFuture<'_, Result<Option<Duration>, StoreError>> {
        Box::pin(Store::upkeep(self))
    }

    fn restored(&self) -> BoxFuture<'_, Option<Generation>> {
        Box::pin(Store::restored(self))
    }

    fn accept_restored(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(Store::accept_restored(self))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(Store::close(self))
    }
}

impl Store for BoxStore {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.0.commit(batch).await
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.0.get(partition, key, now).await
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.0.scan(partition, scan, now).await
    }

    async fn keys(&self, partition: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        self.0.keys(partition, scan, now).await
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        self.0.counters(space, prefix, after).await
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.0.drop_days_before(day).await
    }

    async fn erase_partition(&self, partition: Partition) -> Result<usize, StoreError> {
        self.0.erase_partition(partition).await
    }

    async fn upkeep(&self) -> Result<Option<Duration>, StoreError> {
        self.0.upkeep().await
    }

    async fn restored(&self) -> Option<Generation> {
        self.0.restored().await
    }

    async fn accept_restored(&self) -> Result<(), StoreError> {
        self.0.accept_restored().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.0.watch(partition, space)
    }
}
