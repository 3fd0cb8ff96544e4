//! The one thread that writes.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bulla_base::Day;
use bulla_store::StoreError;
use fjall::OwnedWriteBatch;

use crate::committer::{Answer, Committer, Order, Work};
use crate::error::disk;
use crate::group::{Values, Writes};

/// Writes one group after the other while callers put the next together.
pub(crate) struct Writer(Arc<Committer>);

impl Writer {
    /// Starts the thread. It ends when it is told to close or when nobody can ask it for anything any more.
    pub(crate) fn start(committer: Arc<Committer>) -> io::Result<JoinHandle<()>> {
        let writer = Self(committer);
        thread::Builder::new().name("bulla-writer".into()).spawn(move || writer.run())
    }

    fn run(self) {
        let closer = self.work();
        let closed = self.close();
        if let Some(answer) = closer {
            answer.send(closed).ok();
        }
    }

    /// Works until it is told to close, and returns whom to tell when that is done.
    fn work(&self) -> Option<Answer<()>> {
        loop {
            match self.0.work() {
                Work::Write(mut group) => {
                    let values = std::mem::take(&mut group.values);
                    let written = self.write(&group.writes, values);
                    self.0.answer(group, written);
                }
                Work::Carry(Order::DropDaysBefore(day, answer)) => {
                    answer.send(self.drop_days_before(day)).ok();
                }
                Work::Carry(Order::Close(answer)) => return Some(answer),
                Work::End => return None,
            }
        }
    }

    /// Makes a group durable, with one sync if there is anything to write; then its rows can be read.
    fn write(&self, writes: &Writes, values: Values) -> io::Result<()> {
        self.0.failed()?;
        let Some(rows) = self.prepare(writes, values)? else { return Ok(()) };
        // Whoever wants the tables to himself waits until the rows can be read.
        let _tables = self.0.shared().read();
        rows.commit().map_err(disk)?;
        self.0.shared().tally.sync();
        Ok(())
    }

    /// The rows of a group in the engine's form, if there are any.
    fn prepare(&self, writes: &Writes, values: Values) -> io::Result<Option<OwnedWriteBatch>> {
        if !writes.new_days().is_empty() {
            let mut tables = self.0.shared().write();
            let tables = tables.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            writes.new_days().iter().try_for_each(|day| tables.begin(*day)).map_err(disk)?;
        }
        let tables = self.0.shared().read();
        writes.rows(values, tables.as_ref().ok_or(io::ErrorKind::NotConnected)?)
    }

    fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.0.failed().map_err(|_| self.0.poisoned())?;
        self.drop_tables_before(day).map_err(|error| self.0.fail(&disk(error)))
    }

    fn drop_tables_before(&self, day: Day) -> fjall::Result<()> {
        let mut tables = self.0.shared().write();
        let Some(tables) = tables.as_mut() else { return Ok(()) };
        let days = tables.days_before(day);
        if days.is_empty() {
            return Ok(());
        }
        tables.unregister(&days)?;
        for day in days {
            tables.end(day)?;
        }
        // The journals still hold what was put on those days. A journal goes when all else in it has been flushed.
        for table in tables.all() {
            table.rotate_memtable()?;
        }
        Ok(())
    }

    /// Writes out what is left and gives the directory free, after the compaction that may be running.
    fn close(&self) -> Result<(), StoreError> {
        let shared = self.0.shared();
        let _compacted = shared.compacting();
        let tables = shared.write().take();
        self.0.failed().map_err(|_| self.0.poisoned())?;
        let Some(tables) = tables else { return Ok(()) };
        tables.close().map_err(|error| self.0.fail(&disk(error)))
    }
}

/// However the thread ends, nobody waits for it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.0.end();
    }
}
