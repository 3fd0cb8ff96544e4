//! Making deleted bytes leave the disk.
//!
//! They stand in four places, emptied in this order:
//!
//! ```text
//! journal in use  →  sealed journal    by writing until it is full, since the engine has no other way
//! memory          →  files             by flushing every table
//! sealed journal  →  gone              once every table it wrote to is flushed
//! files           →  gone              by merging all files of a table into one without what was deleted
//! ```

use std::io;
use std::sync::Arc;
use std::thread;

use bulla_store::StoreError;
use fjall::{Keyspace, PersistMode};

use crate::CompactError;
use crate::disk::journal::journals_in;
use crate::disk::tables::Tables;
use crate::limits::{COMPACTION_POLL, MAX_COMPACTION_POLLS};
use crate::store::Shared;

/// A journal is sealed at the first flush after it has taken this much.
const JOURNAL_BYTES: usize = 64_000_000;
const FILLER_BYTES: usize = 1 << 20;
/// Flushed this often meanwhile, so that the filler does not pile up in memory.
const FILLERS_PER_FLUSH: usize = 8;
/// A full journal and one round more.
const MAX_ROUNDS: usize = JOURNAL_BYTES.div_ceil(FILLER_BYTES * FILLERS_PER_FLUSH) + 1;

#[derive(Debug)]
pub(crate) struct Compaction {
    shared: Arc<Shared>,
}

impl Compaction {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn run(&self) -> Result<(), CompactError> {
        let _alone = self.shared.compacting();
        let journal = self.newest_journal()?;
        self.seal(journal)?;
        self.flush(&self.tables()?)?;
        self.let_go(journal)?;
        self.turn_over_unread()?;
        for table in self.tables()? {
            table.major_compact()?;
        }
        self.turn_over_unread()
    }

    /// Fills the journal in use until another one is.
    fn seal(&self, journal: u64) -> Result<(), CompactError> {
        for _ in 0..MAX_ROUNDS {
            for _ in 0..FILLERS_PER_FLUSH {
                self.with(|tables| tables.fill(vec![0; FILLER_BYTES]))?;
            }
            self.with(Tables::turn_over)?;
            self.flush(&self.tables()?)?;
            if self.newest_journal()? > journal {
                return Ok(());
            }
        }
        Err(failed("the journal did not move on"))
    }

    /// Waits until `journal` and all older ones are gone. The engine looks for journals to remove when it
    /// flushes.
    fn let_go(&self, journal: u64) -> Result<(), CompactError> {
        for _ in 0..MAX_COMPACTION_POLLS {
            if self.oldest_journal()? > journal {
                return Ok(());
            }
            self.with(Tables::turn_over)?;
            self.pause()?;
        }
        Err(failed("the engine did not let go of an old journal"))
    }

    fn flush(&self, tables: &[Keyspace]) -> Result<(), CompactError> {
        for table in tables {
            table.rotate_memtable()?;
        }
        for table in tables {
            while table.sealed_memtable_count() > 0 {
                self.pause()?;
            }
        }
        Ok(())
    }

    /// Lets the engine forget what no reader sees, at a moment when there is none.
    fn turn_over_unread(&self) -> Result<(), CompactError> {
        let tables = self.shared.write();
        Ok(tables.as_ref().ok_or_else(|| self.absent())?.turn_over()?)
    }

    fn with<T>(&self, action: impl FnOnce(&Tables) -> fjall::Result<T>) -> Result<T, CompactError> {
        let tables = self.shared.read();
        Ok(action(tables.as_ref().ok_or_else(|| self.absent())?)?)
    }

    fn absent(&self) -> CompactError {
        match self.shared.absent() {
            StoreError::Closed => CompactError::Closed,
            error => CompactError::Failed { source: io::Error::other(error) },
        }
    }

    fn tables(&self) -> Result<Vec<Keyspace>, CompactError> {
        self.with(|tables| Ok(tables.all()))
    }

    /// Waits a little, unless the engine has stopped and there is nothing to wait for.
    fn pause(&self) -> Result<(), CompactError> {
        self.with(|tables| tables.database().persist(PersistMode::Buffer))?;
        thread::sleep(COMPACTION_POLL);
        Ok(())
    }

    fn newest_journal(&self) -> Result<u64, CompactError> {
        self.journals()?.into_iter().max().ok_or_else(|| failed("there is no journal"))
    }

    fn oldest_journal(&self) -> Result<u64, CompactError> {
        self.journals()?.into_iter().min().ok_or_else(|| failed("there is no journal"))
    }

    /// The numbers of the journals, which are their names.
    fn journals(&self) -> Result<Vec<u64>, CompactError> {
        let unread = |source| CompactError::Failed { source };
        let folder = self.with(|tables| Ok(tables.path()))?;
        let journals = journals_in(&folder).map_err(unread)?;
        Ok(journals.into_iter().map(|(number, _)| number).collect())
    }
}

fn failed(why: &str) -> CompactError {
    CompactError::Failed { source: io::Error::other(why) }
}
