use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use bulla_base::{Day, Partition, Timestamp};
use bulla_store::{
    Batch, Commit, Counter, Key, MAX_SCAN_ROWS, Record, Scan, Space, Store, StoreError, Watch, Watchers,
};
use fjall::Readable;
use tokio::sync::oneshot;

use crate::commit::committer::Committer;
use crate::commit::writer::Writer;
use crate::disk::compaction::Compaction;
use crate::disk::descriptor_reserve::DescriptorReserve;
use crate::disk::row_format;
use crate::disk::tables::Tables;
use crate::error::unread;
use crate::stats::Tally;
use crate::system_error::SystemError;
use crate::{CompactError, FjallOptions, OpenError, Stats};

/// A store in one directory of this machine. Clones are the same store.
///
/// Expectations are checked on the caller's thread, as reads are; one thread makes what has been put together
/// meanwhile durable with one disk sync.
///
/// # Cost
/// A commit waits for the running sync and for its own. An expectation costs as much as a read; that there is
/// no record in one of the two latest days that were begun since the store was opened is mostly known without
/// one: that a message is new. One batch is checked at a time, and what it expects of dated records is looked
/// up before, unless a group was written meanwhile or the batch has to wait; so a batch of many expectations
/// of undated records that nobody has read of late holds up whoever commits as well. A read is a look-up in
/// memory, or a disk read of 4 KiB where the cache misses; it blocks its thread that long. A scan costs as
/// much per 4 KiB of what it passes over, expired records included.
#[derive(Debug, Clone)]
pub struct FjallStore(Arc<Handle>);

/// What all clones share.
struct Handle {
    committer: Arc<Committer>,
    writer: Running,
    shared: Arc<Shared>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

/// The writer finds nobody left, and ends; it is waited for.
impl Drop for Handle {
    fn drop(&mut self) {
        self.committer.callers_are_gone();
    }
}

impl FjallStore {
    /// Opens the store in the directory `path`, or makes a new one there.
    ///
    /// # Cost
    /// Blocks: after a crash the journals are replayed, about a second per 256 MiB.
    ///
    /// # Errors
    /// When the store is open already, is damaged or of a later format, or the directory cannot be read or
    /// written.
    pub fn open(path: impl AsRef<Path>, options: FjallOptions) -> Result<Self, OpenError> {
        let tables = Tables::open(path.as_ref(), options)?;
        let version = tables.last_version()?;
        let shared = Arc::new(Shared::new(tables));
        let committer = Arc::new(Committer::new(Arc::clone(&shared), version));
        let (path, reserve) = (path.as_ref(), DescriptorReserve::of(path.as_ref()));
        let writer = Writer::start(Arc::clone(&committer), reserve).map_err(OpenError::unreadable(path))?;
        tracing::info!(store = %path.display(), version = version.number(), "the store is open");
        Ok(Self(Arc::new(Handle { committer, writer: Running(Mutex::new(Some(writer))), shared })))
    }

    /// Writes out what was asked for before, ends the writer and gives the directory free. Every later call
    /// on any clone fails with [`StoreError::Closed`].
    ///
    /// Dropping the last clone does the same, but blocks the thread meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] when the disk failed, now or earlier.
    pub async fn close(&self) -> Result<(), StoreError> {
        let closed = self.0.committer.close().await;
        self.0.writer.join();
        match closed {
            Err(StoreError::Closed) => Ok(()),
            closed => closed,
        }
    }

    /// Rewrites the whole store so that everything deleted or dropped before leaves the disk: tables, and the
    /// journals it passed through.
    ///
    /// Dropping this future does not stop it. Commits and reads go on meanwhile, slower.
    ///
    /// # Cost
    /// Reads and writes everything that is kept, and up to 80 MiB besides to move the journal on. For
    /// erasure, not for every day: space comes back by itself.
    ///
    /// # Security
    /// Files are unlinked, not overwritten; what a file system or a flash disk keeps of them is beyond a
    /// program's reach. What must be unreadable at once is sealed under a key, and the key destroyed.
    ///
    /// # Errors
    /// When the store is closed, or the disk failed or is full; then deleted bytes may still be there.
    pub async fn compact(&self) -> Result<(), CompactError> {
        let (answer, compacted) = oneshot::channel();
        let compaction = Compaction::new(Arc::clone(&self.0.shared));
        std::thread::Builder::new()
            .name("bulla-compaction".into())
            .spawn(move || answer.send(compaction.run()).ok())
            .map_err(|source| CompactError::Failed { source })?;
        let died = || std::io::Error::other("the compaction ended without an answer");
        compacted.await.unwrap_or_else(|_| Err(CompactError::Failed { source: died() }))
    }

    /// What has happened since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let days = self.0.shared.read().as_ref().map_or(0, Tables::day_count);
        self.0.shared.tally.stats(days, self.0.committer.waiting())
    }
}

#[cfg(test)]
impl FjallStore {
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl FjallStore {
    /// What a scan covers, as `take` has it: what it lets go of is not held to the end.
    fn walk<R>(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
        take: impl Fn(Key, Record) -> R,
    ) -> Result<Vec<R>, StoreError> {
        let tables = self.0.shared.read();
        let tables = tables.as_ref().ok_or_else(|| self.0.shared.unread())?;
        let snapshot = tables.database().snapshot();
        let prefix = row_format::record_key(partition, scan.space(), scan.name_prefix());
        let row_key_of = |key: &Key| row_format::record_key(partition, scan.space(), key.name());
        let (mut found, mut days) = (Vec::new(), tables.within(scan.day_range()));
        let is_back = scan.end_before().is_some();
        while let Some((day, table)) = if is_back { days.next_back() } else { days.next() } {
            let here = (scan.space(), day);
            let side = |key: &Key| (key.space(), key.day()).cmp(&here);
            let (after, before) = (scan.begin_after(), scan.end_before());
            if after.is_some_and(|key| side(key).is_gt()) || before.is_some_and(|key| side(key).is_lt()) {
                continue;
            }
            let after = after.filter(|key| side(key).is_eq()).map(row_key_of);
            let before = before.filter(|key| side(key).is_eq()).map(row_key_of);
            let Some(range) = row_format::between(prefix.clone(), after, before) else { continue };
            let mut rows = snapshot.range(table, range);
            while let Some(row) = if is_back { rows.next_back() } else { rows.next() } {
                if found.len() == scan.row_limit() {
                    return Ok(found);
                }
                let (row_key, value) = row.into_inner().map_err(|error| unread(error, "record"))?;
                let record = row_format::record(value, day)?;
                if !has_expired(&record, now) {
                    found.push(take(row_format::key(scan.space(), day, &row_key)?, record));
                }
            }
        }
        Ok(found)
    }
}

impl Store for FjallStore {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        batch.check()?;
        self.0.committer.commit(batch).await
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let tables = self.0.shared.read();
        let tables = tables.as_ref().ok_or_else(|| self.0.shared.unread())?;
        let Some(table) = tables.of(key.day()) else { return Ok(None) };
        let row_key = row_format::record_key(partition, key.space(), key.name());
        // Through a snapshot, so that two reads in a row never see a commit and then not see it.
        let row =
            tables.database().snapshot().get(table, row_key).map_err(|error| unread(error, "record"))?;
        let record = row.map(|row| row_format::record(row, key.day())).transpose()?;
        Ok(record.filter(|record| !has_expired(record, now)))
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.walk(partition, scan, now, |key, record| (key, record))
    }

    async fn keys(&self, partition: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        self.walk(partition, scan, now, |key, _| key)
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        let tables = self.0.shared.read();
        let tables = tables.as_ref().ok_or_else(|| self.0.shared.unread())?;
        let after = after.map(|name| row_format::counter_key(space, name));
        let range = row_format::range(row_format::counter_key(space, prefix), after);
        let rows = tables.database().snapshot().range(tables.counters(), range);
        rows.take(MAX_SCAN_ROWS)
            .map(|row| {
                let (key, value) = row.into_inner().map_err(|error| unread(error, "counter"))?;
                Ok((row_format::counter(space, &key)?, row_format::count(&value)?))
            })
            .collect()
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.0.shared.watchers.watch(partition, space)
    }

    /// Deletes the tables of those days. Journals that hold nothing else that is needed go soon after; the
    /// one in use keeps its bytes until it is full or [`FjallStore::compact`] is called.
    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.0.committer.drop_days_before(day).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        Self::close(self).await
    }
}

fn has_expired(record: &Record, now: Timestamp) -> bool {
    record.expiry.is_some_and(|expiry| expiry.has_come(now))
}

/// Why there are no tables, when there are none.
#[derive(Debug)]
pub(crate) enum Absence {
    /// The store was closed.
    Closed,
    /// The engine was closed to be opened again, and something was wanting for that. The writer tries again
    /// when somebody commits.
    Shortage(SystemError),
    /// It could not be opened again.
    Lost(SystemError),
}

/// What callers, the writer and compactions share.
pub(crate) struct Shared {
    /// `None` once closed. Readers hold it while they read, so whoever writes to it knows that no read is
    /// under way.
    tables: RwLock<Option<Tables>>,
    /// Why there are none, though nobody closed the store.
    absence: Mutex<Absence>,
    /// Held by the one compaction that runs.
    compacting: Mutex<()>,
    pub(crate) watchers: Watchers,
    pub(crate) tally: Tally,
}

impl Shared {
    pub(crate) fn new(tables: Tables) -> Self {
        Self {
            tables: RwLock::new(Some(tables)),
            absence: Mutex::new(Absence::Closed),
            compacting: Mutex::new(()),
            watchers: Watchers::new(),
            tally: Tally::default(),
        }
    }

    // A thread that died while it held one of these locks left the tables as they were on disk.

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Option<Tables>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Option<Tables>> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of why there are no tables, or will be none.
    pub(crate) fn be_absent(&self, absence: Absence) {
        *self.absence() = absence;
    }

    /// Why there are no tables.
    pub(crate) fn absent(&self) -> StoreError {
        match &*self.absence() {
            Absence::Closed => StoreError::Closed,
            Absence::Shortage(failure) => StoreError::Unavailable { source: failure.error() },
            Absence::Lost(failure) => StoreError::Poisoned { source: Some(failure.error()) },
        }
    }

    /// What whoever wants to read is told of that.
    pub(crate) fn unread(&self) -> StoreError {
        match self.absent() {
            StoreError::Unavailable { source } => StoreError::Unreadable { source },
            error => error,
        }
    }

    /// Whether there are no tables, and there may be some as soon as it is tried again.
    pub(crate) fn is_short(&self) -> bool {
        matches!(*self.absence(), Absence::Shortage(_))
    }

    fn absence(&self) -> MutexGuard<'_, Absence> {
        self.absence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn compacting(&self) -> MutexGuard<'_, ()> {
        self.compacting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("tally", &self.tally).finish_non_exhaustive()
    }
}

/// A thread that is waited for when this is dropped.
#[derive(Debug)]
struct Running(Mutex<Option<JoinHandle<()>>>);

impl Running {
    fn join(&self) {
        let thread = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes ended by a panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.join();
    }
}
