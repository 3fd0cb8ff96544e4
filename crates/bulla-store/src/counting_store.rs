use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::{Partition, Timestamp};

use crate::{Batch, Commit, Key, Record, Scan, Space, Store, StoreError, StoreWrapper};

/// A store that counts what is asked of the one beneath: for budgets in tests and benches.
///
/// A clone of its [`Counts`](Self::counts) goes on counting.
pub struct CountingStore<S> {
    beneath: S,
    counts: Counts,
}

/// What was asked of a store.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Asked>>);

/// What was asked of a store, up to a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// Batches that were committed.
    pub commits: usize,
    /// Rows that they put or deleted.
    pub rows_written: usize,
    /// Bytes of the values that they put.
    pub bytes_written: usize,
    /// How often a row was looked up, by its space.
    pub look_ups: BTreeMap<Space, usize>,
    /// How often rows or keys were scanned, by their space.
    pub scans: BTreeMap<Space, usize>,
    /// Rows that were found.
    pub rows_read: usize,
    /// Bytes of their values.
    pub bytes_read: usize,
}

impl<S: Store> CountingStore<S> {
    /// Counts what is asked of `beneath` from now on.
    #[must_use]
    pub fn new(beneath: S) -> Self {
        Self { beneath, counts: Counts::default() }
    }

    /// The counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }
}

impl Counts {
    /// What was asked since this was last called.
    #[must_use]
    pub fn take(&self) -> Asked {
        self.with(std::mem::take)
    }

    fn with<R>(&self, act: impl FnOnce(&mut Asked) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn found<'a>(&self, rows: impl IntoIterator<Item = &'a Record>) {
        self.with(|asked| {
            for row in rows {
                asked.rows_read += 1;
                asked.bytes_read += row.value.len();
            }
        });
    }
}

impl Asked {
    /// Look-ups and scans together.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.look_ups.values().chain(self.scans.values()).sum()
    }
}

impl<S: Store> StoreWrapper for CountingStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.beneath
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let (rows, bytes) = (
            batch.puts().len() + batch.deletes().len(),
            batch.puts().iter().map(|put| put.value.len()).sum::<usize>(),
        );
        let outcome = self.beneath.commit(batch).await?;
        if let Commit::Committed(_) = outcome {
            self.counts.with(|asked| {
                asked.commits += 1;
                asked.rows_written += rows;
                asked.bytes_written += bytes;
            });
        }
        Ok(outcome)
    }

    async fn pass_get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.counts.with(|asked| *asked.look_ups.entry(key.space()).or_default() += 1);
        let found = self.beneath.get(partition, key, now).await?;
        self.counts.found(&found);
        Ok(found)
    }

    async fn pass_scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.counts.with(|asked| *asked.scans.entry(scan.space()).or_default() += 1);
        let found = self.beneath.scan(partition, scan, now).await?;
        self.counts.found(found.iter().map(|(_, record)| record));
        Ok(found)
    }

    async fn pass_keys(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        let found = self.beneath.keys(partition, scan, now).await?;
        self.counts.with(|asked| {
            *asked.scans.entry(scan.space()).or_default() += 1;
            asked.rows_read += found.len();
        });
        Ok(found)
    }
}

impl<S> fmt::Debug for CountingStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingStore").field("counts", &self.counts).finish_non_exhaustive()
    }
}
