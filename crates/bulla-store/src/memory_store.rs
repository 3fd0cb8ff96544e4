use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{Day, Partition, Timestamp};
use bytes::Bytes;

use crate::{
    Batch, Commit, Counter, Key, MAX_SCAN_ROWS, Record, Scan, Space, Store, StoreError, Version, Watch,
    Watchers,
};

/// The engine that keeps everything in memory and nothing beyond it: for tests and simulations.
///
/// It is the plainest reading of the port, and the model other engines are compared with.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    watchers: Watchers,
}

#[derive(Debug, Default)]
struct Rows {
    commits: u64,
    records: BTreeMap<(Partition, Key), Record>,
    counters: BTreeMap<Counter, u64>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn version_of(&self, partition: Partition, key: &Key) -> Option<Version> {
        self.records.get(&(partition, key.clone())).map(|record| record.version)
    }

    fn apply(&mut self, batch: &Batch) -> Version {
        // A batch that only expects something takes no version.
        if batch.writes() {
            self.commits += 1;
        }
        let version = Version::new(self.commits);
        // In either order: a batch has a key among its deletes or its puts, never in both.
        for key in batch.deletes() {
            self.records.remove(&(batch.partition(), key.clone()));
        }
        for put in batch.puts() {
            let record = Record::new(version, put.expiry, put.value.clone());
            self.records.insert((batch.partition(), put.key.clone()), record);
        }
        for counter in batch.removes() {
            self.counters.remove(counter);
        }
        for (counter, count) in batch.adds().iter().filter(|(_, count)| *count > 0) {
            let sum = self.counters.entry(counter.clone()).or_default();
            // Not around: a sum that began anew would be billed.
            *sum = sum.saturating_add(*count);
        }
        version
    }
}

impl Store for MemoryStore {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        batch.check()?;
        let version = {
            let mut rows = self.rows();
            if let Some(key) = batch.conflict(|key| rows.version_of(batch.partition(), key)) {
                return Ok(Commit::Conflict(key.clone()));
            }
            rows.apply(&batch)
        };
        // Behind the lock: who is woken comes to read at once.
        self.watchers.notify(&batch);
        Ok(Commit::Committed(version))
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let record = self.rows().records.get(&(partition, key.clone())).cloned();
        Ok(record.filter(|record| !record.has_expired(now)))
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let first = Key::dated(scan.space(), *scan.day_range().start(), Bytes::new());
        let first = scan.begin_after().filter(|after| **after > first).cloned().unwrap_or(first);
        let rows = self.rows();
        let covered = rows
            .records
            .range((partition, first)..)
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
        let name = after.filter(|after| *after > prefix).unwrap_or(prefix);
        let first = Counter::new(space, Bytes::copy_from_slice(name));
        let rows = self.rows();
        let found =
            rows.counters.range(first..).filter(|(counter, _)| counter.is_within(space, prefix, after));
        Ok(found.take(MAX_SCAN_ROWS).map(|(counter, count)| (counter.clone(), *count)).collect())
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.watchers.watch(partition, space)
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.rows().records.retain(|(_, key), _| key.day() == Key::UNDATED || key.day() >= day);
        Ok(())
    }
}
