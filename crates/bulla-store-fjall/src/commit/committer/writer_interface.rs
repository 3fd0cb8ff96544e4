//! What the writer asks of the committer: something to do, and that callers are told what became of it.

use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_store::{Commit, StoreError};

use super::Committer;
use crate::commit::group_writes::Writes;
use crate::commit::queue::{Job, Member, ReplyTo, Work, WriteGroup, WriterState, poison_on_panic};
use crate::commit::writer::WriteError;
use crate::metrics::WAITING;
use crate::system_error::SystemError;

impl Committer {
    /// Waits for something to do.
    pub(crate) fn next_work(&self) -> Work {
        self.be_busy();
        loop {
            if self.shared.is_short() && matches!(self.queue().waiting.front(), Some(Job::Commit(..))) {
                return Work::OpenAgain;
            }
            self.refill();
            let mut queue = self.queue();
            if !queue.open.members.is_empty() {
                let group = queue.take();
                // Callers add to the next group from here on, while the writer refills it and then writes.
                drop(queue);
                self.permits.add_permits(group.members.len());
                // Who waited for room comes before who asks now.
                self.refill();
                return Work::Write(group);
            }
            match queue.waiting.pop_front() {
                Some(Job::Exclusive(job)) => {
                    queue.writer = WriterState::Exclusive;
                    // The job takes the tables for itself, and the tables come before the queue.
                    drop(queue);
                    self.permits.add_permits(1);
                    return Work::Exclusive(job);
                }
                // It came just now, after the queue was refilled.
                Some(job) => {
                    queue.waiting.push_front(job);
                    continue;
                }
                None if queue.callers_gone => return Work::End,
                None => {}
            }
            // With the queue in hand since it was found empty: whoever comes now finds the writer asleep.
            queue.writer = WriterState::Asleep;
            let mut queue = self.work.wait(queue).unwrap_or_else(|error| poison_on_panic(error.into_inner()));
            // A condition variable also wakes whom nobody woke.
            queue.writer = WriterState::Busy;
            // To refill takes the tables, and they come before the queue.
            drop(queue);
        }
    }

    /// Adds what waits to the open group, as far as that has room and no exclusive job comes first.
    fn refill(&self) {
        while !self.queue().waiting.is_empty() {
            // Let go of after each batch, so that callers and whoever wants the tables to himself get their
            // turn.
            let tables = self.shared.read();
            let mut queue = self.queue();
            let Some((batch, size, reply_to)) = queue.next_that_fits() else { return };
            match tables.as_ref() {
                // It waited: what could have been looked up before would not hold any more.
                Some(tables) => queue.check(tables, None, &batch, size, reply_to),
                // Nobody is told that there are none but who waits.
                None => {
                    self.permits.add_permits(1);
                    reply_to.send(Err(self.shared.absent())).ok();
                }
            }
            // Before the batch is freed, which takes a while when it is large.
            drop(queue);
        }
    }

    /// Says that the writer is done with what it did, so that callers may add to the open group.
    fn be_busy(&self) {
        let mut queue = self.queue();
        if queue.writer != WriterState::Ended {
            queue.writer = WriterState::Busy;
        }
    }

    /// Tells everybody of a group what became of it. Nobody hears anything, not even of a conflict, before
    /// what it was based on is durable.
    ///
    /// If it was not begun, the open group goes with it, which stands on it; both can be tried again.
    pub(crate) fn answer(&self, group: WriteGroup, written: Result<(), WriteError>) {
        let WriteGroup { writes, mut members, .. } = group;
        let mut queue = self.queue();
        queue.under_way = None;
        // In one step with the line above, as callers see it: what they looked up before holds as long as the
        // group is either under way or not yet counted.
        self.groups.fetch_add(1, Ordering::Release);
        match &written {
            Ok(()) => queue.cache.note(&writes),
            Err(WriteError::NotBegun(_)) => {
                let above = queue.withdraw(&writes);
                self.permits.add_permits(above.len());
                members.extend(above);
            }
            // The open group stays: it is not written either, and answered when its turn comes.
            Err(WriteError::Failed(error)) => queue.poison(error),
        }
        let waiting = queue.waiting.len();
        // To answer wakes other threads, and they come back for the queue.
        drop(queue);
        metrics::gauge!(WAITING).set(u32::try_from(waiting).unwrap_or(u32::MAX));
        match written {
            Ok(()) => self.answer_written(members),
            Err(WriteError::Failed(_)) => {
                for member in members {
                    member.reply_to.send(Err(self.poisoned())).ok();
                }
            }
            Err(WriteError::NotBegun(error)) => {
                self.answer_unavailable(members.into_iter().map(|member| member.reply_to).collect(), &error);
            }
        }
        // Last: to free the rows takes a while, and they wait no longer.
        let spare = Arc::into_inner(writes).map(Writes::cleared);
        self.queue().spare = spare;
    }

    /// Tells whoever waits to commit that there are no tables yet, up to the first exclusive job.
    pub(crate) fn answer_waiting_unavailable(&self, error: &io::Error) {
        let mut answers = Vec::new();
        let mut queue = self.queue();
        while let Some(Job::Commit(..)) = queue.waiting.front() {
            let Some(Job::Commit(_, reply_to)) = queue.waiting.pop_front() else { break };
            answers.push(reply_to);
        }
        // To answer wakes other threads, and they come back for the queue.
        drop(queue);
        self.permits.add_permits(answers.len());
        self.answer_unavailable(answers, error);
    }

    fn answer_written(&self, members: Vec<Member>) {
        if self.is_short.swap(false, Ordering::Relaxed) {
            tracing::warn!("writes go on: what was wanting is to be had again");
        }
        let commits = members.iter().filter(|member| member.has_committed()).count();
        self.shared.tally.group(members.len() as u64, commits as u64);
        for member in members {
            // Watches first: who hears of his own commit may rely on it that others have been told.
            if member.has_committed() {
                self.shared.watchers.notify_spaces(member.partition, member.spaces.iter());
            }
            // Who has dropped his future hears nothing; his batch is stored all the same.
            member.reply_to.send(member.outcome).ok();
        }
    }

    fn answer_unavailable(&self, answers: Vec<ReplyTo<Commit>>, error: &io::Error) {
        // Told once, not for each group of a flood.
        if !self.is_short.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "what a write needs is not to be had; callers are told to try again");
        }
        self.shared.tally.unavailable(answers.len() as u64);
        let error = SystemError::of(error);
        for reply_to in answers {
            reply_to.send(Err(StoreError::Unavailable { source: error.error() })).ok();
        }
    }

    /// Says that nothing may be written any more, since the disk has failed; returns what is to be said.
    pub(crate) fn poison(&self, error: &io::Error) -> StoreError {
        self.queue().poison(error);
        self.poisoned()
    }

    pub(crate) fn poisoned(&self) -> StoreError {
        StoreError::Poisoned { source: self.check_poison().err() }
    }

    /// What the disk said when it failed, if it did.
    pub(crate) fn check_poison(&self) -> io::Result<()> {
        self.queue().poison.as_ref().map_or(Ok(()), |poison| Err(poison.error()))
    }

    /// Sends everybody away who still waits, and who comes later.
    pub(crate) fn end(&self) {
        // First, or somebody would get a permit and find nobody to give it back.
        self.permits.close();
        let mut queue = self.queue();
        queue.writer = WriterState::Ended;
        let members = mem::take(&mut queue.open.members);
        let waiting = mem::take(&mut queue.waiting);
        // Their callers wake when they are dropped, and come back for the queue.
        drop(queue);
        drop((members, waiting));
    }
}
