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

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Poll;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, StoreError, Version};
use tokio::sync::{Semaphore, oneshot};

use crate::commit::group_writes::{Before, Known, Values, Writes};
use crate::commit::prefetch::Sight;
use crate::commit::space_set::Spaces;
use crate::disk::tables::Tables;
use crate::metrics::WAITING;
use crate::store::Shared;
use crate::system_error::{Failure, Unwritten};
use crate::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_WAITING};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// With so many in the open group the writer is woken whoever else might come: a sync costs each of them
/// little by then, and the disk is not to wait for a long round of the executor.
const WORTH_A_SYNC: usize = 64;

/// What callers and the writer share.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// One for each batch or order that is neither being carried out nor done.
    places: Semaphore,
    state: Mutex<State>,
    /// How many groups have been answered, written or not; changed with the state in hand.
    groups: AtomicU64,
    /// Tells the writer that there is something to do.
    work: Condvar,
    /// The last group was not begun, for want of something.
    is_wanting: AtomicBool,
}

struct State {
    open: Group,
    /// What is being written.
    under_way: Option<Arc<Writes>>,
    /// What was written before, cleared: its memory is for the group after the open one.
    spare: Option<Writes>,
    known: Known,
    /// What came when the open group was full, or behind an order.
    waiting: VecDeque<Job>,
    /// The writer carries out an order, and nothing may be added.
    is_ordered: bool,
    /// What the disk said when it failed. From then on nothing is written.
    failure: Option<Failure>,
    /// The writer sleeps until it is told.
    is_idle: bool,
    /// Nobody can ask any more.
    left: bool,
    /// There is no writer any more.
    ended: bool,
}

/// Batches that are written together.
struct Group {
    writes: Writes,
    members: Vec<Member>,
    size: Size,
}

/// How much batches have.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: usize,
    /// That are written.
    rows: usize,
}

impl Size {
    fn of(batch: &Batch) -> Self {
        Self { bytes: batch.bytes(), rows: batch.puts().len() + batch.deletes().len() + batch.adds().len() }
    }
}

/// What is still to be said of a batch when its group has been written.
struct Member {
    outcome: Result<Commit, StoreError>,
    answer: Answer<Commit>,
    partition: Partition,
    spaces: Spaces,
}

/// What waits, in the order it was asked for.
enum Job {
    Commit(Batch, Answer<Commit>),
    Carry(Order),
}

/// What only the writer can do, with nobody adding anything meanwhile.
pub(crate) enum Order {
    DropDaysBefore(Day, Answer<()>),
    Close(Answer<()>),
}

/// What the writer finds to do.
pub(crate) enum Work {
    Write(Taken),
    Carry(Order),
    /// Somebody waits to commit, and there are no tables.
    Open,
    /// Nobody is left to ask, and nothing waits.
    End,
}

/// A group that is being written.
pub(crate) struct Taken {
    pub(crate) writes: Arc<Writes>,
    pub(crate) values: Values,
    members: Vec<Member>,
}

impl Group {
    const fn of(writes: Writes) -> Self {
        Self { writes, members: Vec::new(), size: Size { bytes: 0, rows: 0 } }
    }

    fn has_room_for(&self, more: Size) -> bool {
        let fits = self.members.len() < MAX_GROUP_BATCHES
            && self.size.bytes + more.bytes <= MAX_GROUP_BYTES
            && self.size.rows + more.rows <= MAX_GROUP_ROWS;
        fits || self.members.is_empty()
    }
}

impl Committer {
    /// With nothing to do yet; the last commit was `version`.
    pub(crate) fn new(shared: Arc<Shared>, version: Version) -> Self {
        Self {
            shared,
            places: Semaphore::new(MAX_WAITING),
            state: Mutex::new(State {
                open: Group::of(Writes::after(version)),
                under_way: None,
                spare: None,
                known: Known::default(),
                waiting: VecDeque::new(),
                is_ordered: false,
                failure: None,
                is_idle: false,
                left: false,
                ended: false,
            }),
            groups: AtomicU64::new(0),
            work: Condvar::new(),
            is_wanting: AtomicBool::new(false),
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    // What callers do.

    /// Adds `batch` to the open group, or behind what waits for room in one, and waits until it has been
    /// written.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.place().await?;
        let (answer, answered) = oneshot::channel();
        // Who is refused has no place any more.
        if self.add(batch, answer).inspect_err(|_| self.places.add_permits(1))? {
            let _woken = Waking(self);
            // Whoever is ready to commit as well comes into this group, and not each into a group and a sync
            // of his own.
            let_others_go_first().await;
        }
        answered.await.map_err(|_| self.gone())?
    }

    /// Says whether the writer sleeps, and has to be woken.
    fn add(&self, batch: Batch, answer: Answer<Commit>) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.is_ordered && !state.ended {
            // Without waiting for the tables, which the order may have for itself.
            state.waiting.push_back(Job::Commit(batch, answer));
            return Ok(false);
        }
        drop(state);
        // Before the state, so that nobody waits for it because one waits for the tables.
        let tables = self.shared.read();
        let Some(tables) = tables.as_ref() else { return self.wait_for_tables(batch, answer) };
        let sight = self.look(tables, &batch);
        self.add_having_looked(tables, &sight, batch, answer)
    }

    /// Has the writer try whether there can be tables again, if that may be.
    fn wait_for_tables(&self, batch: Batch, answer: Answer<Commit>) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.ended || !self.shared.is_wanting() {
            return Err(self.shared.absent());
        }
        state.waiting.push_back(Job::Commit(batch, answer));
        self.tell(state);
        Ok(false)
    }

    fn add_having_looked(
        &self,
        tables: &Tables,
        sight: &Sight,
        batch: Batch,
        answer: Answer<Commit>,
    ) -> Result<bool, StoreError> {
        let size = Size::of(&batch);
        let mut state = self.state();
        if state.ended {
            return Err(StoreError::Poisoned { source: None });
        }
        if state.is_ordered || !state.waiting.is_empty() || !state.open.has_room_for(size) {
            state.waiting.push_back(Job::Commit(batch, answer));
            self.tell(state);
            return Ok(false);
        }
        let sight = Some(sight).filter(|sight| sight.holds_after(self.groups.load(Ordering::Relaxed)));
        state.check(tables, sight, &batch, size, answer);
        if state.open.members.len() >= WORTH_A_SYNC {
            self.tell(state);
            return Ok(false);
        }
        // Before the batch is freed.
        let wakes = state.is_idle;
        drop(state);
        Ok(wakes)
    }

    /// Looks up what may take long, without holding anybody up.
    fn look(&self, tables: &Tables, batch: &Batch) -> Sight {
        // A group that is not counted yet may be seen or not; it will be counted before the batch is checked,
        // or is still under way then.
        Sight::of(self.groups.load(Ordering::Acquire), batch, tables)
    }

    /// Has the writer drop days, when what was asked for before has been written.
    pub(crate) async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.order(|answer| Order::DropDaysBefore(day, answer)).await
    }

    /// Has the writer end, when what was asked for before has been written.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.order(Order::Close).await
    }

    async fn order(&self, order: impl FnOnce(Answer<()>) -> Order) -> Result<(), StoreError> {
        self.place().await?;
        let (answer, answered) = oneshot::channel();
        self.give(order(answer));
        answered.await.map_err(|_| self.gone())?
    }

    fn give(&self, order: Order) {
        let mut state = self.state();
        if !state.ended {
            state.waiting.push_back(Job::Carry(order));
        }
        self.tell(state);
    }

    /// Waits for a place, which the writer gives back.
    async fn place(&self) -> Result<(), StoreError> {
        self.places.acquire().await.map_err(|_| self.gone())?.forget();
        Ok(())
    }

    /// Says that nobody can ask any more.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.left = true;
        self.tell(state);
    }

    /// Why there is no writer: because the store was closed, or because it died.
    fn gone(&self) -> StoreError {
        if self.shared.read().is_none() {
            self.shared.absent()
        } else {
            StoreError::Poisoned { source: None }
        }
    }

    // What the writer does.

    /// Waits for something to do.
    pub(crate) fn work(&self) -> Work {
        self.state().is_ordered = false;
        loop {
            if self.shared.is_wanting() && matches!(self.state().waiting.front(), Some(Job::Commit(..))) {
                return Work::Open;
            }
            self.refill();
            let mut state = self.state();
            if !state.open.members.is_empty() {
                let taken = state.take();
                drop(state);
                self.places.add_permits(taken.members.len());
                self.refill();
                return Work::Write(taken);
            }
            match state.waiting.pop_front() {
                Some(Job::Carry(order)) => {
                    state.is_ordered = true;
                    drop(state);
                    self.places.add_permits(1);
                    return Work::Carry(order);
                }
                // It came just now.
                Some(job) => {
                    state.waiting.push_front(job);
                    continue;
                }
                None if state.left => return Work::End,
                None => {}
            }
            state.is_idle = true;
            match self.work.wait(state) {
                Ok(state) => drop(state),
                Err(poisoned) => drop(mended(poisoned.into_inner())),
            }
        }
    }

    /// Adds what waits to the open group, as far as that has room and no order comes first.
    fn refill(&self) {
        while !self.state().waiting.is_empty() {
            // Let go of after each batch, so that callers and whoever wants the tables to himself get their
            // turn.
            let tables = self.shared.read();
            let mut state = self.state();
            let Some((batch, size, answer)) = state.next_that_fits() else { return };
            match tables.as_ref() {
                Some(tables) => state.check(tables, None, &batch, size, answer),
                // Nobody is told that there are none but who waits.
                None => {
                    self.places.add_permits(1);
                    answer.send(Err(self.shared.absent())).ok();
                }
            }
            drop(state);
        }
    }

    /// What the disk said when it failed, if it did.
    pub(crate) fn failed(&self) -> io::Result<()> {
        self.state().failure.as_ref().map_or(Ok(()), |failure| Err(failure.error()))
    }

    /// Tells everybody of a group what became of it. Nobody hears anything, not even of a conflict, before
    /// what it was based on is durable.
    ///
    /// If it was not begun, the open group goes with it, which stands on it; both can be tried again.
    pub(crate) fn answer(&self, taken: Taken, written: Result<(), Unwritten>) {
        let Taken { writes, mut members, .. } = taken;
        let mut state = self.state();
        state.under_way = None;
        self.groups.fetch_add(1, Ordering::Release);
        match &written {
            Ok(()) => state.known.note(&writes),
            Err(Unwritten::NotBegun(_)) => {
                let above = state.withdraw(&writes);
                self.places.add_permits(above.len());
                members.extend(above);
            }
            Err(Unwritten::Failed(error)) => state.fail(error),
        }
        let waiting = state.waiting.len();
        drop(state);
        metrics::gauge!(WAITING).set(u32::try_from(waiting).unwrap_or(u32::MAX));
        match written {
            Ok(()) => self.tell_outcomes(members),
            Err(Unwritten::Failed(_)) => {
                for member in members {
                    member.answer.send(Err(self.poisoned())).ok();
                }
            }
            Err(Unwritten::NotBegun(error)) => {
                self.tell_to_try_again(members.into_iter().map(|member| member.answer).collect(), &error);
            }
        }
        // Last: to free the rows takes a while, and they wait no longer.
        let spare = Arc::into_inner(writes).map(Writes::cleared);
        self.state().spare = spare;
    }

    /// Tells whoever waits to commit that there are no tables yet, up to the first order.
    pub(crate) fn tell_waiting_to_try_again(&self, error: &io::Error) {
        let mut answers = Vec::new();
        let mut state = self.state();
        while let Some(Job::Commit(..)) = state.waiting.front() {
            let Some(Job::Commit(_, answer)) = state.waiting.pop_front() else { break };
            answers.push(answer);
        }
        drop(state);
        self.places.add_permits(answers.len());
        self.tell_to_try_again(answers, error);
    }

    fn tell_outcomes(&self, members: Vec<Member>) {
        if self.is_wanting.swap(false, Ordering::Relaxed) {
            tracing::warn!("writes go on: what was wanting is to be had again");
        }
        let commits = members.iter().filter(|member| has_committed(&member.outcome)).count();
        self.shared.tally.group(members.len() as u64, commits as u64);
        for Member { outcome, answer, partition, spaces } in members {
            if has_committed(&outcome) {
                self.shared.watchers.notify_spaces(partition, spaces.iter());
            }
            answer.send(outcome).ok();
        }
    }

    fn tell_to_try_again(&self, answers: Vec<Answer<Commit>>, error: &io::Error) {
        if !self.is_wanting.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "what a write needs is not to be had; callers are told to try again");
        }
        self.shared.tally.unavailable(answers.len() as u64);
        let failure = Failure::of(error);
        for answer in answers {
            answer.send(Err(StoreError::Unavailable { source: failure.error() })).ok();
        }
    }

    /// How many wait for room in a group.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Takes note that the disk has failed; returns what is to be said.
    pub(crate) fn fail(&self, error: &io::Error) -> StoreError {
        self.state().fail(error);
        self.poisoned()
    }

    pub(crate) fn poisoned(&self) -> StoreError {
        StoreError::Poisoned { source: self.failed().err() }
    }

    /// Sends everybody away who still waits, and who comes later.
    pub(crate) fn end(&self) {
        self.places.close();
        let mut state = self.state();
        state.ended = true;
        let members = std::mem::take(&mut state.open.members);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // Whoever waits for them hears that they are gone.
        drop((members, waiting));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| mended(poisoned.into_inner()))
    }

    /// Lets go of the state, and wakes the writer if it sleeps.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let wakes = std::mem::take(&mut state.is_idle);
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }
}

/// Wakes the writer when it is dropped, so also when nobody waits any longer for what was asked.
struct Waking<'a>(&'a Committer);

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.0.tell(self.0.state());
    }
}

/// Comes back when the executor has been round once.
async fn let_others_go_first() {
    let mut has_waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl State {
    /// The first that waits, and how much it has, if that is a batch and the open group has room for it.
    fn next_that_fits(&mut self) -> Option<(Batch, Size, Answer<Commit>)> {
        match self.waiting.pop_front()? {
            Job::Commit(batch, answer) if self.open.has_room_for(Size::of(&batch)) => {
                let size = Size::of(&batch);
                Some((batch, size, answer))
            }
            job => {
                self.waiting.push_front(job);
                None
            }
        }
    }

    /// Checks `batch`, which has so much, and adds it to the open group.
    fn check(
        &mut self,
        tables: &Tables,
        sight: Option<&Sight>,
        batch: &Batch,
        size: Size,
        answer: Answer<Commit>,
    ) {
        let Self { open, under_way, known, .. } = self;
        let before = Before { tables, sight, known, under_way: under_way.as_deref() };
        let outcome = open.writes.add(before, batch);
        open.size.bytes += size.bytes;
        open.size.rows += size.rows;
        let (partition, spaces) = (batch.partition(), Spaces::of(batch));
        open.members.push(Member { outcome, answer, partition, spaces });
    }

    /// Closes the open group, to be written, and opens the next.
    fn take(&mut self) -> Taken {
        let next = Group::of(self.open.writes.next(self.spare.take()));
        let Group { mut writes, members, .. } = std::mem::replace(&mut self.open, next);
        let values = writes.take_values();
        self.open.members.reserve(members.len());
        let writes = Arc::new(writes);
        self.under_way = Some(Arc::clone(&writes));
        Taken { writes, values, members }
    }

    /// Empties the open group, which stands on one that was not begun; returns whom to tell.
    fn withdraw(&mut self, not_begun: &Writes) -> Vec<Member> {
        std::mem::replace(&mut self.open, Group::of(not_begun.withdrawn())).members
    }

    fn fail(&mut self, error: &io::Error) {
        if self.failure.is_none() {
            tracing::error!(%error, "the store has stopped after a failed write");
            self.failure = Some(Failure::of(error));
        }
    }
}

/// A thread died with the state in its hands, perhaps in the middle of a change: nothing of it may be
/// written.
fn mended(mut state: MutexGuard<'_, State>) -> MutexGuard<'_, State> {
    state.fail(&io::Error::other("a thread ended by a panic while it put a group together"));
    state
}

const fn has_committed(outcome: &Result<Commit, StoreError>) -> bool {
    matches!(outcome, Ok(Commit::Committed(_)))
}

#[cfg(test)]
mod tests;
