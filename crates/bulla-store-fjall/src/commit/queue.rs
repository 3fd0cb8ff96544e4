//! What callers and the writer share: the open group, what waits, and what the writer does.
//!
//! Everything here is behind one mutex of the [committer](super::committer), and none of it waits.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, MutexGuard};

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, StoreError, Version};
use tokio::sync::oneshot;

use super::changed_spaces::ChangedSpaces;
use super::group_writes::{BaseView, Values, Writes};
use super::prefetch::Prefetch;
use super::version_cache::VersionCache;
use crate::disk::tables::Tables;
use crate::system_error::SystemError;
use crate::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_GROUP_ROWS};

/// Where the answer to a call goes.
pub(crate) type ReplyTo<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) struct Queue {
    pub(super) open: Group,
    /// What is being written.
    pub(super) under_way: Option<Arc<Writes>>,
    /// What was written before, cleared: its memory is for the group after the open one.
    pub(super) spare: Option<Writes>,
    pub(super) cache: VersionCache,
    /// What came when the open group was full, or behind an exclusive job.
    pub(super) waiting: VecDeque<Job>,
    pub(super) writer: WriterState,
    /// Nobody can ask any more.
    pub(super) callers_gone: bool,
    /// What the disk said when it failed. From then on nothing is written.
    pub(super) poison: Option<SystemError>,
}

/// What the writer does, as far as callers have to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriterState {
    /// It writes, or looks for what to do next: it comes to the queue by itself.
    Busy,
    /// It sleeps until it is woken.
    Asleep,
    /// It carries out an exclusive job, and nothing may be added to the open group.
    Exclusive,
    /// There is no writer any more, and nobody may wait for one.
    Ended,
}

/// Batches that are written together.
pub(super) struct Group {
    pub(super) writes: Writes,
    pub(super) members: Vec<Member>,
    size: Size,
}

/// How much batches have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    bytes: usize,
    /// That are written.
    rows: usize,
}

/// What is still to be said of a batch when its group has been written.
pub(super) struct Member {
    pub(super) outcome: Result<Commit, StoreError>,
    pub(super) reply_to: ReplyTo<Commit>,
    pub(super) partition: Partition,
    pub(super) spaces: ChangedSpaces,
}

/// What waits, in the order it was asked for.
pub(super) enum Job {
    Commit(Batch, ReplyTo<Commit>),
    Exclusive(ExclusiveJob),
}

/// What only the writer can do, with nobody adding anything meanwhile.
pub(crate) enum ExclusiveJob {
    DropDaysBefore(Day, ReplyTo<()>),
    Close(ReplyTo<()>),
}

/// What the writer finds to do.
pub(crate) enum Work {
    Write(WriteGroup),
    Exclusive(ExclusiveJob),
    /// Somebody waits to commit, and there are no tables.
    OpenAgain,
    /// Nobody is left to ask, and nothing waits.
    End,
}

/// A group that is being written.
pub(crate) struct WriteGroup {
    pub(crate) writes: Arc<Writes>,
    pub(crate) values: Values,
    pub(super) members: Vec<Member>,
}

impl Queue {
    /// With nothing to do yet; the last commit was `version`.
    pub(super) fn after(version: Version) -> Self {
        Self {
            open: Group::of(Writes::after(version)),
            under_way: None,
            spare: None,
            cache: VersionCache::default(),
            waiting: VecDeque::new(),
            writer: WriterState::Busy,
            callers_gone: false,
            poison: None,
        }
    }

    /// The first that waits, and how much it has, if that is a batch and the open group has room for it.
    pub(super) fn next_that_fits(&mut self) -> Option<(Batch, Size, ReplyTo<Commit>)> {
        match self.waiting.pop_front()? {
            Job::Commit(batch, reply_to) if self.open.has_room_for(Size::of(&batch)) => {
                let size = Size::of(&batch);
                Some((batch, size, reply_to))
            }
            job => {
                self.waiting.push_front(job);
                None
            }
        }
    }

    /// Checks `batch`, which has so much, and adds it to the open group.
    pub(super) fn check(
        &mut self,
        tables: &Tables,
        prefetch: Option<&Prefetch>,
        batch: &Batch,
        size: Size,
        reply_to: ReplyTo<Commit>,
    ) {
        let Self { open, under_way, cache, .. } = self;
        let base = BaseView { tables, prefetch, cache, under_way: under_way.as_deref() };
        let outcome = open.writes.add(base, batch);
        open.size.bytes += size.bytes;
        open.size.rows += size.rows;
        let (partition, spaces) = (batch.partition(), ChangedSpaces::of(batch));
        // Also a conflict is a member: what it conflicts with may not be durable yet, or never be.
        open.members.push(Member { outcome, reply_to, partition, spaces });
    }

    /// Closes the open group, to be written, and opens the next on top of it.
    pub(super) fn take(&mut self) -> WriteGroup {
        let next = Group::of(self.open.writes.next(self.spare.take()));
        let Group { mut writes, members, .. } = mem::replace(&mut self.open, next);
        // The engine takes the values over. What is shared with callers is only looked up.
        let values = writes.take_values();
        self.open.members.reserve(members.len());
        let writes = Arc::new(writes);
        self.under_way = Some(Arc::clone(&writes));
        WriteGroup { writes, values, members }
    }

    /// Empties the open group, which stands on one that was not begun; returns whom to tell.
    pub(super) fn withdraw(&mut self, not_begun: &Writes) -> Vec<Member> {
        mem::replace(&mut self.open, Group::of(not_begun.withdrawn())).members
    }

    /// Says that nothing may be written any more. The first reason stays: later ones follow from it.
    pub(super) fn poison(&mut self, error: &io::Error) {
        if self.poison.is_none() {
            tracing::error!(%error, "the store has stopped after a failed write");
            self.poison = Some(SystemError::of(error));
        }
    }
}

/// A thread died with the queue in its hands, perhaps in the middle of a change: nothing of it may be
/// written.
pub(super) fn poison_on_panic(mut queue: MutexGuard<'_, Queue>) -> MutexGuard<'_, Queue> {
    queue.poison(&io::Error::other("a thread ended by a panic while it put a group together"));
    queue
}

impl Group {
    const fn of(writes: Writes) -> Self {
        Self { writes, members: Vec::new(), size: Size { bytes: 0, rows: 0 } }
    }

    pub(super) fn has_room_for(&self, more: Size) -> bool {
        let fits = self.members.len() < MAX_GROUP_BATCHES
            && self.size.bytes + more.bytes <= MAX_GROUP_BYTES
            && self.size.rows + more.rows <= MAX_GROUP_ROWS;
        // A batch that is larger than any group has one to itself, or it would wait for ever.
        fits || self.members.is_empty()
    }
}

impl Size {
    pub(super) fn of(batch: &Batch) -> Self {
        let counted = batch.adds().len() + batch.removes().len();
        Self { bytes: batch.bytes(), rows: batch.puts().len() + batch.deletes().len() + counted }
    }
}

impl Member {
    pub(super) const fn has_committed(&self) -> bool {
        matches!(self.outcome, Ok(Commit::Committed(_)))
    }
}
