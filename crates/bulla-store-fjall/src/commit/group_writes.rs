//! What a group of batches comes to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Expectation, Key, StoreError, Version};
use fjall::{OwnedWriteBatch, Slice};

use super::prefetch::Prefetch;
use super::version_cache::{KnownVersion, VersionCache};
use crate::MAX_DAYS;
use crate::disk::bloom_filter::BloomFilter;
use crate::disk::row_format;
use crate::disk::tables::Tables;
use crate::error::unread;
use crate::limits::MAX_SPARE_ROWS;

/// What a group of batches comes to: each row once, as the last batch left it.
#[derive(Debug)]
pub(crate) struct Writes {
    rows: BTreeMap<Day, HashMap<Slice, Row>>,
    /// What is put, apart from what is looked up: the engine takes it over when the group is written.
    values: Values,
    counters: HashMap<Vec<u8>, u64>,
    /// The days that have no table yet.
    new_days: BTreeSet<Day>,
    /// Of the last commit before these.
    before: Version,
    version: Version,
    /// The key that is being looked up.
    sought: Vec<u8>,
}

/// What is written under a key.
#[derive(Debug, Default)]
enum Row {
    #[default]
    Deleted,
    /// With the value's place among those of the group.
    Put { version: Version, place: usize },
}

impl Row {
    const fn version(&self) -> KnownVersion {
        match self {
            Self::Deleted => KnownVersion::Absent,
            Self::Put { version, .. } => KnownVersion::At(*version),
        }
    }
}

/// The values of a group, each in its place.
pub(crate) type Values = Vec<Slice>;

/// What stood before a group that is being put together.
#[derive(Clone, Copy)]
pub(crate) struct BaseView<'a> {
    pub(crate) tables: &'a Tables,
    /// Looked up in the tables, and still so but for what is under way.
    pub(crate) prefetch: Option<&'a Prefetch>,
    /// Known of the tables without looking.
    pub(crate) cache: &'a VersionCache,
    /// May be on its way to the tables.
    pub(crate) under_way: Option<&'a Writes>,
}

impl Writes {
    /// Nothing yet, on top of the commit `version`.
    pub(crate) fn after(version: Version) -> Self {
        Self {
            rows: BTreeMap::new(),
            values: Vec::new(),
            counters: HashMap::new(),
            new_days: BTreeSet::new(),
            before: version,
            version,
            sought: Vec::new(),
        }
    }

    /// Nothing, on top of what these stood on.
    pub(crate) fn withdrawn(&self) -> Self {
        Self::after(self.before)
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.version == self.before
    }

    /// Nothing yet, on top of these, in the memory of what was [cleared](Self::cleared).
    pub(crate) fn next(&self, cleared: Option<Self>) -> Self {
        let mut next = cleared.unwrap_or_else(|| Self::after(self.version));
        (next.before, next.version) = (self.version, self.version);
        next.values.reserve_exact(self.values.len());
        next
    }

    /// Forgets what it holds, but keeps the memory unless that is much: the next group will have rows of the
    /// same days.
    pub(crate) fn cleared(mut self) -> Self {
        self.rows.retain(|_, rows| !rows.is_empty() && rows.capacity() <= MAX_SPARE_ROWS);
        self.rows.values_mut().for_each(HashMap::clear);
        self.counters.clear();
        self.counters.shrink_to(MAX_SPARE_ROWS);
        Self { rows: self.rows, counters: self.counters, ..Self::after(self.version) }
    }

    /// Adds `batch` if its expectations hold after all that was added before, on top of what stood before. An
    /// error is this batch's alone and adds nothing.
    pub(crate) fn add(&mut self, base: BaseView<'_>, batch: &Batch) -> Result<Commit, StoreError> {
        for (place, (key, expectation)) in batch.expectations().iter().enumerate() {
            let prefetched = base.prefetch.map_or(KnownVersion::Unknown, |prefetch| prefetch.version(place));
            let found = self.version_of(base, batch.partition(), key, prefetched)?;
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
        let new_days = self.days_without_table(base, batch)?;
        self.look_up_counters(base, batch)?;
        self.new_days.extend(new_days);
        self.version = Version::new(self.version.number() + 1);
        for counter in batch.removes() {
            self.counters.insert(row_format::counter_key(counter.space(), counter.name()), 0);
        }
        for (counter, count) in batch.adds() {
            row_format::counter_key_into(&mut self.sought, counter.space(), counter.name());
            if let Some(sum) = self.counters.get_mut(&self.sought) {
                *sum = sum.saturating_add(*count);
            }
        }
        for key in batch.deletes() {
            if base.has_table(key.day()) || self.new_days.contains(&key.day()) {
                *self.row(batch.partition(), key) = Row::Deleted;
            }
        }
        for put in batch.puts() {
            let value = row_format::record_value(self.version, put.key.day(), put.expiry, &put.value);
            let (version, place) = (self.version, self.values.len());
            *self.row(batch.partition(), &put.key) = Row::Put { version, place };
            self.values.push(value);
        }
        Ok(Commit::Committed(self.version))
    }

    fn row(&mut self, partition: Partition, key: &Key) -> &mut Row {
        self.rows.entry(key.day()).or_default().entry(row_format::record_name(partition, key)).or_default()
    }

    /// Takes the values out, which from then on only [`Writes::rows`] needs.
    pub(crate) fn take_values(&mut self) -> Values {
        std::mem::take(&mut self.values)
    }

    /// The days that need a table before [`Writes::rows`], unless those before them have made it meanwhile.
    pub(crate) const fn new_days(&self) -> &BTreeSet<Day> {
        &self.new_days
    }

    /// What it comes to for the records of `day`, by their keys as the engine keeps them.
    pub(crate) fn versions_of(&self, day: Day) -> impl Iterator<Item = (&Slice, KnownVersion)> {
        self.rows.get(&day).into_iter().flatten().map(|(key, row)| (key, row.version()))
    }

    /// How far counters come, by their keys as the engine keeps them.
    pub(crate) const fn counters(&self) -> &HashMap<Vec<u8>, u64> {
        &self.counters
    }

    /// All of it in the engine's form, to be written with one sync; `None` if there is nothing. Every day has
    /// its table.
    ///
    /// What it comes to is kept here as well, for those who come before it stands in the tables.
    /// `values` are those that were taken from it.
    pub(crate) fn rows(&self, mut values: Values, tables: &Tables) -> io::Result<Option<OwnedWriteBatch>> {
        if self.is_empty() {
            return Ok(None);
        }
        // Of each table a mark and that it is there, and the version.
        let count = self.rows.values().map(|rows| rows.len() + 2).sum::<usize>() + self.counters.len() + 1;
        let mut batch = tables.durable_batch(count);
        for (day, rows) in &self.rows {
            if rows.is_empty() {
                continue;
            }
            let table = tables.of(*day).ok_or_else(|| io::Error::other("a day has no table"))?;
            let mut noting = tables.filter(*day).map(BloomFilter::noting);
            // In order: neighbours are inserted next to each other, where the path to them has just been
            // walked.
            let mut rows: Vec<(&Slice, &Row)> = rows.iter().collect();
            rows.sort_unstable_by_key(|(key, _)| *key);
            let mut deletes = false;
            for (key, row) in rows {
                match row {
                    Row::Put { place, .. } => {
                        if let Some(noting) = &mut noting {
                            noting.note(key);
                        }
                        let value = values.get_mut(*place).map(std::mem::take);
                        let value = value.ok_or_else(|| io::Error::other("a row has no value"))?;
                        batch.insert(table, key.clone(), value);
                    }
                    Row::Deleted => {
                        deletes = true;
                        batch.remove(table, key.clone());
                    }
                }
            }
            if deletes {
                tables.mark(&mut batch, table);
            }
        }
        for (key, count) in &self.counters {
            match count {
                // Removed, or nothing was ever added to it.
                0 => batch.remove(tables.counters(), &key[..]),
                _ => batch.insert(tables.counters(), &key[..], row_format::counter_value(*count)),
            }
        }
        self.new_days.iter().for_each(|day| tables.register(&mut batch, *day));
        tables.set_version(&mut batch, self.version);
        Ok(Some(batch))
    }

    fn version_of(
        &mut self,
        base: BaseView<'_>,
        partition: Partition,
        key: &Key,
        prefetched: KnownVersion,
    ) -> Result<Option<Version>, StoreError> {
        row_format::record_key_into(&mut self.sought, partition, key.space(), key.name());
        let sought = &self.sought[..];
        let written_in = |writes: &Self| {
            let row = writes.rows.get(&key.day()).and_then(|rows| rows.get(sought));
            row.map_or(KnownVersion::Unknown, Row::version)
        };
        // The newest first: what was added to this group stands on what is under way, and that on the tables.
        let known = written_in(self)
            .or_else(|| base.under_way.map_or(KnownVersion::Unknown, written_in))
            .or_else(|| match key.day() {
                Key::UNDATED => base.cache.record(sought),
                _ => KnownVersion::Unknown,
            })
            .or_else(|| prefetched);
        match known {
            KnownVersion::At(version) => Ok(Some(version)),
            KnownVersion::Absent => Ok(None),
            KnownVersion::Unknown => base.tables.version_of(partition, key, &mut self.sought),
        }
    }

    /// Brings the counters of `batch` here as they stand, so that adding to them cannot fail.
    fn look_up_counters(&mut self, base: BaseView<'_>, batch: &Batch) -> Result<(), StoreError> {
        for (counter, _) in batch.adds() {
            row_format::counter_key_into(&mut self.sought, counter.space(), counter.name());
            if self.counters.contains_key(&self.sought) {
                continue;
            }
            let under_way = base.under_way.and_then(|writes| writes.counters.get(&self.sought)).copied();
            let sum = match under_way.or_else(|| base.cache.counter(&self.sought)) {
                Some(sum) => sum,
                None => {
                    let row = base.tables.counters().get(&self.sought);
                    row.map_err(|error| unread(error, "counter"))?
                        .map_or(Ok(0), |row| row_format::count(&row))?
                }
            };
            self.counters.insert(self.sought.clone(), sum);
        }
        Ok(())
    }

    fn days_without_table(&self, base: BaseView<'_>, batch: &Batch) -> Result<BTreeSet<Day>, StoreError> {
        let is_new = |day: &Day| !base.has_table(*day) && !self.new_days.contains(day);
        let new: BTreeSet<Day> = batch.puts().iter().map(|put| put.key.day()).filter(is_new).collect();
        if new.is_empty() {
            return Ok(new);
        }
        let actual = base.day_count() + self.new_days.len() + new.len();
        if actual > MAX_DAYS {
            return Err(StoreError::TooLarge { what: "number of days", actual, limit: MAX_DAYS });
        }
        Ok(new)
    }
}

impl BaseView<'_> {
    /// Whether `day` has a table, or will have when what is under way has been written.
    fn has_table(&self, day: Day) -> bool {
        self.tables.of(day).is_some() || self.under_way.is_some_and(|writes| writes.new_days.contains(&day))
    }

    /// How many days have a table, or will have.
    fn day_count(&self) -> usize {
        let new = self.under_way.into_iter().flat_map(|writes| &writes.new_days);
        self.tables.day_count() + new.filter(|day| self.tables.of(**day).is_none()).count()
    }
}

#[cfg(test)]
mod tests {
    use bulla_store::{Counter, Space};
    use tempfile::TempDir;

    use super::*;
    use crate::FjallOptions;

    const PARTITION: Partition = Partition::from_bytes([7; 16]);

    fn tables(folder: &TempDir) -> Tables {
        Tables::open(folder.path(), FjallOptions::default()).unwrap()
    }

    fn add(writes: &mut Writes, tables: &Tables, change: impl FnOnce(&mut Batch)) -> Commit {
        let base = BaseView { tables, prefetch: None, cache: &VersionCache::default(), under_way: None };
        let mut batch = Batch::new(PARTITION);
        change(&mut batch);
        writes.add(base, &batch).unwrap()
    }

    fn key(number: usize) -> Key {
        Key::dated(Space::new(1), Day::from_number(20_000), number.to_be_bytes().to_vec())
    }

    #[test]
    fn last_put_of_a_key_in_a_group_wins() {
        let folder = TempDir::new().unwrap();
        let mut tables = tables(&folder);
        tables.begin(key(0).day()).unwrap();
        let mut writes = Writes::after(Version::new(0));
        let changes: [fn(&mut Batch); 5] = [
            |batch| batch.put(key(1), "first"),
            |batch| batch.put(key(2), "second"),
            |batch| batch.put(key(3), "third"),
            |batch| batch.put(key(1), "fourth"),
            |batch| batch.delete(key(2)),
        ];
        for (change, version) in changes.into_iter().zip(1..) {
            assert_eq!(add(&mut writes, &tables, change), Commit::Committed(Version::new(version)));
        }
        let values = writes.take_values();
        writes.rows(values, &tables).unwrap().unwrap().commit().unwrap();
        let table = tables.of(key(0).day()).unwrap();
        let stored = [1, 2, 3].map(|number| {
            let row = table.get(row_format::record_name(PARTITION, &key(number))).unwrap()?;
            let record = row_format::record(row, key(number).day()).unwrap();
            Some((record.version.number(), record.value))
        });
        assert_eq!(stored, [Some((4, "fourth".into())), None, Some((3, "third".into()))]);
    }

    #[test]
    fn memory_used_again_holds_nothing_and_is_bounded() {
        let folder = TempDir::new().unwrap();
        let mut tables = tables(&folder);
        tables.begin(key(0).day()).unwrap();
        for rows in [100, 2 * MAX_SPARE_ROWS] {
            let mut writes = Writes::after(Version::new(0));
            for number in 0..rows {
                let _committed = add(&mut writes, &tables, |batch| {
                    batch.put(key(number), "value");
                    batch.add(Counter::new(Space::new(1), number.to_be_bytes().to_vec()), 1);
                });
            }
            let _committed = add(&mut writes, &tables, |batch| {
                batch.put(Key::dated(Space::new(1), Day::from_number(20_001), "key"), "value");
            });
            assert_eq!(
                (writes.values.len(), writes.counters.len(), writes.new_days.len()),
                (rows + 1, rows, 1)
            );
            // The memory is that of a group long before the one it stands on.
            let version = Version::new(writes.version.number() + 5);
            let next = Writes::after(version).next(Some(writes.cleared()));
            assert_eq!((next.before, next.version), (version, version));
            assert!(next.rows.values().all(HashMap::is_empty) && next.counters.is_empty());
            assert!(next.values.is_empty() && next.new_days.is_empty());
            let kept = next.rows.get(&key(0).day()).map_or(0, HashMap::capacity);
            assert!(if rows == 100 { kept >= rows } else { kept == 0 }, "{kept} of {rows}");
            assert!((rows.min(MAX_SPARE_ROWS)..4 * MAX_SPARE_ROWS).contains(&next.counters.capacity()));
        }
    }
}
