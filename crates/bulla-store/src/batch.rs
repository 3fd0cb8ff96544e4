use bulla_base::Partition;
use bytes::Bytes;

use crate::{
    Counter, Expiry, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_VALUE_BYTES, StoreError,
    Version,
};

/// What must hold of a key for a batch to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// There is no record.
    Absent,
    /// There is a record, and this commit wrote it.
    Version(Version),
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Put {
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: Bytes,
    /// When it ceases to be readable, if ever.
    pub expiry: Option<Expiry>,
}

/// What one commit does to one partition: all of it or nothing.
///
/// A key is put or deleted at most once in a batch; the last word counts.
#[derive(Debug, Clone)]
pub struct Batch {
    partition: Partition,
    expectations: Vec<(Key, Expectation)>,
    puts: Vec<Put>,
    deletes: Vec<Key>,
    adds: Vec<(Counter, u64)>,
}

impl Batch {
    /// An empty batch on `partition`.
    #[must_use]
    pub const fn new(partition: Partition) -> Self {
        Self { partition, expectations: Vec::new(), puts: Vec::new(), deletes: Vec::new(), adds: Vec::new() }
    }

    /// Commits only if there is no record under `key`. An expired record that is still on disk counts as a record: a duplicate guard
    /// must not open by the clock.
    pub fn expect_absent(&mut self, key: Key) {
        self.expectations.push((key, Expectation::Absent));
    }

    /// Commits only if the record under `key` is the one that was read as `version`.
    pub fn expect_version(&mut self, key: Key, version: Version) {
        self.expectations.push((key, Expectation::Version(version)));
    }

    /// Expects what was read: the version of a record, or that there was none.
    pub fn expect(&mut self, key: Key, read: Option<Version>) {
        match read {
            Some(version) => self.expect_version(key, version),
            None => self.expect_absent(key),
        }
    }

    /// Writes a record that lives until it is deleted or its day is dropped.
    pub fn put(&mut self, key: Key, value: impl Into<Bytes>) {
        self.write(key, value.into(), None);
    }

    /// Writes a record that is no longer read from `expiry` on.
    pub fn put_until(&mut self, key: Key, value: impl Into<Bytes>, expiry: Expiry) {
        self.write(key, value.into(), Some(expiry));
    }

    /// Removes the record under `key`, if there is one.
    pub fn delete(&mut self, key: Key) {
        self.puts.retain(|put| put.key != key);
        self.deletes.push(key);
    }

    /// Adds `count` to `counter`.
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.adds.push((counter, count));
    }

    fn write(&mut self, key: Key, value: Bytes, expiry: Option<Expiry>) {
        self.deletes.retain(|delete| *delete != key);
        match self.puts.iter_mut().find(|put| put.key == key) {
            Some(put) => (put.value, put.expiry) = (value, expiry),
            None => self.puts.push(Put { key, value, expiry }),
        }
    }

    /// The partition the batch is on.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// What must hold; for engines.
    #[must_use]
    pub fn expectations(&self) -> &[(Key, Expectation)] {
        &self.expectations
    }

    /// What is written; for engines.
    #[must_use]
    pub fn puts(&self) -> &[Put] {
        &self.puts
    }

    /// What is removed; for engines.
    #[must_use]
    pub fn deletes(&self) -> &[Key] {
        &self.deletes
    }

    /// What is counted; for engines.
    #[must_use]
    pub fn adds(&self) -> &[(Counter, u64)] {
        &self.adds
    }

    /// Whether it puts, deletes or counts anything; for engines.
    #[must_use]
    pub const fn writes(&self) -> bool {
        !self.puts.is_empty() || !self.deletes.is_empty() || !self.adds.is_empty()
    }

    /// How many bytes its names and values have; for engines.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.names().map(Bytes::len).chain(self.puts.iter().map(|put| put.value.len())).sum()
    }

    /// Checks every bound; engines call it before anything else.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] with the first bound that is broken.
    pub fn check(&self) -> Result<(), StoreError> {
        let at_most = |what, limit, actual| {
            if actual > limit { Err(StoreError::TooLarge { what, actual, limit }) } else { Ok(()) }
        };
        let rows = self.expectations.len() + self.puts.len() + self.deletes.len() + self.adds.len();
        at_most("batch (rows)", MAX_BATCH_ROWS, rows)?;
        for name in self.names() {
            at_most("name (bytes)", MAX_NAME_BYTES, name.len())?;
        }
        for put in &self.puts {
            at_most("value (bytes)", MAX_VALUE_BYTES, put.value.len())?;
        }
        at_most("batch (bytes)", MAX_BATCH_BYTES, self.bytes())
    }

    fn names(&self) -> impl Iterator<Item = &Bytes> {
        (self.expectations.iter().map(|(key, _)| key.name()))
            .chain(self.puts.iter().map(|put| put.key.name()))
            .chain(self.deletes.iter().map(Key::name))
            .chain(self.adds.iter().map(|(counter, _)| counter.name()))
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a conflict means that nothing was stored"]
pub enum Commit {
    /// It is durable, and its records have this version. A batch that writes nothing has the version of the last one that did.
    Committed(Version),
    /// An expectation did not hold, that of this key; nothing was stored.
    Conflict(Key),
}
