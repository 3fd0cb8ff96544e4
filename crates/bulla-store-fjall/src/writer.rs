//! The one thread that writes.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bulla_base::Day;
use bulla_store::StoreError;
use fjall::OwnedWriteBatch;

use crate::OpenError;
use crate::committer::{Answer, Committer, Order, Work};
use crate::error::disk;
use crate::failure::{Failure, Unwritten};
use crate::group::{Values, Writes};
use crate::limits::{GROUPS_THAT_SHOW_IT_HELPED, MAX_OPENINGS_IN_A_ROW};
use crate::metrics::TABLES;
use crate::reserve::{Reserve, has_room};
use crate::store::Shared;
use crate::tables::Tables;

/// After so many groups it is tried again to make a table ahead.
const GROUPS_BEFORE_ANOTHER_TRY: u64 = 64;

/// Writes one group after the other while callers put the next together.
pub(crate) struct Writer {
    committer: Arc<Committer>,
    reserve: Reserve,
    /// A table was half made an end of: what the engine holds in memory may differ from what is on the disk.
    is_broken: bool,
    /// How often the engine was opened again in a row.
    openings: u32,
    /// Groups written since.
    since_opened: u64,
    /// Groups written since the table of the next day could not be made, if it could not.
    since_not_ahead: Option<u64>,
}

impl Writer {
    /// Starts the thread. It ends when it is told to close or when nobody can ask it for anything any more.
    pub(crate) fn start(committer: Arc<Committer>, reserve: Reserve) -> io::Result<JoinHandle<()>> {
        let writer = Self {
            committer,
            reserve,
            is_broken: false,
            openings: 0,
            since_opened: 0,
            since_not_ahead: None,
        };
        thread::Builder::new().name("bulla-writer".into()).spawn(move || writer.run())
    }

    fn run(mut self) {
        let closer = self.work();
        let closed = self.close();
        if let Some(answer) = closer {
            answer.send(closed).ok();
        }
    }

    /// Works until it is told to close, and returns whom to tell when that is done.
    fn work(&mut self) -> Option<Answer<()>> {
        loop {
            match self.committer.work() {
                Work::Write(mut group) => {
                    let values = std::mem::take(&mut group.values);
                    let written = self.write(&group.writes, values);
                    let begins_days = !group.writes.new_days().is_empty();
                    self.committer.answer(group, written);
                    self.look_ahead(begins_days);
                }
                Work::Carry(Order::DropDaysBefore(day, answer)) => {
                    answer.send(self.drop_days_before(day)).ok();
                }
                Work::Carry(Order::Close(answer)) => return Some(answer),
                Work::End => return None,
            }
        }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(self.committer.shared())
    }

    /// Makes a group durable, with one sync if there is anything to write; then its rows can be read.
    fn write(&mut self, writes: &Writes, values: Values) -> Result<(), Unwritten> {
        self.committer.failed().map_err(Unwritten::Failed)?;
        if writes.is_empty() {
            return Ok(());
        }
        self.open_again_if_need_be()?;
        self.begin(writes.new_days())?;
        let shared = self.shared();
        // Whoever wants the tables to himself waits until the rows can be read.
        let tables = shared.read();
        let tables = tables.as_ref().ok_or_else(|| Unwritten::Failed(io::ErrorKind::NotConnected.into()))?;
        let rows = writes.rows(values, tables).map_err(Unwritten::NotBegun)?;
        let began = now();
        rows.map_or(Ok(()), OwnedWriteBatch::commit).map_err(|error| match error {
            // Of its own threads' failure, a moment ago; it looks at that before it writes anything.
            fjall::Error::Poisoned => Unwritten::NotBegun(self.wanting(&tables.path())),
            error => Unwritten::Failed(disk(error)),
        })?;
        shared.tally.sync(began.elapsed());
        self.since_opened = self.since_opened.saturating_add(1);
        if let Some(groups) = &mut self.since_not_ahead {
            *groups += 1;
        }
        Ok(())
    }

    /// Makes the tables of days that have none. Nothing was written yet, so it can be tried again.
    fn begin(&mut self, days: &BTreeSet<Day>) -> Result<(), Unwritten> {
        if days.is_empty() {
            return Ok(());
        }
        let shared = self.shared();
        let mut tables = shared.write();
        let tables = tables.as_mut().ok_or_else(|| Unwritten::Failed(io::ErrorKind::NotConnected.into()))?;
        for day in days {
            let begun = if tables.is_made(*day) {
                tables.begin(*day).map_err(disk)
            } else {
                self.reserve.lend(|| tables.begin(*day).map_err(disk))
            };
            begun.map_err(Unwritten::NotBegun)?;
        }
        metrics::gauge!(TABLES).set(u32::try_from(tables.day_count()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Makes the table of the day after the newest, so that at midnight nothing is wanting. Nobody waits for it but the next group.
    fn look_ahead(&mut self, begins_days: bool) {
        // What was given away and could not be had again.
        self.reserve.fill().ok();
        let is_due = self.since_not_ahead.is_some_and(|groups| groups >= GROUPS_BEFORE_ANOTHER_TRY);
        if !begins_days && !is_due {
            return;
        }
        let shared = self.shared();
        let made = {
            let tables = shared.read();
            let Some((tables, day)) = tables.as_ref().and_then(|tables| Some((tables, tables.day_ahead()?)))
            else {
                return;
            };
            self.reserve.lend(|| tables.make(day).map_err(disk)).map(|table| (day, table))
        };
        match made {
            Ok((day, table)) => {
                self.since_not_ahead = None;
                if let Some(tables) = shared.write().as_mut() {
                    tables.set_ahead(day, table);
                }
            }
            Err(error) => {
                if self.since_not_ahead.replace(0).is_none() {
                    tracing::warn!(%error, "the next day's table could not be made ahead; it is tried again");
                }
            }
        }
    }

    fn drop_days_before(&mut self, day: Day) -> Result<(), StoreError> {
        self.committer.failed().map_err(|_| self.committer.poisoned())?;
        self.open_again_if_need_be()
            .and_then(|()| self.reserve.fill().map_err(Unwritten::NotBegun))
            .and_then(|()| self.drop_tables_before(day))
            .map_err(|error| match error {
                Unwritten::NotBegun(source) => StoreError::Unavailable { source },
                Unwritten::Failed(error) => self.committer.fail(&error),
            })
    }

    fn drop_tables_before(&mut self, day: Day) -> Result<(), Unwritten> {
        let shared = self.shared();
        let mut tables = shared.write();
        let Some(tables) = tables.as_mut() else { return Ok(()) };
        let days = tables.days_before(day);
        if days.is_empty() {
            return Ok(());
        }
        tables.unregister(&days).map_err(|error| match error {
            fjall::Error::Poisoned => Unwritten::NotBegun(self.wanting(&tables.path())),
            error => Unwritten::Failed(disk(error)),
        })?;
        let ended = self.reserve.lend(|| {
            days.iter().try_for_each(|day| tables.end(*day)).map_err(disk)?;
            // The journals still hold what was put on those days. A journal goes when all else in it has been flushed.
            tables.all().iter().try_for_each(|table| table.rotate_memtable().map(drop)).map_err(disk)
        });
        metrics::gauge!(TABLES).set(u32::try_from(tables.day_count()).unwrap_or(u32::MAX));
        // Perhaps half: whoever asks again completes it, on what is on the disk.
        self.is_broken |= ended.is_err();
        ended.map_err(Unwritten::NotBegun)
    }

    /// Opens the engine again, in its place, if its own threads have failed: to flush a table to a file, or to merge files. That is no failed
    /// write. All that was acknowledged stands in the journals, synced, and is read from there. Who reads or commits waits meanwhile.
    ///
    /// Not if what it wants for is still wanting, and not if that did not help a moment ago.
    fn open_again_if_need_be(&mut self) -> Result<(), Unwritten> {
        let shared = self.shared();
        let Some(path) =
            shared.read().as_ref().filter(|tables| self.is_broken || tables.has_failed()).map(Tables::path)
        else {
            return Ok(());
        };
        self.reserve.has_more().and_then(|()| has_room(&path)).map_err(Unwritten::NotBegun)?;
        if self.since_opened >= GROUPS_THAT_SHOW_IT_HELPED {
            self.openings = 0;
        }
        if self.openings >= MAX_OPENINGS_IN_A_ROW {
            return Err(Unwritten::Failed(io::Error::other(
                "the engine fails as soon as it is opened again",
            )));
        }
        let _compacted = shared.compacting();
        let mut slot = shared.write();
        let Some(tables) = slot.take() else { return Ok(()) };
        let opened = self.reserve.lend(|| tables.open_again().map_err(reason));
        match opened {
            Ok(tables) => *slot = Some(tables),
            Err(error) => {
                shared.lose(Failure::of(&error));
                return Err(Unwritten::Failed(error));
            }
        }
        drop(slot);
        (self.is_broken, self.openings, self.since_opened) = (false, self.openings + 1, 0);
        tracing::warn!(store = %path.display(), "the engine's own threads had failed; it was opened again, and nothing is lost");
        shared.tally.reopened();
        Ok(())
    }

    /// Why the engine's own threads have failed, as far as that can still be seen: they tell nobody.
    fn wanting(&mut self, path: &Path) -> io::Error {
        let seen = self.reserve.has_more().and_then(|()| has_room(path));
        seen.err()
            .unwrap_or_else(|| io::Error::other("the engine's own threads have failed; it is opened again"))
    }

    /// Writes out what is left and gives the directory free, after the compaction that may be running.
    fn close(&mut self) -> Result<(), StoreError> {
        let shared = self.shared();
        let _compacted = shared.compacting();
        let tables = shared.write().take();
        self.committer.failed().map_err(|_| self.committer.poisoned())?;
        let Some(tables) = tables else { return Ok(()) };
        let path = tables.path();
        tables.close().map_err(|error| self.committer.fail(&disk(error)))?;
        tracing::info!(store = %path.display(), "the store is closed");
        Ok(())
    }
}

/// What the disk said, if it was the disk.
fn reason(error: OpenError) -> io::Error {
    match error {
        OpenError::Unreadable { source, .. } => source,
        error => io::Error::other(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures what the disk takes, and nothing is decided by it"
)]
fn now() -> Instant {
    Instant::now()
}

/// However the thread ends, nobody waits for it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.committer.end();
    }
}
