//! The one thread that writes.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bulla_base::Day;
use bulla_store::StoreError;

use super::committer::Committer;
use super::group_writes::{Values, Writes};
use super::queue::{ExclusiveJob, ReplyTo, Work};
use super::reopen_backoff::{ReopenBackoff, Turn};
use crate::OpenError;
use crate::disk::descriptor_reserve::{DescriptorReserve, has_room};
use crate::disk::tables::{ClosedTables, Tables};
use crate::error::disk;
use crate::limits::{GROUPS_BEFORE_ANOTHER_TRY, OPENING_TRIES};
use crate::metrics::TABLES;
use crate::store::{Absence, Shared};
use crate::system_error::{SystemError, is_shortage};

/// The place of the tables.
type Slot<'a> = RwLockWriteGuard<'a, Option<Tables>>;

/// Writes one group after the other while callers put the next together.
pub(crate) struct Writer {
    committer: Arc<Committer>,
    reserve: DescriptorReserve,
    /// The tables while the engine is closed, to be opened again as soon as nothing is wanting for that.
    shut: Option<ClosedTables>,
    /// A table was half made an end of: what the engine holds in memory may differ from what is on the disk.
    is_broken: bool,
    reopen_backoff: ReopenBackoff,
    /// Groups written since the table of the next day could not be made, if it could not.
    since_not_ahead: Option<u64>,
}

/// Why a group was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Something was wanting before anything was written: files, room. It may work the next time.
    NotBegun(io::Error),
    /// A write or a sync failed. Nobody knows what is on the disk.
    Failed(io::Error),
}

impl Writer {
    /// Starts the thread. It ends when it is told to close or when nobody can ask it for anything any more.
    pub(crate) fn start(committer: Arc<Committer>, reserve: DescriptorReserve) -> io::Result<JoinHandle<()>> {
        let writer = Self {
            committer,
            reserve,
            shut: None,
            is_broken: false,
            reopen_backoff: ReopenBackoff::default(),
            since_not_ahead: None,
        };
        thread::Builder::new().name("bulla-writer".into()).spawn(move || writer.run())
    }

    fn run(mut self) {
        let closer = self.work();
        let closed = self.close();
        if let Some(reply_to) = closer {
            reply_to.send(closed).ok();
        }
    }

    /// Works until it is told to close, and returns whom to tell when that is done.
    fn work(&mut self) -> Option<ReplyTo<()>> {
        loop {
            match self.committer.next_work() {
                Work::Write(mut group) => {
                    let values = std::mem::take(&mut group.values);
                    let written = self.write(&group.writes, values);
                    let begins_days = !group.writes.new_days().is_empty();
                    self.committer.answer(group, written);
                    self.look_ahead(begins_days);
                }
                Work::Exclusive(ExclusiveJob::DropDaysBefore(day, reply_to)) => {
                    reply_to.send(self.drop_days_before(day)).ok();
                }
                Work::OpenAgain => match self.open_again_if_need_be() {
                    Ok(()) => {}
                    Err(WriteError::NotBegun(error)) => self.committer.answer_waiting_unavailable(&error),
                    Err(WriteError::Failed(error)) => drop(self.committer.poison(&error)),
                },
                Work::Exclusive(ExclusiveJob::Close(reply_to)) => return Some(reply_to),
                Work::End => return None,
            }
        }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(self.committer.shared())
    }

    /// Makes a group durable, with one sync if there is anything to write; then its rows can be read.
    fn write(&mut self, writes: &Writes, values: Values) -> Result<(), WriteError> {
        self.committer.check_poison().map_err(WriteError::Failed)?;
        if writes.is_empty() {
            return Ok(());
        }
        self.open_again_if_need_be()?;
        self.begin(writes.new_days())?;
        let shared = self.shared();
        // Whoever wants the tables to himself waits until the rows can be read.
        let tables = shared.read();
        let tables = tables.as_ref().ok_or_else(|| WriteError::Failed(io::ErrorKind::NotConnected.into()))?;
        let rows = writes.rows(values, tables).map_err(WriteError::NotBegun)?;
        let began = now();
        rows.map_or(Ok(()), |rows| tables.commit(rows)).map_err(|error| self.unwritten(tables, error))?;
        shared.tally.sync(began.elapsed());
        self.reopen_backoff.group_written();
        if let Some(groups) = &mut self.since_not_ahead {
            *groups += 1;
        }
        Ok(())
    }

    /// Makes the tables of days that have none. Of the group nothing was written yet.
    fn begin(&mut self, days: &BTreeSet<Day>) -> Result<(), WriteError> {
        if days.is_empty() {
            return Ok(());
        }
        let shared = self.shared();
        let mut tables = shared.write();
        let tables = tables.as_mut().ok_or_else(|| WriteError::Failed(io::ErrorKind::NotConnected.into()))?;
        for day in days {
            let begun = if tables.is_made(*day) {
                tables.begin(*day)
            } else {
                self.reserve.lend(|| tables.begin(*day)).map_err(WriteError::NotBegun)?
            };
            begun.map_err(|error| self.unwritten(tables, error))?;
        }
        metrics::gauge!(TABLES).set(u32::try_from(tables.day_count()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Makes the table of the day after the newest, so that at midnight nothing is wanting. Nobody waits for
    /// it but the next group.
    fn look_ahead(&mut self, begins_days: bool) {
        // What was given away and could not be had again.
        self.reserve.fill().ok();
        let is_due = self.since_not_ahead.is_some_and(|groups| groups >= GROUPS_BEFORE_ANOTHER_TRY);
        if !begins_days && !is_due {
            return;
        }
        let shared = self.shared();
        let Err(error) = self.make_ahead(&shared) else {
            self.since_not_ahead = None;
            return;
        };
        match error {
            WriteError::NotBegun(error) => {
                if self.since_not_ahead.replace(0).is_none() {
                    tracing::warn!(%error, "the next day's table could not be made ahead; it is tried again");
                }
            }
            WriteError::Failed(error) => drop(self.committer.poison(&error)),
        }
    }

    fn make_ahead(&mut self, shared: &Shared) -> Result<(), WriteError> {
        let (day, table) = {
            let tables = shared.read();
            let Some((tables, day)) = tables.as_ref().and_then(|tables| Some((tables, tables.day_ahead()?)))
            else {
                return Ok(());
            };
            let made = self.reserve.lend(|| tables.make(day)).map_err(WriteError::NotBegun)?;
            (day, made.map_err(|error| self.unwritten(tables, error))?)
        };
        let mut tables = shared.write();
        let Some(tables) = tables.as_mut() else { return Ok(()) };
        let set = self.reserve.give(|| tables.set_ahead(day, table));
        set.map_err(|error| self.ended_in_half(tables, error))
    }

    fn drop_days_before(&mut self, day: Day) -> Result<(), StoreError> {
        self.committer.check_poison().map_err(|_| self.committer.poisoned())?;
        self.open_again_if_need_be()
            .and_then(|()| self.reserve.fill().map_err(WriteError::NotBegun))
            .and_then(|()| self.drop_tables_before(day))
            .map_err(|error| match error {
                WriteError::NotBegun(source) => StoreError::Unavailable { source },
                WriteError::Failed(error) => self.committer.poison(&error),
            })
    }

    fn drop_tables_before(&mut self, day: Day) -> Result<(), WriteError> {
        let shared = self.shared();
        let mut tables = shared.write();
        let Some(tables) = tables.as_mut() else { return Ok(()) };
        let days = tables.days_before(day);
        if days.is_empty() {
            return Ok(());
        }
        tables.unregister(&days).map_err(|error| self.unwritten(tables, error))?;
        let ended = self.reserve.lend(|| {
            days.iter().try_for_each(|day| tables.end(*day))?;
            // The journals still hold what was put on those days. A journal goes when all else in it has been
            // flushed.
            tables.all().iter().try_for_each(|table| table.rotate_memtable().map(drop))
        });
        metrics::gauge!(TABLES).set(u32::try_from(tables.day_count()).unwrap_or(u32::MAX));
        // Whoever asks again completes it, on what is on the disk.
        self.is_broken |= ended.is_err();
        ended.map_err(WriteError::NotBegun)?.map_err(|error| self.ended_in_half(tables, error))
    }

    /// What it means that the engine did not do something. Only where a write to the journal has failed does
    /// nobody know what is on the disk.
    fn unwritten(&mut self, tables: &Tables, error: fjall::Error) -> WriteError {
        if let Some(failure) = tables.failed_write() {
            return WriteError::Failed(failure);
        }
        WriteError::NotBegun(match error {
            fjall::Error::Poisoned => self.wanting(&tables.path()),
            error => disk(error),
        })
    }

    /// As [`unwritten`](Self::unwritten), of tables that were removed, perhaps in half: on the disk, and not
    /// in the engine's memory.
    fn ended_in_half(&mut self, tables: &Tables, error: fjall::Error) -> WriteError {
        self.is_broken = true;
        self.unwritten(tables, error)
    }

    /// Opens the engine again, in its place, if its own threads have failed: to flush a table to a file, or
    /// to merge files. That is no failed write. All that was acknowledged stands in the journals, synced, and
    /// is read from there. Who reads or commits waits meanwhile.
    ///
    /// Not if what it wants for is still wanting, and not if that did not help a moment ago. If something is
    /// wanting when it has been closed, there are no tables until somebody wants to write and nothing is
    /// wanting any more.
    fn open_again_if_need_be(&mut self) -> Result<(), WriteError> {
        let shared = self.shared();
        let (mut slot, tries) = if self.shut.is_some() {
            (shared.write(), 1)
        } else if let Some(slot) = self.shut_if_need_be(&shared)? {
            (slot, OPENING_TRIES)
        } else {
            return Ok(());
        };
        let Some(shut) = &mut self.shut else { return Ok(()) };
        // Whatever can be had of the reserve: it is the engine's for now.
        let opened = self.reserve.give(|| shut.open(tries));
        *slot = Some(opened.map_err(|error| self.stay_shut(&shared, error))?);
        shared.be_absent(Absence::Closed);
        drop(slot);
        self.shut = None;
        self.is_broken = false;
        self.reopen_backoff.opened(now());
        tracing::warn!("the engine's own threads had failed; it was opened again, and nothing is lost");
        shared.tally.reopened();
        Ok(())
    }

    /// Takes note that the engine could not be opened again, now or for good.
    fn stay_shut(&mut self, shared: &Shared, error: OpenError) -> WriteError {
        let may_pass = matches!(&error, OpenError::Unreadable { source, .. } if is_shortage(source));
        let error = reason(error);
        let failure = SystemError::of(&error);
        if may_pass {
            shared.be_absent(Absence::Shortage(failure));
            return WriteError::NotBegun(error);
        }
        self.shut = None;
        shared.be_absent(Absence::Lost(failure));
        WriteError::Failed(error)
    }

    /// Closes the engine if its own threads have failed. Returns the place of the tables, where nobody is
    /// now.
    fn shut_if_need_be<'a>(&mut self, shared: &'a Shared) -> Result<Option<Slot<'a>>, WriteError> {
        let Some(path) =
            shared.read().as_ref().filter(|tables| self.is_broken || tables.has_failed()).map(Tables::path)
        else {
            return Ok(None);
        };
        self.reserve.has_more().and_then(|()| has_room(&path)).map_err(WriteError::NotBegun)?;
        match self.reopen_backoff.turn(now()) {
            Turn::In(pause) => thread::sleep(pause),
            Turn::Later => {
                let soon = "the engine's own threads have failed again; it is opened again a little later";
                return Err(WriteError::NotBegun(io::Error::other(soon)));
            }
            Turn::Never => {
                let why = "the engine fails as soon as it is opened again";
                return Err(WriteError::Failed(io::Error::other(why)));
            }
        }
        // Also a compaction writes to the journal; it takes note of a failure before it ends.
        let _compacted = shared.compacting();
        let mut slot = shared.write();
        let Some(tables) = slot.as_ref() else { return Ok(None) };
        if let Some(failure) = tables.failed_write() {
            return Err(WriteError::Failed(failure));
        }
        let version = tables.last_version().map_err(|error| WriteError::NotBegun(reason(error)))?;
        self.shut = slot.take().map(|tables| tables.shut(version));
        Ok(Some(slot))
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
        let mut slot = shared.write();
        let tables = slot.take();
        shared.be_absent(Absence::Closed);
        drop(slot);
        if let Some(shut) = self.shut.take() {
            // All that was acknowledged stands in the journals, synced.
            shut.close();
        }
        self.committer.check_poison().map_err(|_| self.committer.poisoned())?;
        let Some(tables) = tables else { return Ok(()) };
        let path = tables.path();
        tables.close().map_err(|error| self.committer.poison(&disk(error)))?;
        tracing::info!(store = %path.display(), "the store is closed");
        Ok(())
    }
}

/// What the disk said, if it was the disk.
fn reason(error: OpenError) -> io::Error {
    match error {
        OpenError::Unreadable { source, .. } | OpenError::Unwritten { source, .. } => source,
        error => io::Error::other(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures what the disk takes, and how long ago the engine was opened again"
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use bulla_base::Partition;
    use bulla_store::{Batch, Key, Space, Store};
    use tempfile::TempDir;

    use crate::{FjallOptions, FjallStore};

    /// A sync failed when a table was made ahead, and the engine was opened again as if one of its own
    /// threads had failed. The next sync succeeds then, whatever the first one threw away.
    #[test]
    fn failed_write_is_not_taken_for_a_failure_of_the_engines_own_threads() {
        let put = |name: u32, bytes: usize| {
            let mut batch = Batch::new(Partition::from_bytes([7; 16]));
            batch.put(Key::undated(Space::new(200), name.to_be_bytes().to_vec()), vec![1; bytes]);
            batch
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (has_failed, reopened) in [(false, 1), (true, 0)] {
            let folder = TempDir::new().unwrap();
            let options = FjallOptions::default().write_buffer_bytes(1 << 20);
            let store = FjallStore::open(folder.path(), options).unwrap();
            // The folder into which the table of undated records is flushed, so that the flush fails.
            let (tables, aside) = (folder.path().join("keyspaces/3/tables"), folder.path().join("aside"));
            fs::rename(&tables, &aside).unwrap();
            for number in 0..3 {
                let _kept = runtime.block_on(store.commit(put(number, 500_000))).unwrap();
            }
            while !store.shared().read().as_ref().unwrap().has_failed() {
                std::thread::sleep(Duration::from_millis(10));
            }
            fs::rename(&aside, &tables).unwrap();
            if has_failed {
                store.shared().read().as_ref().unwrap().fail_write(5);
            }
            let after = runtime.block_on(store.commit(put(3, 1)));
            assert_eq!(after.is_err_and(|error| error.is_final()), has_failed);
            assert_eq!(store.stats().reopened, reopened);
        }
    }
}
