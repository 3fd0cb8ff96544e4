//! The one thread that decides what is written.
//!
//! ```text
//! committer   check n+1, n+2, …   │ hand over │ answer n │ check …
//! writer      journal, sync n ────┤           ├─ journal, sync n+1 ────
//! ```
//!
//! While a group is being written the next is checked, against the rows of the one that is under way as if they stood in the tables already.
//! It is written after that one and answered after that one, or not at all if that one failed.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bulla_base::Day;
use bulla_store::{Batch, Commit, StoreError, Version};
use fjall::{OwnedWriteBatch, PersistMode};

use crate::error::disk;
use crate::group::{Before, Writes};
use crate::queue::{Answer, Job, Taking};
use crate::recent::Recent;
use crate::store::Shared;
use crate::writer::{self, Writer};
use crate::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES};

/// During a write the committer is not woken for less than this: it would run to and fro between the callers.
const WORTH_WAKING: usize = 16;

/// A group of no more than this, which nobody waits behind, is written by the committer itself: handing it over would take longer than what
/// could be done meanwhile.
const FEW: usize = 4;

#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    writer: Writer,
    queue: Taking,
    recent: Recent,
    /// What is being put together.
    open: Group,
    /// What is being written.
    under_way: Option<Group>,
    /// What came of that, if it is known.
    written: Option<io::Result<()>>,
    /// What the disk said when it failed. From then on nothing is written.
    failure: Option<(io::ErrorKind, String)>,
}

/// Batches that are written together, and what will become of each when they have been.
#[derive(Debug)]
struct Group {
    writes: Writes,
    batches: Vec<(Batch, Answer<Commit>, Result<Commit, StoreError>)>,
    bytes: usize,
}

impl Group {
    const fn of(writes: Writes) -> Self {
        Self { writes, batches: Vec::new(), bytes: 0 }
    }

    fn room(&self) -> usize {
        if self.bytes >= MAX_GROUP_BYTES { 0 } else { MAX_GROUP_BATCHES.saturating_sub(self.batches.len()) }
    }
}

impl Committer {
    /// Starts the thread. It ends when it is told to close or when nobody can ask it for anything any more.
    pub(crate) fn start(shared: Arc<Shared>, version: Version, queue: Taking) -> io::Result<JoinHandle<()>> {
        let writer = Writer::start(Arc::clone(&shared), queue.teller())?;
        let (recent, open) = (Recent::default(), Group::of(Writes::after(version)));
        let committer =
            Self { shared, writer, queue, recent, open, under_way: None, written: None, failure: None };
        thread::Builder::new().name("bulla-committer".into()).spawn(move || committer.run())
    }

    fn run(mut self) {
        let closer = self.work();
        self.finish();
        self.queue.close().into_iter().for_each(refuse);
        let closed = self.close();
        if let Some(answer) = closer {
            answer.send(closed).ok();
        }
    }

    /// Works until it is told to close, and returns whom to tell when that is done.
    fn work(&mut self) -> Option<Answer<()>> {
        loop {
            let enough = match (&self.under_way, self.open.room()) {
                (None, _) => 1,
                (Some(_), 0) => usize::MAX,
                (Some(_), _) => WORTH_WAKING,
            };
            let mut news = self.queue.take(enough, self.open.room());
            if news.is_end {
                return None;
            }
            self.written = news.written;
            if let Some(closer) = self.carry_out(&mut news.jobs) {
                self.finish();
                news.jobs.into_iter().for_each(refuse);
                return Some(closer);
            }
            if self.under_way.is_none() || self.written.is_some() {
                self.turn();
            }
        }
    }

    /// Carries out jobs in their order; returns whoever wants the store closed, and leaves what is behind them.
    fn carry_out(&mut self, jobs: &mut VecDeque<Job>) -> Option<Answer<()>> {
        while let Some(job) = jobs.pop_front() {
            match job {
                Job::Commit(batch, answer) => {
                    if self.open.room() == 0 {
                        self.turn();
                    }
                    self.check(batch, answer);
                }
                Job::DropDaysBefore(day, answer) => {
                    self.finish();
                    answer.send(self.drop_days_before(day)).ok();
                }
                Job::Close(answer) => return Some(answer),
            }
        }
        None
    }

    /// Adds a batch to the group that is being put together.
    fn check(&mut self, batch: Batch, answer: Answer<Commit>) {
        if self.failure.is_some() {
            answer.send(Err(self.poisoned())).ok();
            return;
        }
        let under_way = self.under_way.as_ref().map(|group| &group.writes);
        let outcome = match self.shared.read().as_ref() {
            Some(tables) => {
                let before = Before { tables, recent: &self.recent, under_way };
                self.open.writes.add(before, &batch)
            }
            None => Err(StoreError::Closed),
        };
        self.open.bytes += batch.bytes();
        self.open.batches.push((batch, answer, outcome));
    }

    /// Writes and answers everything that was taken.
    fn finish(&mut self) {
        while self.under_way.is_some() || !self.open.batches.is_empty() {
            self.turn();
        }
    }

    /// Begins to write what has been put together, when what is under way has been written; answers that.
    fn turn(&mut self) {
        let Some(done) = self.under_way.take() else { return self.hand_over(true) };
        let written = self.written.take().unwrap_or_else(|| self.queue.written());
        if let Err(error) = &written {
            self.fail(error);
        }
        // First of all, so that the disk does not wait for those who are told.
        self.hand_over(false);
        self.answer(done, written.is_ok());
    }

    /// Begins to write what has been put together; nothing else is being written. With nobody waiting for anything else, a small group is
    /// written at once.
    fn hand_over(&mut self, is_alone: bool) {
        if self.open.batches.is_empty() {
            return;
        }
        let next = Group::of(self.open.writes.next());
        let mut group = std::mem::replace(&mut self.open, next);
        let handed = self.prepare(&mut group.writes).and_then(|prepared| match prepared {
            None => Ok(true),
            Some(rows) if is_alone && group.batches.len() <= FEW => {
                writer::write(&self.shared, rows).map(|()| true)
            }
            Some(rows) => self.writer.begin(rows).map(|()| false),
        });
        match handed {
            Ok(false) => self.under_way = Some(group),
            Ok(true) => self.answer(group, true),
            Err(error) => {
                self.fail(&error);
                self.answer(group, false);
            }
        }
    }

    /// The rows of a group in the engine's form, if there are any.
    fn prepare(&self, writes: &mut Writes) -> io::Result<Option<OwnedWriteBatch>> {
        if let Some((kind, said)) = &self.failure {
            return Err(io::Error::new(*kind, said.clone()));
        }
        let new_days = writes.take_new_days();
        if !new_days.is_empty() {
            let mut tables = self.shared.write();
            let tables = tables.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            new_days.into_iter().try_for_each(|day| tables.begin(day)).map_err(disk)?;
        }
        let tables = self.shared.read();
        Ok(writes.rows(tables.as_ref().ok_or(io::ErrorKind::NotConnected)?))
    }

    /// Tells everybody of a group what became of it. Nobody hears anything, not even of a conflict, before what it was based on is durable.
    fn answer(&mut self, group: Group, is_durable: bool) {
        if is_durable {
            group.writes.undated().for_each(|(key, version)| self.recent.note(key, version));
            let outcomes = group.batches.iter().map(|(_, _, outcome)| outcome);
            self.shared.tally.group(outcomes.filter(|outcome| has_committed(outcome)).count() as u64);
        }
        for (batch, answer, outcome) in group.batches {
            let outcome = if is_durable { outcome } else { Err(self.poisoned()) };
            if has_committed(&outcome) {
                self.shared.watchers.notify(&batch);
            }
            answer.send(outcome).ok();
        }
    }

    fn drop_days_before(&mut self, day: Day) -> Result<(), StoreError> {
        if self.failure.is_some() {
            return Err(self.poisoned());
        }
        self.drop_tables_before(day).map_err(|error| {
            let error = disk(error);
            self.fail(&error);
            self.poisoned()
        })
    }

    fn drop_tables_before(&self, day: Day) -> fjall::Result<()> {
        let mut tables = self.shared.write();
        let Some(tables) = tables.as_mut() else { return Ok(()) };
        let days = tables.days_before(day);
        if days.is_empty() {
            return Ok(());
        }
        for day in days {
            tables.end(day)?;
        }
        // The journals still hold what was put on those days. A journal goes when all else in it has been flushed.
        for table in tables.all() {
            table.rotate_memtable()?;
        }
        Ok(())
    }

    fn fail(&mut self, error: &io::Error) {
        if self.failure.is_some() {
            return;
        }
        tracing::error!(%error, "the store has stopped after a failed write");
        self.failure = Some((error.kind(), error.to_string()));
    }

    fn poisoned(&self) -> StoreError {
        let source = self.failure.as_ref().map(|(kind, said)| io::Error::new(*kind, said.clone()));
        StoreError::Poisoned { source }
    }

    /// Writes out what is left and gives the directory free, after the compaction that may be running.
    fn close(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let _compacted = shared.compacting();
        let tables = shared.write().take();
        if self.failure.is_some() {
            return Err(self.poisoned());
        }
        let Some(tables) = tables else { return Ok(()) };
        tables.database().persist(PersistMode::SyncAll).map_err(|error| {
            self.fail(&disk(error));
            self.poisoned()
        })
    }
}

const fn has_committed(outcome: &Result<Commit, StoreError>) -> bool {
    matches!(outcome, Ok(Commit::Committed(_)))
}

fn refuse(job: Job) {
    match job {
        Job::Commit(_, answer) => drop(answer.send(Err(StoreError::Closed))),
        Job::DropDaysBefore(_, answer) | Job::Close(answer) => drop(answer.send(Err(StoreError::Closed))),
    }
}
