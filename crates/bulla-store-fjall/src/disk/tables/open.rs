//! Opening and closing the tables of a store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use bulla_base::Day;
use bulla_store::{Key, Version};
use fjall::PersistMode;

use super::engine_options::{database, layout};
use super::meta_table::{DAY_KEY, FORMAT_KEY, UNCOUNTED, count_on, number};
use super::{COUNTERS, OWN, Tables, UNDATED};
use crate::disk::bloom_filter::BloomFilter;
use crate::disk::startup_check;
use crate::limits::OPENING_PAUSE;
use crate::{FjallOptions, OpenError};

/// The format of everything below; stands in the engine's own table.
const FORMAT: u64 = 3;

impl Tables {
    pub(crate) fn open(path: &Path, options: FjallOptions) -> Result<Self, OpenError> {
        let closed = startup_check::look(path)?;
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
            startup_check::write_down(path, closed.version);
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
            (0..UNCOUNTED).try_for_each(|_| count_on(&database, &own)).map_err(OpenError::unwritten(path))?;
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
            failed: OnceLock::new(),
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

    /// Closes the engine, to open it again. The last commit is `version`.
    pub(crate) fn shut(self, version: Version) -> ClosedTables {
        let Self { path, options, filters, .. } = self;
        ClosedTables { path, options, version, filters }
    }

    /// Whether the engine's own threads have failed, after which it writes nothing any more.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.database.persist(PersistMode::Buffer), Err(fjall::Error::Poisoned))
    }

    /// Writes out what is left, gives the directory free, and writes down what is in it.
    pub(crate) fn close(self) -> fjall::Result<()> {
        match self.database.persist(PersistMode::SyncAll) {
            // Its own threads had failed. Every commit was synced; what there is on the disk is not to be
            // relied on before it is opened.
            Err(fjall::Error::Poisoned) => return Ok(()),
            persisted => persisted?,
        }
        let (path, version) = (self.path(), self.last_version());
        drop(self);
        match version {
            Ok(version) => startup_check::write_down(&path, version),
            Err(error) => tracing::warn!(%error, "what the store has is not written down"),
        }
        Ok(())
    }
}

/// The tables of a store whose engine is closed, and is to be opened again in its place.
pub(crate) struct ClosedTables {
    path: PathBuf,
    options: FjallOptions,
    /// Of the last commit.
    version: Version,
    filters: BTreeMap<Day, BloomFilter>,
}

impl ClosedTables {
    /// Opens the engine again. It is tried so many times: others take what was given back, or the last reader
    /// is still to let go.
    ///
    /// # Errors
    /// Also when the last commit there is then is not the one there was. If something was
    /// [wanting](crate::system_error::is_shortage), it can be tried again.
    pub(crate) fn open(&mut self, tries: u32) -> Result<Tables, OpenError> {
        let mut tried = 1;
        let tables = loop {
            match self.try_to_open() {
                Err(OpenError::Unreadable { .. } | OpenError::Locked { .. }) if tried < tries => {
                    thread::sleep(OPENING_PAUSE);
                    tried += 1;
                }
                opened => break opened?,
            }
        };
        // Whatever was put passed through here.
        Ok(Tables { filters: std::mem::take(&mut self.filters), ..tables })
    }

    fn try_to_open(&self) -> Result<Tables, OpenError> {
        let tables = Tables::open(&self.path, self.options)?;
        if tables.last_version()? == self.version {
            Ok(tables)
        } else {
            Err(OpenError::damaged("table", &self.path))
        }
    }

    /// Leaves it closed, with [written down](startup_check::write_down) what there is.
    pub(crate) fn close(self) {
        startup_check::write_down(&self.path, self.version);
    }
}
