//! The one thread that writes.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bulla_base::Day;
use bulla_store::{Batch, Commit, StoreError, Version};
use fjall::PersistMode;
use tokio::sync::{mpsc, oneshot};

use crate::error::disk;
use crate::group::Writes;
use crate::store::Shared;
use crate::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the committer is asked for, in the order it is asked.
#[derive(Debug)]
pub(crate) enum Job {
    Commit(Batch, Answer<Commit>),
    DropDaysBefore(Day, Answer<()>),
    Close(Answer<()>),
}

#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    /// The last commit.
    version: Version,
    /// What the disk said when it failed. From then on nothing is written.
    failure: Option<(io::ErrorKind, String)>,
}

impl Committer {
    /// Starts the thread. It ends when it is told to close or when nobody can ask it for anything any more.
    pub(crate) fn start(
        shared: Arc<Shared>,
        version: Version,
        jobs: mpsc::Receiver<Job>,
    ) -> io::Result<JoinHandle<()>> {
        let committer = Self { shared, jobs, version, failure: None };
        thread::Builder::new().name("bulla-committer".into()).spawn(move || committer.run())
    }

    fn run(mut self) {
        let mut closer = None;
        while let Some(job) = self.jobs.blocking_recv() {
            // What is not a batch ends the group before it, and comes after it.
            let next = match job {
                Job::Commit(batch, answer) => self.carry_out(batch, answer),
                job => Some(job),
            };
            match next {
                None | Some(Job::Commit(..)) => {}
                Some(Job::DropDaysBefore(day, answer)) => {
                    let dropped = self.drop_days_before(day);
                    answer.send(dropped).ok();
                }
                Some(Job::Close(answer)) => {
                    closer = Some(answer);
                    break;
                }
            }
        }
        self.jobs.close();
        while let Some(job) = self.jobs.blocking_recv() {
            match job {
                Job::Commit(_, answer) => drop(answer.send(Err(StoreError::Closed))),
                Job::DropDaysBefore(_, answer) | Job::Close(answer) => {
                    drop(answer.send(Err(StoreError::Closed)))
                }
            }
        }
        let closed = self.close();
        if let Some(answer) = closer {
            answer.send(closed).ok();
        }
    }

    /// Commits a group that begins with `batch` and takes what else is waiting; returns the job that ended it.
    fn carry_out(&mut self, batch: Batch, answer: Answer<Commit>) -> Option<Job> {
        let mut bytes = batch.bytes();
        let mut group = vec![(batch, answer)];
        let mut next = None;
        while group.len() < MAX_GROUP_BATCHES && bytes < MAX_GROUP_BYTES {
            match self.jobs.try_recv() {
                Ok(Job::Commit(batch, answer)) => {
                    bytes += batch.bytes();
                    group.push((batch, answer));
                }
                Ok(job) => {
                    next = Some(job);
                    break;
                }
                Err(_) => break,
            }
        }
        let commits = match self.write(&group) {
            Ok(commits) => commits,
            Err(error) => {
                tracing::error!(%error, "the store has stopped after a failed write");
                self.fail(&error);
                Vec::new()
            }
        };
        // Nobody hears anything, not even of a conflict, before what it was based on is durable.
        let mut commits = commits.into_iter();
        for (batch, answer) in group {
            let commit = commits.next().unwrap_or_else(|| Err(self.poisoned()));
            if matches!(commit, Ok(Commit::Committed(_))) {
                self.shared.watchers.notify(&batch);
            }
            answer.send(commit).ok();
        }
        next
    }

    /// What became of each batch of the group. An error is the disk's, and then nothing is known of any.
    fn write(&mut self, group: &[(Batch, Answer<Commit>)]) -> io::Result<Vec<Result<Commit, StoreError>>> {
        if self.failure.is_some() {
            return Ok(Vec::new());
        }
        let mut writes = Writes::after(self.version);
        let commits: Vec<_> = {
            let tables = self.shared.read();
            let tables = tables.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            group.iter().map(|(batch, _)| writes.add(tables, batch)).collect()
        };
        let version = writes.version();
        if version != self.version {
            let new_days = writes.take_new_days();
            if !new_days.is_empty() {
                let mut tables = self.shared.write();
                let tables = tables.as_mut().ok_or(io::ErrorKind::NotConnected)?;
                new_days.into_iter().try_for_each(|day| tables.begin(day)).map_err(disk)?;
            }
            let tables = self.shared.read();
            writes.commit(tables.as_ref().ok_or(io::ErrorKind::NotConnected)?).map_err(disk)?;
            self.shared.tally.sync();
            self.version = version;
        }
        let committed = commits.iter().filter(|commit| matches!(commit, Ok(Commit::Committed(_)))).count();
        self.shared.tally.group(committed as u64);
        Ok(commits)
    }

    fn drop_days_before(&mut self, day: Day) -> Result<(), StoreError> {
        if self.failure.is_some() {
            return Err(self.poisoned());
        }
        self.drop_tables_before(day).map_err(|error| {
            let error = disk(error);
            tracing::error!(%error, "the store has stopped after a failed drop");
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
