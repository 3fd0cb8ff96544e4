//! The rows of the engine's own table, and writes that are on disk when they return.

use std::io;

use bulla_base::Day;
use bulla_store::Version;
use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode};

use super::Tables;
use crate::OpenError;
use crate::system_error::SystemError;

pub(super) const FORMAT_KEY: &[u8] = b"format";
const VERSION_KEY: &[u8] = b"version";
pub(super) const FILLER_KEY: &[u8] = b"filler";

/// With a day's number behind it: that day has a table. It is written with the first rows of the day, after
/// the table was made, and removed before the table is.
pub(super) const DAY_KEY: &[u8] = b"day ";

/// A row that every batch writes to each table of records in which it deletes anything.
///
/// A journal is let go once its newest write to each table is found in the table's files. Where all records
/// of a table are deleted and compacted away, no file is left to tell, and the journal would stay until the
/// table is written to again: for a day that is over, until the day is dropped. The mark is always as new as
/// the deletions beside it, and is itself never deleted. Its key is shorter than any record's, so it is part
/// of no scan.
const MARK_KEY: &[u8] = &[0];

/// Written after a table is made or removed, to make the engine count on.
///
/// What it knows of its tables it keeps under numbers of the same count as rows, but when it is opened it
/// counts on from the last *row* it finds. A table that then took the number of one removed since would stand
/// below its predecessor's removal, and be thrown away, with its rows, when the store is opened the next
/// time; or the store would not open.
const COUNT_KEY: &[u8] = b"count";

/// The most numbers that the engine takes for making or removing one table, and as many again.
pub(super) const UNCOUNTED: usize = 4;

impl Tables {
    /// The version of the last commit there was.
    pub(crate) fn last_version(&self) -> Result<Version, OpenError> {
        let row = self.own.get(VERSION_KEY).map_err(OpenError::of_engine(&self.path))?;
        let Some(row) = row else { return Ok(Version::new(0)) };
        number(&row).map(Version::new).ok_or_else(|| OpenError::damaged("version", &self.path))
    }

    /// Notes, with the first rows of `day`, that it has a table.
    pub(crate) fn register(&self, batch: &mut OwnedWriteBatch, day: Day) {
        batch.insert(&self.own, day_key(day), []);
    }

    /// Notes, durably, that these days have no table: they are about to end.
    pub(crate) fn unregister(&self, days: &[Day]) -> fjall::Result<()> {
        let mut batch = self.durable_batch(days.len());
        days.iter().for_each(|day| batch.remove(&self.own, day_key(*day)));
        self.commit(batch)
    }

    /// Writes `batch` to the journal, which only this does. If that fails it is taken note of: nobody knows
    /// what is in the journal then, and a later sync that succeeds would tell nothing of what an earlier one
    /// threw away.
    pub(crate) fn commit(&self, batch: OwnedWriteBatch) -> fjall::Result<()> {
        self.noting(batch.commit())
    }

    fn noting(&self, written: fjall::Result<()>) -> fjall::Result<()> {
        // `Poisoned` says that its own threads had failed, which it looks at before it writes anything.
        if let Err(error) = &written
            && !matches!(error, fjall::Error::Poisoned)
        {
            self.failed.set(SystemError::of_engine(error)).ok();
        }
        written
    }

    /// As if a write to the journal had failed with the system's error of that number.
    #[cfg(test)]
    pub(crate) fn fail_write(&self, number: i32) {
        self.noting(Err(io::Error::from_raw_os_error(number).into())).unwrap_err();
    }

    /// What the disk said of a write to the journal that failed, if one did.
    pub(crate) fn failed_write(&self) -> Option<io::Error> {
        self.failed.get().map(SystemError::error)
    }

    /// Has the engine [count on](COUNT_KEY), after a table was made or removed.
    pub(super) fn count_on(&self) -> fjall::Result<()> {
        self.noting(count_on(&self.database, &self.own))
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

    /// Writes `bytes` to the engine's own table, so that the journal moves on. Synced before anybody writes
    /// the next, so that one batch at most is ever torn.
    pub(crate) fn fill(&self, bytes: Vec<u8>) -> fjall::Result<()> {
        let mut batch = self.durable_batch(1);
        batch.insert(&self.own, FILLER_KEY, bytes);
        self.commit(batch)
    }

    /// Lets the engine tidy up: what no reader holds any more may go.
    pub(crate) fn turn_over(&self) -> fjall::Result<()> {
        // Two writes, because the engine keeps what the newest one could still see.
        self.fill(Vec::new())?;
        self.fill(Vec::new())?;
        self.own.rotate_memtable().map(drop)
    }
}

fn day_key(day: Day) -> Vec<u8> {
    [DAY_KEY, &day.number().to_be_bytes()].concat()
}

pub(super) fn number(row: &[u8]) -> Option<u64> {
    row.try_into().map(u64::from_be_bytes).ok()
}

/// Has the engine count on, in a row that is synced before the next is written, so that one batch at most is
/// ever torn.
pub(super) fn count_on(database: &Database, own: &Keyspace) -> fjall::Result<()> {
    let mut batch =
        OwnedWriteBatch::with_capacity(database.clone(), 1).durability(Some(PersistMode::SyncData));
    batch.insert(own, COUNT_KEY, []);
    batch.commit()
}
