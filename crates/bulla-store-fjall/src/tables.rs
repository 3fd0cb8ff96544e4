//! The tables of one database: one for each day, one for undated records, one for counters, one for the engine itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use bulla_base::{Day, Partition};
use bulla_store::{Key, StoreError, Version};
use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use crate::error::unread;
use crate::filter::Filter;
use crate::limits::{MAX_CACHED_FILES, MAX_FILTERS};
use crate::{FjallOptions, OpenError, opening, row};

/// The format of everything below; stands in the engine's own table.
const FORMAT: u64 = 3;

/// The names of the tables that every store has. A day's is a `d` and its number.
const OWN: &str = "meta";
const COUNTERS: &str = "counters";
const UNDATED: &str = "undated";

const FORMAT_KEY: &[u8] = b"format";
const VERSION_KEY: &[u8] = b"version";
const FILLER_KEY: &[u8] = b"filler";

/// With a day's number behind it: that day has a table. It is written with the first rows of the day, after the table was made, and removed
/// before the table is.
const DAY_KEY: &[u8] = b"day ";

/// A row that every batch writes to each table of records in which it deletes anything.
///
/// A journal is let go once its newest write to each table is found in the table's files. Where all records of a table are deleted and
/// compacted away, no file is left to tell, and the journal would stay until the table is written to again: for a day that is over,
/// until the day is dropped. The mark is always as new as the deletions beside it, and is itself never deleted.
/// Its key is shorter than any record's, so it is part of no scan.
const MARK_KEY: &[u8] = &[0];

/// Written after a table is made or removed, to make the engine count on.
///
/// What it knows of its tables it keeps under numbers of the same count as rows, but when it is opened it counts on from the last *row* it
/// finds. A table that then took the number of one removed since would stand below its predecessor's removal, and be thrown away, with its
/// rows, when the store is opened the next time; or the store would not open.
const COUNT_KEY: &[u8] = b"count";

/// The most numbers that the engine takes for making or removing one table, and as many again.
const UNCOUNTED: usize = 4;

/// How often it is tried to open the engine again, and how long is waited in between.
const OPENING_TRIES: u32 = 20;
const OPENING_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Tables {
    path: PathBuf,
    database: Database,
    /// What new tables are made like.
    options: FjallOptions,
    own: Keyspace,
    counters: Keyspace,
    /// Under [`Key::UNDATED`], the table of the undated records.
    days: BTreeMap<Day, Keyspace>,
    /// Of the latest days that were begun since the store was opened: whatever was put into their tables passed through here.
    filters: BTreeMap<Day, Filter>,
    /// Of the day after the newest, which nothing was put into yet.
    ahead: Option<(Day, Keyspace)>,
}

impl Tables {
    pub(crate) fn open(path: &Path, options: FjallOptions) -> Result<Self, OpenError> {
        let closed = opening::look(path)?;
        let opened = Self::open_engine(path, options).and_then(|tables| {
            let expected = closed.as_ref().map(|closed| closed.version);
            match tables.last_version()? {
                version if expected.is_some_and(|expected| expected != version) => {
                    tracing::error!(
                        ?version,
                        ?expected,
                        "the last commit is not the one the store was closed with"
                    );
                    Err(OpenError::damaged("table", path))
                }
                _ => Ok(tables),
            }
        });
        if let (Err(_), Some(closed)) = (&opened, closed) {
            // What is removed before the next attempt must be noticed then.
            opening::write_down(path, closed.version);
        }
        opened
    }

    fn open_engine(path: &Path, options: FjallOptions) -> Result<Self, OpenError> {
        let failed = || OpenError::of_engine(path);
        let database = database(path, options).map_err(failed())?;
        let existed = |name: &str| database.keyspace_exists(name);
        let (had_own, had_all) = (existed(OWN), [OWN, COUNTERS, UNDATED].into_iter().all(existed));
        let names = database.list_keyspace_names();
        if !had_own && !names.is_empty() {
            return Err(OpenError::missing("table of its own, or of the counters or undated records", path));
        }
        let table = |name: &str| database.keyspace(name, || layout(options)).map_err(failed());
        let own = table(OWN)?;
        if had_own {
            // What was made or removed last may not have been counted any more.
            (0..UNCOUNTED).try_for_each(|_| count_on(&database, &own)).map_err(failed())?;
        }
        let format = own.get(FORMAT_KEY).map_err(failed())?;
        if let Some(format) = &format {
            match number(format).ok_or_else(|| OpenError::damaged("format", path))? {
                FORMAT => {}
                found => return Err(OpenError::Format { path: path.to_path_buf(), found, expected: FORMAT }),
            }
            if !had_all {
                return Err(OpenError::missing("table of the counters or of undated records", path));
            }
        }
        let counters = table(COUNTERS)?;
        let mut days = BTreeMap::from([(Key::UNDATED, table(UNDATED)?)]);
        for name in names {
            let Some(number) = name.strip_prefix('d').and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            days.insert(Day::from_number(number), table(&name)?);
        }
        if format.is_none() {
            // Last, so that whoever finds it finds all tables.
            own.insert(FORMAT_KEY, FORMAT.to_be_bytes()).map_err(failed())?;
        }
        database.persist(PersistMode::SyncAll).map_err(failed())?;
        let mut tables = Self {
            path: path.to_path_buf(),
            database,
            options,
            own,
            counters,
            days,
            filters: BTreeMap::new(),
            ahead: None,
        };
        let registered = tables.find_every_day()?;
        if let Some((day, table)) = tables.days.last_key_value()
            && *day != Key::UNDATED
            && !registered.contains(day)
            && table.is_empty().map_err(failed())?
        {
            tables.ahead = tables.days.pop_last();
        }
        Ok(tables)
    }

    /// Looks for the table of each day that has one, by the engine's own table.
    fn find_every_day(&self) -> Result<BTreeSet<Day>, OpenError> {
        let mut registered = BTreeSet::new();
        for row in self.own.prefix(DAY_KEY) {
            let key = row.key().map_err(OpenError::of_engine(&self.path))?;
            let day =
                key.strip_prefix(DAY_KEY).and_then(|day| Some(u32::from_be_bytes(day.try_into().ok()?)));
            let day = Day::from_number(day.ok_or_else(|| OpenError::damaged("list of days", &self.path))?);
            if !self.days.contains_key(&day) {
                tracing::error!(%day, "a day has no table");
                return Err(OpenError::missing("table of a day", &self.path.join("keyspaces")));
            }
            registered.insert(day);
        }
        Ok(registered)
    }

    /// Closes the engine and opens it again.
    ///
    /// # Errors
    /// Also when the last commit there is then is not the one there was.
    pub(crate) fn open_again(self) -> Result<Self, OpenError> {
        let (path, options, version) = (self.path(), self.options, self.last_version()?);
        let Self { filters, database, own, counters, days, ahead, .. } = self;
        drop((database, own, counters, days, ahead));
        let mut tries = 1;
        let tables = loop {
            match Self::open(&path, options) {
                // Others take what it gave back, or the last reader is still to let go.
                Err(OpenError::Unreadable { .. } | OpenError::Locked { .. }) if tries < OPENING_TRIES => {
                    thread::sleep(OPENING_PAUSE);
                    tries += 1;
                }
                opened => break opened?,
            }
        };
        if tables.last_version()? != version {
            return Err(OpenError::damaged("table", &path));
        }
        // Whatever was put passed through here.
        Ok(Self { filters, ..tables })
    }

    /// Whether the engine's own threads have failed, after which it writes nothing any more.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.database.persist(PersistMode::Buffer), Err(fjall::Error::Poisoned))
    }

    /// Writes out what is left, gives the directory free, and writes down what is in it.
    pub(crate) fn close(self) -> fjall::Result<()> {
        match self.database.persist(PersistMode::SyncAll) {
            // Its own threads had failed. Every commit was synced; what there is on the disk is not to be relied on before it is opened.
            Err(fjall::Error::Poisoned) => return Ok(()),
            persisted => persisted?,
        }
        let (path, version) = (self.path(), self.last_version());
        drop(self);
        match version {
            Ok(version) => opening::write_down(&path, version),
            Err(error) => tracing::warn!(%error, "what the store has is not written down"),
        }
        Ok(())
    }

    /// The version of the last commit there was.
    pub(crate) fn last_version(&self) -> Result<Version, OpenError> {
        let row = self.own.get(VERSION_KEY).map_err(OpenError::of_engine(&self.path))?;
        let Some(row) = row else { return Ok(Version::new(0)) };
        number(&row).map(Version::new).ok_or_else(|| OpenError::damaged("version", &self.path))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) const fn counters(&self) -> &Keyspace {
        &self.counters
    }

    /// The table of `day`, unless nothing was ever put there.
    pub(crate) fn of(&self, day: Day) -> Option<&Keyspace> {
        self.days.get(&day)
    }

    /// Which keys the table of `day` may hold, if that is known.
    pub(crate) fn filter(&self, day: Day) -> Option<&Filter> {
        self.filters.get(&day)
    }

    /// The version of the record under `key`, if there is one; `sought` is overwritten.
    pub(crate) fn version_of(
        &self,
        partition: Partition,
        key: &Key,
        sought: &mut Vec<u8>,
    ) -> Result<Option<Version>, StoreError> {
        let Some(table) = self.of(key.day()) else { return Ok(None) };
        row::record_key_into(sought, partition, key.space(), key.name());
        if self.filter(key.day()).is_some_and(|filter| !filter.may_hold(sought)) {
            return Ok(None);
        }
        let row = table.get(sought).map_err(|error| unread(error, "record"))?;
        row.map(|row| row::version(&row)).transpose()
    }

    pub(crate) fn within(&self, days: RangeInclusive<Day>) -> impl Iterator<Item = (Day, &Keyspace)> {
        // `range` panics when the end comes before the start, and the days of a scan are the caller's.
        let days = (!days.is_empty()).then(|| self.days.range(days));
        days.into_iter().flatten().map(|(day, table)| (*day, table))
    }

    /// All tables.
    pub(crate) fn all(&self) -> Vec<Keyspace> {
        self.days.values().chain([&self.counters, &self.own]).cloned().collect()
    }

    /// How many days have a table.
    pub(crate) fn day_count(&self) -> usize {
        self.days.len() - 1
    }

    /// Makes the table of `day`, unless there is one.
    pub(crate) fn begin(&mut self, day: Day) -> fjall::Result<()> {
        if self.days.contains_key(&day) {
            return Ok(());
        }
        let table = match self.ahead.take_if(|(ahead, _)| *ahead == day) {
            Some((_, table)) => table,
            None => self.make(day)?,
        };
        self.days.insert(day, table);
        // An earlier day, to which a late message belongs, does not take the place of today.
        self.filters.insert(day, Filter::empty());
        if self.filters.len() > MAX_FILTERS {
            self.filters.pop_first();
        }
        Ok(())
    }

    /// Whether the table of `day` is there, or was made ahead.
    pub(crate) fn is_made(&self, day: Day) -> bool {
        self.days.contains_key(&day) || self.ahead.as_ref().is_some_and(|(ahead, _)| *ahead == day)
    }

    /// Makes the table of `day` on the disk, and nothing else.
    pub(crate) fn make(&self, day: Day) -> fjall::Result<Keyspace> {
        let table = self.database.keyspace(&format!("d{}", day.number()), || layout(self.options))?;
        count_on(&self.database, &self.own)?;
        Ok(table)
    }

    /// The day after the newest, unless its table is there.
    pub(crate) fn day_ahead(&self) -> Option<Day> {
        let (newest, _) = self.days.last_key_value().filter(|(day, _)| **day != Key::UNDATED)?;
        let next = Day::from_number(newest.number().checked_add(1)?);
        (!self.is_made(next)).then_some(next)
    }

    /// Keeps a table that was [made](Self::make) until the day is begun. One that was made before, and passed over, goes.
    pub(crate) fn set_ahead(&mut self, day: Day, table: Keyspace) {
        if let Some((passed, table)) = self.ahead.replace((day, table))
            && let Err(error) =
                self.database.delete_keyspace(table).and_then(|()| count_on(&self.database, &self.own))
        {
            tracing::debug!(%error, %passed, "an empty table stays");
        }
    }

    pub(crate) fn days_before(&self, day: Day) -> Vec<Day> {
        self.days.keys().copied().filter(|kept| *kept != Key::UNDATED && *kept < day).collect()
    }

    /// Notes, with the first rows of `day`, that it has a table.
    pub(crate) fn register(&self, batch: &mut OwnedWriteBatch, day: Day) {
        batch.insert(&self.own, day_key(day), []);
    }

    /// Notes, durably, that these days have no table: they are about to end.
    pub(crate) fn unregister(&self, days: &[Day]) -> fjall::Result<()> {
        let mut batch = self.durable_batch(days.len());
        days.iter().for_each(|day| batch.remove(&self.own, day_key(*day)));
        batch.commit()
    }

    /// Deletes the table of `day`; its files go as soon as nobody reads them.
    pub(crate) fn end(&mut self, day: Day) -> fjall::Result<()> {
        let Some(table) = self.days.get(&day) else { return Ok(()) };
        self.database.delete_keyspace(table.clone())?;
        self.days.remove(&day);
        self.filters.remove(&day);
        count_on(&self.database, &self.own)
    }

    /// An empty batch, with room for so many rows, that is on disk when its commit returns.
    pub(crate) fn durable_batch(&self, rows: usize) -> OwnedWriteBatch {
        OwnedWriteBatch::with_capacity(self.database.clone(), rows).durability(Some(PersistMode::SyncData))
    }

    pub(crate) fn mark(&self, batch: &mut OwnedWriteBatch, table: &Keyspace) {
        batch.insert(table, MARK_KEY, []);
    }

    pub(crate) fn set_version(&self, batch: &mut OwnedWriteBatch, version: Version) {
        batch.insert(&self.own, VERSION_KEY, version.number().to_be_bytes());
    }

    /// Writes `bytes` to the engine's own table, so that the journal moves on. Synced before anybody writes the next, so that one batch at
    /// most is ever torn.
    pub(crate) fn fill(&self, bytes: Vec<u8>) -> fjall::Result<()> {
        let mut batch = self.durable_batch(1);
        batch.insert(&self.own, FILLER_KEY, bytes);
        batch.commit()
    }

    /// Lets the engine tidy up: what no reader holds any more may go.
    pub(crate) fn turn_over(&self) -> fjall::Result<()> {
        // Two writes, because the engine keeps what the newest one could still see.
        self.fill(Vec::new())?;
        self.fill(Vec::new())?;
        self.own.rotate_memtable().map(drop)
    }
}

/// The engine, with nothing left to what it would do by itself: its defaults change with the features that anybody in the build turns on.
fn database(path: &Path, options: FjallOptions) -> fjall::Result<Database> {
    Database::builder(path)
        .cache_size(options.cache())
        .max_journaling_size(options.max_journal())
        // What `frame` knows to read. It costs disk, but what is sealed does not get smaller.
        .journal_compression(CompressionType::None)
        .max_cached_files(Some(MAX_CACHED_FILES))
        .open()
}

/// How a table is made. It keeps that for good.
fn layout(options: FjallOptions) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(options.write_buffer())
        .data_block_compression_policy(CompressionPolicy::disabled())
        .index_block_compression_policy(CompressionPolicy::disabled())
}

fn day_key(day: Day) -> Vec<u8> {
    [DAY_KEY, &day.number().to_be_bytes()].concat()
}

fn number(row: &[u8]) -> Option<u64> {
    row.try_into().map(u64::from_be_bytes).ok()
}

/// Has the engine count on, in a row that is synced before the next is written, so that one batch at most is ever torn.
fn count_on(database: &Database, own: &Keyspace) -> fjall::Result<()> {
    let mut batch =
        OwnedWriteBatch::with_capacity(database.clone(), 1).durability(Some(PersistMode::SyncData));
    batch.insert(own, COUNT_KEY, []);
    batch.commit()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bulla_base::Partition;
    use bulla_store::{Batch, Space};
    use tempfile::TempDir;

    use super::*;
    use crate::group::{Before, Known, Writes};

    fn flush(table: &Keyspace) {
        table.rotate_memtable().unwrap();
        while table.sealed_memtable_count() > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_options_reach_the_engine() {
        let folder = TempDir::new().unwrap();
        let options = FjallOptions::default().cache_bytes(3 << 20).write_buffer_bytes(5 << 20);
        let mut tables = Tables::open(folder.path(), options).unwrap();
        tables.begin(Day::from_number(9)).unwrap();
        assert_eq!(tables.database().cache_capacity(), 3 << 20);
        // A table is flushed as soon as it holds more than that; the engine tells of no table how large it may get.
        let table = tables.of(Day::from_number(9)).unwrap();
        let flushed_after = (1_u32..64).find(|number| {
            table.insert(number.to_be_bytes(), vec![1; 1 << 20]).unwrap();
            // It is flushed by another thread.
            thread::sleep(Duration::from_millis(20));
            table.sealed_memtable_count() > 0 || table.table_count() > 0
        });
        assert!(matches!(flushed_after, Some(5..=12)), "{flushed_after:?} MiB");
    }

    const SPACE: Space = Space::new(1);
    const PARTITION: Partition = Partition::from_bytes([7; 16]);

    /// What the tables say of `key` after a row was written behind their back.
    fn written_unnoticed(tables: &Tables, key: &Key) -> Option<Version> {
        let row = row::record_value(Version::new(1), key.day(), None, b"value");
        tables.of(key.day()).unwrap().insert(row::record_name(PARTITION, key), row).unwrap();
        tables.version_of(PARTITION, key, &mut Vec::new()).unwrap()
    }

    #[test]
    fn what_was_never_put_into_a_day_that_was_begun_is_not_looked_up() {
        let folder = TempDir::new().unwrap();
        let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
        let [first, second, third] = [1, 2, 3].map(|day| Key::dated(SPACE, Day::from_number(day), "key"));
        let found = |tables: &Tables, key| tables.version_of(PARTITION, key, &mut Vec::new()).unwrap();
        // Of the two latest alone it is known what was put, whichever was begun first.
        for (key, is_known) in [(&second, true), (&third, true), (&first, false)] {
            tables.begin(key.day()).unwrap();
            assert_eq!(written_unnoticed(&tables, key).is_none(), is_known);
        }
        assert_eq!([&first, &second, &third].map(|key| found(&tables, key).is_none()), [false, true, true]);
        tables.filter(third.day()).unwrap().noting().note(&row::record_key(PARTITION, SPACE, b"key"));
        assert_eq!(found(&tables, &third), Some(Version::new(1)));

        // To begin a day that has a table changes nothing; to begin it after its end makes another.
        tables.begin(third.day()).unwrap();
        assert!(found(&tables, &third).is_some());
        tables.end(third.day()).unwrap();
        assert!(tables.filter(third.day()).is_none());
        tables.begin(third.day()).unwrap();
        assert!(found(&tables, &third).is_none() && written_unnoticed(&tables, &third).is_none());
        let fourth = Key::dated(SPACE, Day::from_number(4), "key");
        tables.begin(fourth.day()).unwrap();
        assert_eq!([&second, &third].map(|key| found(&tables, key).is_none()), [false, true]);
        drop(tables);

        // What was put before is not known.
        let tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
        assert!([&first, &second, &third].iter().all(|key| found(&tables, key).is_some()));
        let undated = Key::undated(SPACE, "key");
        assert_eq!(written_unnoticed(&tables, &undated), Some(Version::new(1)));
    }

    #[test]
    fn a_table_that_was_made_ahead_is_begun_without_the_disk() {
        let folder = TempDir::new().unwrap();
        let [today, tomorrow, later] = [20_000, 20_001, 20_005].map(Day::from_number);
        let folders = || fs::read_dir(folder.path().join("keyspaces")).unwrap().count();
        let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
        assert_eq!(tables.day_ahead(), None, "of no day there is none");
        tables.begin(today).unwrap();
        assert_eq!(tables.day_ahead(), Some(tomorrow));
        let table = tables.make(tomorrow).unwrap();
        tables.set_ahead(tomorrow, table);
        // It counts for nothing yet: not as a day, not in a scan, and nothing is known of it.
        assert_eq!((tables.day_ahead(), tables.day_count(), tables.of(tomorrow).is_none()), (None, 1, true));
        drop(tables);
        let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
        assert_eq!((tables.day_ahead(), tables.is_made(tomorrow), tables.day_count()), (None, true, 1));
        let before = folders();
        tables.begin(tomorrow).unwrap();
        assert_eq!((folders(), tables.day_count()), (before, 2));
        assert!(tables.filter(tomorrow).is_some(), "nothing was ever put there");

        // One that was passed over goes.
        let passed = tables.day_ahead().unwrap();
        let table = tables.make(passed).unwrap();
        tables.set_ahead(passed, table);
        tables.begin(later).unwrap();
        let next = tables.day_ahead().unwrap();
        assert_eq!(next.number(), later.number() + 1);
        let (table, before) = (tables.make(next).unwrap(), folders());
        tables.set_ahead(next, table);
        assert_eq!(folders(), before - 1);
    }

    /// What the journals hold is also what waits in memory: the bound of one is the bound of the other.
    #[test]
    fn journals_beyond_their_bound_are_flushed_and_go() {
        const WRITTEN_MIB: u64 = 400;
        let most = [64_u64, 512].map(|max_mib| {
            let folder = TempDir::new().unwrap();
            let options =
                FjallOptions::default().max_journal_bytes(max_mib << 20).write_buffer_bytes(16 << 20);
            let tables = Tables::open(folder.path(), options).unwrap();
            // Of the table that is hardly written to nothing would ever be flushed for its own sake.
            tables.counters.insert("rare", "row").unwrap();
            let mut most = 0;
            for _ in 0..WRITTEN_MIB {
                tables.own.insert(FILLER_KEY, vec![1; 1 << 20]).unwrap();
                most = most.max(tables.database().journal_disk_space().unwrap() >> 20);
            }
            most
        });
        assert!(most[0] <= 64 + 2 * 64 + 32, "{most:?} MiB");
        assert!(most[1] > 300, "with more room more is kept: {most:?} MiB");
    }

    /// A store was killed soon after it had removed tables. The next day's table took the number of one of them, below whose removal it stood
    /// for the engine, which then did not open the store at all, or threw the day away with its records.
    #[test]
    fn a_table_made_after_others_were_removed_and_a_restart_is_there_after_the_next() {
        // How much the engine has tidied up of what it knew of its tables depends on how many there were.
        for (lasting, removed) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
            let folder = TempDir::new().unwrap();
            let open = || Tables::open(folder.path(), FjallOptions::default()).unwrap();
            let tables = open();
            (0..lasting).for_each(|day| drop(tables.make(Day::from_number(day)).unwrap()));
            for _ in 0..removed {
                let table = tables.make(Day::from_number(7)).unwrap();
                tables.database.delete_keyspace(table).unwrap();
            }
            drop(tables);

            let tables = open();
            tables.make(Day::from_number(8)).unwrap().insert("name", "value").unwrap();
            tables.database.persist(PersistMode::SyncAll).unwrap();
            drop(tables);

            let tables = open();
            let kept = tables.days.get(&Day::from_number(8)).map(|table| table.get("name").unwrap());
            assert_eq!(
                kept.flatten().as_deref(),
                Some(&b"value"[..]),
                "{lasting} lasting, {removed} removed"
            );
        }
    }

    /// A record was put and deleted, and its table merged away, while another table still needed the journal. The engine then had no file
    /// to see that the first table is done with the journal, and kept it until that table would be written to again.
    #[test]
    fn a_journal_goes_also_when_all_it_held_was_deleted() {
        let folder = TempDir::new().unwrap();
        // Room for more journals, or the engine flushes every table as soon as the first is full.
        let options = FjallOptions::default().max_journal_bytes(512 << 20);
        let tables = Tables::open(folder.path(), options).unwrap();
        let journals = || {
            let files = fs::read_dir(folder.path()).unwrap();
            files
                .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "jnl"))
                .count()
        };
        let key = Key::undated(Space::new(1), "record");
        let (mut put, mut delete) =
            (Batch::new(Partition::from_bytes([0; 16])), Batch::new(Partition::from_bytes([0; 16])));
        put.put(key.clone(), "value");
        put.add(bulla_store::Counter::new(Space::new(1), "counter"), 1);
        delete.delete(key);
        for (version, batch) in [(0, put), (1, delete)] {
            let mut writes = Writes::after(Version::new(version));
            let before = Before { tables: &tables, sight: None, known: &Known::default(), under_way: None };
            let _done = writes.add(before, &batch).unwrap();
            let values = writes.take_values();
            writes.rows(values, &tables).unwrap().unwrap().commit().unwrap();
        }
        for _ in 0..65 {
            tables.fill(vec![0; 1 << 20]).unwrap();
        }
        flush(&tables.own);
        assert_eq!(journals(), 2, "the first journal is full");
        let undated = tables.of(Key::UNDATED).unwrap();
        tables.turn_over().unwrap();
        flush(undated);
        undated.major_compact().unwrap();
        flush(&tables.counters);
        for _ in 0..100 {
            tables.turn_over().unwrap();
            thread::sleep(Duration::from_millis(10));
            if journals() == 1 {
                return;
            }
        }
        panic!("{} journals are left", journals());
    }
}
