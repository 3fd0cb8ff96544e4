use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp};

use crate::{Batch, Commit, Counter, Generation, Key, Record, Scan, Space, Store, StoreError, Watch};

/// A store over another, which passes on whatever it does not change.
///
/// Whatever wraps a store is a [`Store`] itself. It says what it stands on and how the calls it is about pass
/// it: late, counted, in another task, or not at all. So a test has a slow disk, or one that fails, in a few
/// lines:
///
/// ```
/// use bulla_store::{Batch, Commit, StoreWrapper, MemoryStore, Store, StoreError};
///
/// struct Full(MemoryStore);
///
/// impl StoreWrapper for Full {
///     type Inner = MemoryStore;
///
///     fn inner(&self) -> &MemoryStore {
///         &self.0
///     }
///
///     async fn pass_commit(&self, _: Batch) -> Result<Commit, StoreError> {
///         Err(StoreError::Poisoned { source: None })
///     }
/// }
///
/// # fn is_a_store(_: &impl Store) {}
/// is_a_store(&Full(MemoryStore::new()));
/// ```
///
/// # For implementors
/// Nothing changes but what you write: each call that is not written goes to the store beneath as it came. An
/// erasure is one call there, so what it reads and commits does not pass this wrapper; for that, answer
/// [`pass_erase`](Self::pass_erase) with [`erase_by_page`](crate::erase_by_page), unless what is beneath
/// destroys keys.
pub trait StoreWrapper: Send + Sync + 'static {
    /// What it stands on.
    type Inner: Store;

    /// The store beneath.
    fn inner(&self) -> &Self::Inner;

    /// How [`Store::commit`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_commit(&self, batch: Batch) -> impl Future<Output = Result<Commit, StoreError>> + Send {
        self.inner().commit(batch)
    }

    /// How [`Store::get`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        self.inner().get(partition, key, now)
    }

    /// How [`Store::scan`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(Key, Record)>, StoreError>> + Send {
        self.inner().scan(partition, scan, now)
    }

    /// How [`Store::keys`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Key>, StoreError>> + Send {
        self.inner().keys(partition, scan, now)
    }

    /// How [`Store::counters`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Future<Output = Result<Vec<(Counter, u64)>, StoreError>> + Send {
        self.inner().counters(space, prefix, after)
    }

    /// How [`Store::watch`] passes.
    fn pass_watch(&self, partition: Partition, space: Space) -> Watch {
        self.inner().watch(partition, space)
    }

    /// How [`Store::drop_days_before`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_drop(&self, day: Day) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner().drop_days_before(day)
    }

    /// How [`Store::erase_partition`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_erase(&self, partition: Partition) -> impl Future<Output = Result<usize, StoreError>> + Send {
        self.inner().erase_partition(partition)
    }

    /// How [`Store::upkeep`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_upkeep(&self) -> impl Future<Output = Result<Option<Duration>, StoreError>> + Send {
        self.inner().upkeep()
    }

    /// How [`Store::restored`] passes.
    fn pass_restored(&self) -> impl Future<Output = Option<Generation>> + Send {
        self.inner().restored()
    }

    /// How [`Store::accept_restored`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_accept_restored(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner().accept_restored()
    }

    /// How [`Store::close`] passes.
    ///
    /// # Errors
    /// As there.
    fn pass_close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner().close()
    }
}

impl<L: StoreWrapper> Store for L {
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Commit, StoreError>> + Send {
        self.pass_commit(batch)
    }

    fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send {
        self.pass_get(partition, key, now)
    }

    fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(Key, Record)>, StoreError>> + Send {
        self.pass_scan(partition, scan, now)
    }

    fn keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Key>, StoreError>> + Send {
        self.pass_keys(partition, scan, now)
    }

    fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Future<Output = Result<Vec<(Counter, u64)>, StoreError>> + Send {
        self.pass_counters(space, prefix, after)
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.pass_watch(partition, space)
    }

    fn drop_days_before(&self, day: Day) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.pass_drop(day)
    }

    fn erase_partition(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        self.pass_erase(partition)
    }

    fn upkeep(&self) -> impl Future<Output = Result<Option<Duration>, StoreError>> + Send {
        self.pass_upkeep()
    }

    fn restored(&self) -> impl Future<Output = Option<Generation>> + Send {
        self.pass_restored()
    }

    fn accept_restored(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.pass_accept_restored()
    }

    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.pass_close()
    }
}

/// One store for many holders.
impl<S: Store> StoreWrapper for Arc<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        self
    }
}
