//! What lies on a disk: it outlives the programs, is copied and put back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use bulla_base::{Day, Partition, Timestamp};
use bulla_store::{
    Batch, Commit, Counter, Key, MAX_SCAN_ROWS, Record, Scan, Space, Store, StoreError, Version, Watch,
    Watchers,
};
use bytes::Bytes;

/// What is on a machine's disk: a storage engine in memory, of which copies can be taken and put back, and
/// which can be looked through by those who have no business there.
#[derive(Default)]
pub(crate) struct DiskContents {
    kept: Mutex<Kept>,
    watchers: Watchers,
}

#[derive(Default, Clone)]
struct Kept {
    commits: u64,
    records: BTreeMap<(Partition, Key), Record>,
    counters: BTreeMap<Counter, u64>,
}

impl DiskContents {
    /// The same rows on another disk.
    pub(crate) fn copy(&self) -> Self {
        Self { kept: Mutex::new(self.kept().clone()), watchers: Watchers::new() }
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> u64 {
        self.kept().commits
    }

    /// Every row that satisfies `which`.
    pub(crate) fn find(&self, which: impl Fn(Partition, &Key, &Record) -> bool) -> Vec<(Partition, Key)> {
        let kept = self.kept();
        let found = kept.records.iter().filter(|((owner, key), record)| which(*owner, key, record));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// Every counter of `space`.
    pub(crate) fn counters_of(&self, space: Space) -> Vec<Counter> {
        let kept = self.kept();
        kept.counters.keys().filter(|counter| counter.space() == space).cloned().collect()
    }

    /// Whether the name of a row of `space` ends with `end`.
    pub(crate) fn has_name(&self, end: &[u8]) -> bool {
        self.kept().records.keys().any(|(_, key)| key.name().ends_with(end))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

impl Kept {
    fn apply(&mut self, batch: &Batch) -> Version {
        self.commits += u64::from(batch.writes());
        let version = Version::new(self.commits);
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
            *sum = sum.saturating_add(*count);
        }
        version
    }
}

impl Store for DiskContents {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        batch.check()?;
        let version = {
            let mut kept = self.kept();
            let version_of =
                |key: &Key| kept.records.get(&(batch.partition(), key.clone())).map(|record| record.version);
            if let Some(key) = batch.conflict(version_of) {
                return Ok(Commit::Conflict(key.clone()));
            }
            kept.apply(&batch)
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
        let record = self.kept().records.get(&(partition, key.clone())).cloned();
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
        let kept = self.kept();
        let rows = kept.records.range((partition, first)..);
        let rows = rows.take_while(|((owner, key), _)| *owner == partition && key.space() == scan.space());
        let found = rows.filter(|((_, key), record)| scan.covers(key) && !record.has_expired(now));
        Ok(scan.pick(found.map(|((_, key), record)| (key, record))))
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        let kept = self.kept();
        let found = kept.counters.iter().filter(|(counter, _)| counter.is_within(space, prefix, after));
        Ok(found.take(MAX_SCAN_ROWS).map(|(counter, count)| (counter.clone(), *count)).collect())
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.watchers.watch(partition, space)
    }

    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.kept().records.retain(|(_, key), _| key.day() == Key::UNDATED || key.day() >= day);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A simulated disk that keeps a rule badly would show faults that are none, and hide some that are.
    #[test]
    fn it_is_a_store_as_any_engine_is() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            bulla_store::conformance::all(async || std::sync::Arc::new(DiskContents::default())).await;
        });
    }
}
