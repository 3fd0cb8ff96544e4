//! The tables of one database: one for each day, one for undated records, one for counters, one for the
//! engine itself.

mod engine_options;
mod meta_table;
mod open;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::OnceLock;

use bulla_base::{Day, Partition};
use bulla_store::{Key, StoreError, Version};
use fjall::{Database, Keyspace};

use self::engine_options::layout;
pub(crate) use self::open::ClosedTables;
use crate::FjallOptions;
use crate::disk::bloom_filter::BloomFilter;
use crate::disk::row_format;
use crate::error::unread;
use crate::limits::MAX_FILTERS;
use crate::system_error::SystemError;

/// The names of the tables that every store has. A day's is a `d` and its number.
const OWN: &str = "meta";
const COUNTERS: &str = "counters";
const UNDATED: &str = "undated";

pub(crate) struct Tables {
    path: PathBuf,
    database: Database,
    /// What new tables are made like.
    options: FjallOptions,
    own: Keyspace,
    counters: Keyspace,
    /// Under [`Key::UNDATED`], the table of the undated records.
    days: BTreeMap<Day, Keyspace>,
    /// Of the latest days that were begun since the store was opened: whatever was put into their tables
    /// passed through here.
    filters: BTreeMap<Day, BloomFilter>,
    /// Of the day after the newest, which nothing was put into yet.
    ahead: Option<(Day, Keyspace)>,
    /// What the disk said when a write to the journal failed.
    failed: OnceLock<SystemError>,
}

impl Tables {
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
    pub(crate) fn filter(&self, day: Day) -> Option<&BloomFilter> {
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
        row_format::record_key_into(sought, partition, key.space(), key.name());
        if self.filter(key.day()).is_some_and(|filter| !filter.may_hold(sought)) {
            return Ok(None);
        }
        let row = table.get(sought).map_err(|error| unread(error, "record"))?;
        row.map(|row| row_format::version(&row)).transpose()
    }

    pub(crate) fn within(
        &self,
        days: RangeInclusive<Day>,
    ) -> impl DoubleEndedIterator<Item = (Day, &Keyspace)> {
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
        self.filters.insert(day, BloomFilter::empty());
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
        self.count_on()?;
        Ok(table)
    }

    /// The day after the newest, unless its table is there.
    pub(crate) fn day_ahead(&self) -> Option<Day> {
        let (newest, _) = self.days.last_key_value().filter(|(day, _)| **day != Key::UNDATED)?;
        let next = Day::from_number(newest.number().checked_add(1)?);
        (!self.is_made(next)).then_some(next)
    }

    /// Keeps a table that was [made](Self::make) until the day is begun. One that was made before, and passed
    /// over, goes.
    ///
    /// # Errors
    /// What the engine holds in memory may differ from what is on the disk then, as after [`end`](Self::end).
    pub(crate) fn set_ahead(&mut self, day: Day, table: Keyspace) -> fjall::Result<()> {
        match self.ahead.replace((day, table)) {
            Some((_, passed)) => self.database.delete_keyspace(passed).and_then(|()| self.count_on()),
            None => Ok(()),
        }
    }

    pub(crate) fn days_before(&self, day: Day) -> Vec<Day> {
        self.days.keys().copied().filter(|kept| *kept != Key::UNDATED && *kept < day).collect()
    }

    /// Deletes the table of `day`; its files go as soon as nobody reads them.
    pub(crate) fn end(&mut self, day: Day) -> fjall::Result<()> {
        let Some(table) = self.days.get(&day) else { return Ok(()) };
        self.database.delete_keyspace(table.clone())?;
        self.days.remove(&day);
        self.filters.remove(&day);
        self.count_on()
    }
}

#[cfg(test)]
mod tests;
