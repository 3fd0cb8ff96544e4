//! Where batches are checked and put together.
//!
//! ```text
//! callers   add to n+1 one by one ……… │ add to n+2 ………
//! writer    journal, sync n │ answer n │ journal, sync n+1 │ answer n+1
//! ```
//!
//! Whoever finds the writer asleep wakes it, but not before its executor has been round once: who else is
//! ready to commit comes into the same group. Every caller checks its own batch, on its own thread, where the
//! batch has just been made. It is checked against the group that is open, the one that is being written and
//! the tables, in this order, as if the first two stood in the tables already; it is answered after the group
//! it was added to, or not at all if that one failed.
//!
//! # States
//! ```text
//! batch     has a permit ── waiting ──► in the open group ── under way ──► answered
//!                  └── there is room ──────────┘  └── the group under it was not begun ──► answered: try again
//!
//! writer    busy ── nothing to do ──► asleep ── woken ──► busy
//!             ├──── an exclusive job ──► exclusive ── done ──► busy
//!             └──── closed, or nobody is left to ask, or it died ──► ended
//! ```
//!
//! # Order of locks
//! ```text
//! permit  →  compacting  →  tables  →  queue  →  absence
//! ```
//! Whoever holds one takes only what stands to the right of it. The queue is held for moments, and by nobody
//! who waits or answers: that is why it is dropped early in so many places.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Poll;

use bulla_base::Day;
use bulla_store::{Batch, Commit, StoreError, Version};
use tokio::sync::{Semaphore, oneshot};

use super::prefetch::Prefetch;
use super::queue::{ExclusiveJob, Job, Queue, ReplyTo, Size, WriterState, poison_on_panic};
use crate::MAX_WAITING;
use crate::disk::tables::Tables;
use crate::limits::BATCHES_WORTH_A_SYNC;
use crate::store::Shared;

mod writer_interface;

/// What callers and the writer share.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// One for each job that is neither being carried out nor done.
    permits: Semaphore,
    queue: Mutex<Queue>,
    /// How many groups have been answered, written or not; changed with the queue in hand.
    groups: AtomicU64,
    /// Tells the writer that there is something to do.
    work: Condvar,
    /// The last group was not begun, for want of something.
    is_short: AtomicBool,
}

impl Committer {
    /// With nothing to do yet; the last commit was `version`.
    pub(crate) fn new(shared: Arc<Shared>, version: Version) -> Self {
        Self {
            shared,
            permits: Semaphore::new(MAX_WAITING),
            queue: Mutex::new(Queue::after(version)),
            groups: AtomicU64::new(0),
            work: Condvar::new(),
            is_short: AtomicBool::new(false),
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Adds `batch` to the open group, or behind what waits for room in one, and waits until it has been
    /// written.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.permit().await?;
        let (reply_to, reply) = oneshot::channel();
        // Who is refused has no permit any more.
        if self.add(batch, reply_to).inspect_err(|_| self.permits.add_permits(1))? {
            // However this future ends: the batch is in the group, and others may have relied on its caller
            // to wake the writer.
            let _wake = WakeOnDrop(self);
            // Whoever is ready to commit as well comes into this group, and not each into a group and a sync
            // of his own.
            let_others_go_first().await;
        }
        reply.await.map_err(|_| self.no_writer())?
    }

    /// Says whether the writer sleeps, and has to be woken.
    fn add(&self, batch: Batch, reply_to: ReplyTo<Commit>) -> Result<bool, StoreError> {
        let mut queue = self.queue();
        if queue.writer == WriterState::Exclusive {
            // Without waiting for the tables, which the job may have for itself.
            queue.waiting.push_back(Job::Commit(batch, reply_to));
            return Ok(false);
        }
        // The tables come before the queue. What changes meanwhile is seen when the queue is taken again.
        drop(queue);
        let tables = self.shared.read();
        let Some(tables) = tables.as_ref() else { return self.wait_for_tables(batch, reply_to) };
        let prefetch = self.prefetch(tables, &batch);
        self.add_prefetched(tables, &prefetch, batch, reply_to)
    }

    /// Has the writer try whether there can be tables again, if that may be.
    fn wait_for_tables(&self, batch: Batch, reply_to: ReplyTo<Commit>) -> Result<bool, StoreError> {
        let mut queue = self.queue();
        if queue.writer == WriterState::Ended || !self.shared.is_short() {
            return Err(self.shared.absent());
        }
        queue.waiting.push_back(Job::Commit(batch, reply_to));
        self.wake_writer(queue);
        Ok(false)
    }

    fn add_prefetched(
        &self,
        tables: &Tables,
        prefetch: &Prefetch,
        batch: Batch,
        reply_to: ReplyTo<Commit>,
    ) -> Result<bool, StoreError> {
        let size = Size::of(&batch);
        let mut queue = self.queue();
        if queue.writer == WriterState::Ended {
            return Err(StoreError::Poisoned { source: None });
        }
        let is_exclusive = queue.writer == WriterState::Exclusive;
        if is_exclusive || !queue.waiting.is_empty() || !queue.open.has_room_for(size) {
            // Behind who waits, also where there is room: batches are carried out as they were asked for.
            queue.waiting.push_back(Job::Commit(batch, reply_to));
            self.wake_writer(queue);
            return Ok(false);
        }
        let prefetch =
            Some(prefetch).filter(|prefetch| prefetch.holds_after(self.groups.load(Ordering::Relaxed)));
        queue.check(tables, prefetch, &batch, size, reply_to);
        if queue.open.members.len() >= BATCHES_WORTH_A_SYNC {
            self.wake_writer(queue);
            return Ok(false);
        }
        let is_asleep = queue.writer == WriterState::Asleep;
        // Before the batch is freed, which takes a while when it is large.
        drop(queue);
        Ok(is_asleep)
    }

    /// Looks up what may take long, without holding anybody up.
    fn prefetch(&self, tables: &Tables, batch: &Batch) -> Prefetch {
        // The count first: a group that is not in it may be seen or not; it will be counted before the batch
        // is checked, or is still under way then.
        Prefetch::of(self.groups.load(Ordering::Acquire), batch, tables)
    }

    /// Has the writer drop days, when what was asked for before has been written.
    pub(crate) async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.exclusively(|reply_to| ExclusiveJob::DropDaysBefore(day, reply_to)).await
    }

    /// Has the writer end, when what was asked for before has been written.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.exclusively(ExclusiveJob::Close).await
    }

    async fn exclusively(&self, job: impl FnOnce(ReplyTo<()>) -> ExclusiveJob) -> Result<(), StoreError> {
        self.permit().await?;
        let (reply_to, reply) = oneshot::channel();
        self.add_exclusive(job(reply_to));
        reply.await.map_err(|_| self.no_writer())?
    }

    fn add_exclusive(&self, job: ExclusiveJob) {
        let mut queue = self.queue();
        // Dropped if there is no writer, which its caller hears as that.
        if queue.writer != WriterState::Ended {
            queue.waiting.push_back(Job::Exclusive(job));
        }
        self.wake_writer(queue);
    }

    /// Waits for a permit, which the writer gives back.
    async fn permit(&self) -> Result<(), StoreError> {
        // Forgotten, since the writer may be done with the batch when its caller is long gone.
        self.permits.acquire().await.map_err(|_| self.no_writer())?.forget();
        Ok(())
    }

    /// Says that nobody can ask any more.
    pub(crate) fn callers_are_gone(&self) {
        let mut queue = self.queue();
        queue.callers_gone = true;
        self.wake_writer(queue);
    }

    /// How many wait for room in a group.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Why there is no writer: because the store was closed, or because it died.
    fn no_writer(&self) -> StoreError {
        if self.shared.read().is_none() {
            self.shared.absent()
        } else {
            StoreError::Poisoned { source: None }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poison_on_panic(poisoned.into_inner()))
    }

    /// Lets go of the queue, and wakes the writer if it sleeps.
    fn wake_writer(&self, mut queue: MutexGuard<'_, Queue>) {
        let is_asleep = queue.writer == WriterState::Asleep;
        if is_asleep {
            // Here and not by the writer when it comes to it: one wakes it, and not everybody meanwhile.
            queue.writer = WriterState::Busy;
        }
        // Or the writer would wake only to wait for the queue.
        drop(queue);
        if is_asleep {
            self.work.notify_one();
        }
    }
}

/// Wakes the writer when it is dropped, so also when nobody waits any longer for what was asked.
struct WakeOnDrop<'a>(&'a Committer);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wake_writer(self.0.queue());
    }
}

/// Comes back when the executor has been round once.
async fn let_others_go_first() {
    let mut has_waited = false;
    std::future::poll_fn(|context| {
        if mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
