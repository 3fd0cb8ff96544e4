mod shard;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{Partition, Timestamp};

use self::shard::{Row, Shard};
use crate::limits::{CACHE_SHARD_BYTES, MAX_CACHE_SHARDS};
use crate::{Batch, Commit, Key, Record, Store, StoreError, StoreWrapper, Version};

/// A store that remembers, within a bound, the undated rows that were read or written last: sessions, heads
/// of queues, fences.
///
/// Who works on a conversation reads the same few rows for every message and writes them again. Here they are
/// read from memory.
///
/// ```text
///   get ────► remembered? ── yes ─► the row, unless it has expired
///                 │ no
///                 ▼
///   commit ─► forgotten while it runs ─► the store beneath ─► what it says is durable is remembered
/// ```
///
/// It is right whatever happens to a commit: the rows of a batch are forgotten before it begins and
/// remembered anew when it is known to be durable; a future that is dropped, an error and a conflict leave
/// them forgotten. Rows that two batches write at the same time are not remembered at all, nor is what was
/// read while a commit or an erasure went on beside it.
///
/// Another program's writes to the store beneath are not seen. What was based on a row that another has
/// changed meanwhile comes to [`Commit::Conflict`], as it would without the cache, and is then read anew.
///
/// Dated rows are not remembered: most are written once and never read, and many name users.
///
/// # Cost
/// At most about the bytes it was made for: the older half of what is remembered is let go of when they are
/// full, and whenever somebody calls [`evict_idle`](Self::evict_idle). A row takes its name, its value and up
/// to 320 bytes beside them. Who calls that from time to time holds nothing for those who have fallen silent.
///
/// # Security
/// What is remembered is in memory as it is in the records that the store beneath returns. It is forgotten
/// when it is let go of for others, deleted or erased, and when the store is closed; whether freed memory
/// is wiped is the allocator's business.
pub struct CachedStore<S> {
    beneath: S,
    shards: Box<[Mutex<Shard>]>,
}

impl<S: Store> CachedStore<S> {
    /// A cache of at most about `bytes` before `beneath`, which has no rows when it begins.
    #[must_use]
    pub fn new(beneath: S, bytes: usize) -> Self {
        let shards = (bytes / CACHE_SHARD_BYTES).clamp(1, MAX_CACHE_SHARDS).next_power_of_two();
        let shard = || Mutex::new(Shard::new(bytes / shards));
        Self { beneath, shards: (0..shards).map(|_| shard()).collect() }
    }

    /// How many bytes the rows take that are remembered now, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bytes()).sum()
    }

    /// Forgets everything: what is read next is read from the store beneath, which somebody may have mended.
    pub fn forget_all(&self) {
        self.shards.iter().for_each(|shard| lock(shard).clear());
    }

    /// Lets go of the rows that were not used since this was called last: for somebody to call from time to
    /// time, so that those who have fallen silent take no memory. What is used again is read once.
    pub fn evict_idle(&self) {
        self.shards.iter().for_each(|shard| lock(shard).age());
    }

    fn shard(&self, partition: Partition) -> MutexGuard<'_, Shard> {
        // Partitions are keyed tags, so that any byte of them is spread evenly.
        let [.., last] = *partition.as_bytes();
        lock(&self.shards[usize::from(last) & (self.shards.len() - 1)])
    }

    /// Forgets the rows that `batch` writes, until it is known what became of it.
    fn begin(&self, batch: &Batch) -> Begun<'_, S> {
        let partition = batch.partition();
        let puts = batch.puts().iter().filter(|put| is_remembered(&put.key));
        let puts = puts.map(|put| (put.key.clone(), Row::of(put)));
        let deletes = batch.deletes().iter().filter(|key| is_remembered(key));
        let rows: Vec<_> = puts.chain(deletes.map(|key| (key.clone(), Row::Deleted))).collect();
        let expected = batch.expectations().iter().map(|(key, _)| key).filter(|key| is_remembered(key));
        let expected = expected.cloned().collect();
        self.shard(partition).begin(partition, &rows);
        Begun { cache: self, partition, rows, expected, outcome: Outcome::Unheard }
    }
}

/// Most dated rows are written once and never read.
fn is_remembered(key: &Key) -> bool {
    key.day() == Key::UNDATED
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A batch that is being committed. What is dropped without having been told the outcome leaves its rows
/// forgotten.
struct Begun<'a, S: Store> {
    cache: &'a CachedStore<S>,
    partition: Partition,
    rows: Vec<(Key, Row)>,
    /// The rows it is based on.
    expected: Vec<Key>,
    outcome: Outcome,
}

/// What became of a batch.
enum Outcome {
    /// Nobody has heard: it may be written at any time.
    Unheard,
    Committed(Version),
    /// Another has changed what it is based on.
    Conflict,
    /// It failed.
    Failed,
}

impl<S: Store> Drop for Begun<'_, S> {
    fn drop(&mut self) {
        let mut shard = self.cache.shard(self.partition);
        let rows = std::mem::take(&mut self.rows);
        match self.outcome {
            Outcome::Unheard => shard.leave(self.partition, rows),
            Outcome::Committed(version) => shard.end(self.partition, rows, Some(version)),
            Outcome::Failed => shard.end(self.partition, rows, None),
            Outcome::Conflict => {
                // One of them, and perhaps all.
                self.expected.drain(..).for_each(|key| shard.forget(self.partition, key));
                shard.end(self.partition, rows, None);
            }
        }
    }
}

/// A partition that is being erased.
struct Erasing<'a, S: Store>(&'a CachedStore<S>, Partition);

impl<S: Store> Drop for Erasing<'_, S> {
    fn drop(&mut self) {
        self.0.shard(self.1).end_erasing(self.1);
    }
}

impl<S: Store> StoreWrapper for CachedStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.beneath
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let mut begun = self.begin(&batch);
        // In a box: every future that commits has this one in it, often several times over.
        let outcome = Box::pin(self.beneath.commit(batch)).await;
        begun.outcome = match &outcome {
            Ok(Commit::Committed(version)) => Outcome::Committed(*version),
            Ok(Commit::Conflict(_)) => Outcome::Conflict,
            Err(_) => Outcome::Failed,
        };
        outcome
    }

    async fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        if !is_remembered(key) {
            return self.beneath.get(partition, key, now).await;
        }
        let moment = {
            let mut shard = self.shard(partition);
            if let Some(record) = shard.find(partition, key) {
                return Ok((!record.has_expired(now)).then_some(record));
            }
            // Taken before the store is asked: whatever happens beside the read makes its outcome unfit to
            // be remembered.
            shard.moment()
        };
        let found = self.beneath.get(partition, key, now).await?;
        if let Some(record) = &found {
            self.shard(partition).read(partition, key, record, moment);
        }
        Ok(found)
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        self.shard(partition).begin_erasing(partition);
        // By its drop, so that it ends also when nobody waits for the erasure any more.
        let _erasing = Erasing(self, partition);
        self.beneath.erase_partition(partition).await
    }

    async fn pass_close(&self) -> Result<(), StoreError> {
        // Whatever becomes of the closing: who opens the store next may be another program.
        self.forget_all();
        self.beneath.close().await
    }
}

impl<S> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore").finish_non_exhaustive()
    }
}
