//! A storage engine, written in an afternoon: a map in memory, and a log on disk that says how it came about.
//!
//! ```text
//! commit:  check the batch against the map  →  append it to the log  →  sync  →  change the map  →  wake watches
//! open:    read the log from its beginning, and change the map as each entry says
//! ```
//!
//! It keeps every promise of the port, and the conformance suite says so. What it does not do: share a sync
//! among callers, keep less in memory than on disk, or ever make its log shorter, so what was deleted stays
//! there. The guide's page "Write an engine" walks through it.

mod entry;
mod log;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla::base::{Day, Partition, Timestamp};
use bulla::store::{
    Batch, Commit, Counter, Key, MAX_SCAN_ROWS, Record, Scan, Space, Store, StoreError, Version, Watch,
    Watchers,
};

use self::entry::Entry;
use self::log::Log;

/// The store in one file.
#[derive(Debug)]
pub struct FileStore {
    state: Mutex<State>,
    watchers: Watchers,
}

#[derive(Debug)]
struct State {
    log: Log,
    rows: Rows,
    /// What the disk said when it failed. From then on nothing is written.
    failure: Option<io::ErrorKind>,
}

#[derive(Debug, Default)]
struct Rows {
    commits: u64,
    records: BTreeMap<(Partition, Key), Record>,
    counters: BTreeMap<Counter, u64>,
}

impl FileStore {
    /// Opens the store in the file `path`, or begins one there.
    ///
    /// # Errors
    /// When somebody has it open, it cannot be read or written, or something is wrong before its last entry.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut rows = Rows::default();
        let log = Log::open(path.as_ref(), |bytes| {
            rows.apply(&Entry::read(bytes)?);
            Ok(())
        })?;
        Ok(Self { state: Mutex::new(State { log, rows, failure: None }), watchers: Watchers::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// First the disk, then the map: nobody reads what could still be lost.
    fn carry_out(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if let Some(kind) = self.failure {
            return Err(StoreError::Poisoned { source: Some(kind.into()) });
        }
        if let Err(error) = self.log.append(&entry.bytes()) {
            // Whether the entry is on the disk, only opening the log again can tell.
            self.failure = Some(error.kind());
            return Err(StoreError::Poisoned { source: Some(error) });
        }
        self.rows.apply(entry);
        Ok(())
    }
}

impl Rows {
    fn version_of(&self, partition: Partition, key: &Key) -> Option<Version> {
        self.records.get(&(partition, key.clone())).map(|record| record.version)
    }

    /// Does to the map what an entry says; the same when it is written and when it is read again.
    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Batch(batch) => self.apply_batch(batch),
            Entry::DropDaysBefore(day) => {
                self.records.retain(|(_, key), _| key.day() == Key::UNDATED || key.day() >= *day);
            }
        }
    }

    fn apply_batch(&mut self, batch: &Batch) {
        self.commits += 1;
        for key in batch.deletes() {
            self.records.remove(&(batch.partition(), key.clone()));
        }
        for put in batch.puts() {
            let record = Record::new(Version::new(self.commits), put.expiry, put.value.clone());
            self.records.insert((batch.partition(), put.key.clone()), record);
        }
        for counter in batch.removes() {
            self.counters.remove(counter);
        }
        for (counter, count) in batch.adds().iter().filter(|(_, count)| *count > 0) {
            let sum = self.counters.entry(counter.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

impl Store for FileStore {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        batch.check()?;
        let version = {
            let mut state = self.state();
            if let Some(key) = batch.conflict(|key| state.rows.version_of(batch.partition(), key)) {
                return Ok(Commit::Conflict(key.clone()));
            }
            if batch.writes() {
                state.carry_out(&Entry::Batch(batch.clone()))?;
            }
            Version::new(state.rows.commits)
        };
        self.watchers.notify(&batch);
        Ok(Commit::Committed(version))
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let record = self.state().rows.records.get(&(partition, key.clone())).cloned();
        Ok(record.filter(|record| !record.has_expired(now)))
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let first = (partition, Key::dated(scan.space(), *scan.day_range().start(), ""));
        let state = self.state();
        let rows = state.rows.records.range(first..);
        let covered = rows
            .take_while(|((owner, key), _)| *owner == partition && key.space() == scan.space())
            .filter(|((_, key), record)| scan.covers(key) && !record.has_expired(now));
        Ok(scan.pick(covered.map(|((_, key), record)| (key, record))))
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        let state = self.state();
        let found = state.rows.counters.iter().filter(|(counter, _)| counter.is_within(space, prefix, after));
        Ok(found.take(MAX_SCAN_ROWS).map(|(counter, count)| (counter.clone(), *count)).collect())
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.watchers.watch(partition, space)
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.state().carry_out(&Entry::DropDaysBefore(day))
    }
}
