//! Batches that are carried out together.

use std::collections::{BTreeSet, HashMap};

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Expectation, Key, StoreError, Version};
use fjall::{OwnedWriteBatch, Slice};

use crate::error::unread;
use crate::tables::Tables;
use crate::{MAX_DAYS, row};

/// What a group of batches comes to: each row once, as the last batch left it.
#[derive(Debug)]
pub(crate) struct Writes {
    rows: HashMap<Place, Row>,
    counters: HashMap<Vec<u8>, u64>,
    /// The days that have no table yet.
    new_days: BTreeSet<Day>,
    /// Of the last commit before these.
    before: Version,
    version: Version,
}

/// The table and the key in it.
type Place = (Day, Slice);

/// What is written there; `None` is a deletion.
type Row = Option<(Version, Slice)>;

impl Writes {
    /// Nothing yet, on top of the commit `version`.
    pub(crate) fn after(version: Version) -> Self {
        Self {
            rows: HashMap::new(),
            counters: HashMap::new(),
            new_days: BTreeSet::new(),
            before: version,
            version,
        }
    }

    /// Adds `batch` if its expectations hold after all that was added before, `earlier` included, which may be on its way to the tables. An
    /// error is this batch's alone and adds nothing.
    pub(crate) fn add(
        &mut self,
        tables: &Tables,
        earlier: Option<&Self>,
        batch: &Batch,
    ) -> Result<Commit, StoreError> {
        for (key, expectation) in batch.expectations() {
            let found = self.version_of(tables, earlier, batch.partition(), key)?;
            let holds = match expectation {
                Expectation::Absent => found.is_none(),
                Expectation::Version(version) => found == Some(*version),
                // An expectation this engine does not know cannot be said to hold.
                _ => false,
            };
            if !holds {
                return Ok(Commit::Conflict(key.clone()));
            }
        }
        if !batch.writes() {
            return Ok(Commit::Committed(self.version));
        }
        // All that can fail comes before the first change.
        let counters = self.sums(tables, earlier, batch)?;
        let new_days = self.new_days(tables, batch)?;
        self.counters.extend(counters);
        self.new_days.extend(new_days);
        self.version = Version::new(self.version.number() + 1);
        for key in batch.deletes() {
            if tables.of(key.day()).is_some() || self.new_days.contains(&key.day()) {
                self.rows.insert(place(batch.partition(), key), None);
            }
        }
        for put in batch.puts() {
            let value = row::record_value(self.version, put.expiry, &put.value);
            self.rows.insert(place(batch.partition(), &put.key), Some((self.version, value)));
        }
        Ok(Commit::Committed(self.version))
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// The days that need a table before [`Writes::commit`].
    pub(crate) fn take_new_days(&mut self) -> BTreeSet<Day> {
        std::mem::take(&mut self.new_days)
    }

    /// All of it in the engine's form, to be written with one sync; `None` if there is nothing. Every day has its table.
    ///
    /// It is kept here as well, for those who come before it stands in the tables.
    pub(crate) fn rows(&self, tables: &Tables) -> Option<OwnedWriteBatch> {
        if self.version == self.before {
            return None;
        }
        let mut batch = tables.durable_batch();
        let mut touched = BTreeSet::new();
        // In order: neighbours are inserted next to each other, where the path to them has just been walked.
        let mut rows: Vec<(&Place, &Row)> = self.rows.iter().collect();
        rows.sort_unstable_by_key(|(place, _)| *place);
        for ((day, key), row) in rows {
            let Some(table) = tables.of(*day) else { continue };
            match row {
                Some((_, value)) => batch.insert(table, key.clone(), value.clone()),
                None => batch.remove(table, key.clone()),
            }
            touched.insert(*day);
        }
        for table in touched.into_iter().filter_map(|day| tables.of(day)) {
            tables.mark(&mut batch, table);
        }
        for (key, count) in &self.counters {
            batch.insert(tables.counters(), &key[..], count.to_be_bytes());
        }
        tables.set_version(&mut batch, self.version);
        Some(batch)
    }

    fn version_of(
        &self,
        tables: &Tables,
        earlier: Option<&Self>,
        partition: Partition,
        key: &Key,
    ) -> Result<Option<Version>, StoreError> {
        let place = place(partition, key);
        let row = self.rows.get(&place).or_else(|| earlier?.rows.get(&place));
        if let Some(row) = row {
            return Ok(row.as_ref().map(|(version, _)| *version));
        }
        let Some(table) = tables.of(key.day()) else { return Ok(None) };
        let row = table.get(place.1).map_err(|error| unread(error, "record"))?;
        row.map(|row| row::version(&row)).transpose()
    }

    fn sums(
        &self,
        tables: &Tables,
        earlier: Option<&Self>,
        batch: &Batch,
    ) -> Result<HashMap<Vec<u8>, u64>, StoreError> {
        let mut sums = HashMap::new();
        for (counter, count) in batch.adds() {
            let key = row::counter_key(counter.space(), counter.name());
            let known = sums.get(&key).or_else(|| self.counters.get(&key));
            let sum = match known.or_else(|| earlier?.counters.get(&key)) {
                Some(sum) => *sum,
                None => {
                    let row = tables.counters().get(&key).map_err(|error| unread(error, "counter"))?;
                    row.map_or(Ok(0), |row| row::count(&row))?
                }
            };
            sums.insert(key, sum.saturating_add(*count));
        }
        Ok(sums)
    }

    fn new_days(&self, tables: &Tables, batch: &Batch) -> Result<BTreeSet<Day>, StoreError> {
        let mut new: BTreeSet<Day> = batch.puts().iter().map(|put| put.key.day()).collect();
        new.retain(|day| tables.of(*day).is_none() && !self.new_days.contains(day));
        let actual = tables.day_count() + self.new_days.len() + new.len();
        if !new.is_empty() && actual > MAX_DAYS {
            return Err(StoreError::TooLarge { what: "number of days", actual, limit: MAX_DAYS });
        }
        Ok(new)
    }
}

fn place(partition: Partition, key: &Key) -> Place {
    (key.day(), row::record_name(partition, key))
}
