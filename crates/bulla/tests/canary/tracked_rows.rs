//! An engine that knows which rows it holds, so that it can be told which are missing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use bulla::base::{Partition, Timestamp};
use bulla::store::{Batch, Commit, Key, Space, Store, StoreError, StoreWrapper, Version};
use bulla::vault::Vault;

/// The rows of a store, by partition; also those that are gone, with the version at which they went.
type Rows = BTreeMap<Partition, BTreeMap<Place, Row>>;

type Place = (u8, u32, Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    key: Key,
    version: Version,
    is_there: bool,
}

/// An engine whose rows are listed.
pub(crate) struct TrackedEngine<E> {
    engine: E,
    rows: Mutex<Rows>,
    /// As they were at a moment that is to be compared with.
    before: Mutex<Rows>,
}

/// How the rows of now stand to those of a moment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Partitions that had rows and have none.
    pub(crate) emptied: u64,
    /// How many of their rows the engine still has.
    pub(crate) left: u64,
    /// Partitions in which every row is the same.
    pub(crate) untouched: u64,
    /// Other partitions.
    pub(crate) changed: u64,
    /// How many rows there are in the untouched.
    pub(crate) rows: u64,
    /// How many of these the vault opens.
    pub(crate) opened: u64,
}

impl Comparison {
    /// As it is told to another process.
    pub(crate) fn to_numbers(self) -> [u64; 6] {
        let Self { emptied, left, untouched, changed, rows, opened } = self;
        [emptied, left, untouched, changed, rows, opened]
    }

    pub(crate) fn from_numbers([emptied, left, untouched, changed, rows, opened]: [u64; 6]) -> Self {
        Self { emptied, left, untouched, changed, rows, opened }
    }
}

impl<E: Store> TrackedEngine<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self { engine, rows: Mutex::default(), before: Mutex::default() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Remembers how it is now.
    pub(crate) fn remember(&self) {
        let rows = there(&self.rows());
        *self.before.lock().unwrap() = rows;
    }

    /// Compares how it is now with how it was, and reads everything that should still be there, through
    /// `vault`, which is over this engine.
    pub(crate) async fn compare(vault: &Vault<Self>, now: Timestamp) -> Comparison {
        /// The vault's own rows, which it shows to nobody.
        const VAULTS: Space = Space::new(0x50);
        /// Before any row's expiry.
        const BEFORE_ALL: Timestamp = Timestamp::from_millis(0);
        let before = std::mem::take(&mut *vault.engine().before.lock().unwrap());
        let after = there(&vault.engine().rows());
        let mut comparison = Comparison { emptied: 0, left: 0, untouched: 0, changed: 0, rows: 0, opened: 0 };
        for (partition, rows) in before {
            match after.get(&partition) {
                None => {
                    comparison.emptied += 1;
                    for Row { key, .. } in rows.values() {
                        let left = vault.engine().get(partition, key, BEFORE_ALL).await.unwrap();
                        comparison.left += u64::from(left.is_some());
                    }
                }
                Some(still) if *still != rows => comparison.changed += 1,
                Some(_) => {
                    comparison.untouched += 1;
                    for Row { key, .. } in rows.values().filter(|row| row.key.space() != VAULTS) {
                        let opened = vault.get(partition, key, now).await.unwrap().is_some();
                        if !opened {
                            println!("{partition:?} has a row that does not open: {key:?}");
                        }
                        comparison.rows += 1;
                        comparison.opened += u64::from(opened);
                    }
                }
            }
        }
        comparison
    }
}

impl<E: Store> StoreWrapper for TrackedEngine<E> {
    type Inner = E;

    fn inner(&self) -> &E {
        &self.engine
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let partition = batch.partition();
        let puts = batch.puts().iter().map(|put| (put.key.clone(), true));
        let deletes = batch.deletes().iter().map(|key| (key.clone(), false));
        let written: Vec<(Key, bool)> = puts.chain(deletes).collect();
        let outcome = self.engine.commit(batch).await?;
        if let Commit::Committed(version) = outcome {
            let mut all = self.rows();
            let rows = all.entry(partition).or_default();
            for (key, is_there) in written {
                let place = (key.space().number(), key.day().number(), key.name().to_vec());
                // What came before can be heard of after.
                if rows.get(&place).is_none_or(|row| row.version <= version) {
                    rows.insert(place, Row { key, version, is_there });
                }
            }
        }
        Ok(outcome)
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        let removed = self.engine.erase_partition(partition).await?;
        // That none is there any more is looked into when they are compared.
        self.rows().remove(&partition);
        Ok(removed)
    }
}

/// The rows of `all` that are there, of the partitions that have any.
fn there(all: &Rows) -> Rows {
    let there = |rows: &BTreeMap<Place, Row>| {
        rows.iter().filter(|(_, row)| row.is_there).map(|(place, row)| (place.clone(), row.clone())).collect()
    };
    let all = all.iter().map(|(partition, rows)| (*partition, there(rows)));
    all.filter(|(_, rows): &(_, BTreeMap<Place, Row>)| !rows.is_empty()).collect()
}
