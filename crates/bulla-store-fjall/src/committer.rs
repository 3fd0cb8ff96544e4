//! Where batches are checked and put together.
//!
//! ```text
//! callers   add to n+1 one by one ……… │ add to n+2 ………
//! writer    journal, sync n │ answer n │ journal, sync n+1 │ answer n+1
//! ```
//!
//! Every caller checks its own batch, on its own thread, where the batch has just been made. It is checked against the group that is open, the
//! one that is being written and the tables, in this order, as if the first two stood in the tables already; it is answered after the group it
//! was added to, or not at all if that one failed.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Space, StoreError, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::group::{Before, Writes};
use crate::recent::Recent;
use crate::store::Shared;
use crate::{MAX_GROUP_BATCHES, MAX_GROUP_BYTES};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;
type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// What a batch takes of a group's room at least, so that its batches are bounded as its bytes are.
const MIN_BATCH_BYTES: usize = MAX_GROUP_BYTES / MAX_GROUP_BATCHES;

/// What callers and the writer share.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// The bytes that the open group has room for. Who has all of them keeps everybody else out.
    room: Arc<Semaphore>,
    state: Mutex<State>,
    /// Tells the writer that there is something to do.
    work: Condvar,
}

struct State {
    open: Group,
    /// What is being written.
    under_way: Option<Arc<Writes>>,
    recent: Recent,
    orders: VecDeque<Order>,
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
    room: usize,
}

/// What is still to be said of a batch when its group has been written.
struct Member {
    outcome: Result<Commit, StoreError>,
    answer: Answer<Commit>,
    partition: Partition,
    spaces: Spaces,
}

/// A set of spaces.
#[derive(Debug, Clone, Copy, Default)]
struct Spaces([u64; 4]);

/// What only the writer can do, with nobody adding anything meanwhile.
pub(crate) enum Order {
    DropDaysBefore(Day, Answer<()>, OwnedSemaphorePermit),
    Close(Answer<()>, OwnedSemaphorePermit),
}

/// What the writer finds to do.
pub(crate) enum Work {
    Write(Taken),
    Carry(Order),
    /// Nobody is left to ask, and nothing waits.
    End,
}

/// A group that is being written.
pub(crate) struct Taken {
    pub(crate) writes: Arc<Writes>,
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Failure {
    kind: io::ErrorKind,
    said: String,
}

impl Failure {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.said.clone())
    }
}

impl Group {
    const fn of(writes: Writes) -> Self {
        Self { writes, members: Vec::new(), room: 0 }
    }
}

impl Spaces {
    fn of(batch: &Batch) -> Self {
        let mut spaces = Self::default();
        let puts = batch.puts().iter().map(|put| put.key.space());
        for space in puts.chain(batch.deletes().iter().map(|key| key.space())) {
            spaces.0[usize::from(space.number() >> 6)] |= 1 << (space.number() & 63);
        }
        spaces
    }

    fn iter(self) -> impl Iterator<Item = Space> {
        let is_in = move |space: &u8| self.0[usize::from(space >> 6)] >> (space & 63) & 1 == 1;
        (0..=u8::MAX).filter(is_in).map(Space::new)
    }
}

impl Committer {
    /// With nothing to do yet; the last commit was `version`.
    pub(crate) fn new(shared: Arc<Shared>, version: Version) -> Self {
        Self {
            shared,
            room: Arc::new(Semaphore::new(MAX_GROUP_BYTES)),
            state: Mutex::new(State {
                open: Group::of(Writes::after(version)),
                under_way: None,
                recent: Recent::default(),
                orders: VecDeque::new(),
                failure: None,
                is_idle: false,
                left: false,
                ended: false,
            }),
            work: Condvar::new(),
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    // What callers do.

    /// Adds `batch` to the open group once that has room for it, and waits until it has been written.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let room = batch.bytes().clamp(MIN_BATCH_BYTES, MAX_GROUP_BYTES);
        let places = u32::try_from(room).unwrap_or(u32::MAX);
        // The writer gives it back when it takes the group.
        self.room.acquire_many(places).await.map_err(|_| self.gone())?.forget();
        self.add(batch, room)?.await.map_err(|_| self.gone())?
    }

    fn add(&self, batch: Batch, room: usize) -> Result<Answered<Commit>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let (partition, spaces) = (batch.partition(), Spaces::of(&batch));
        // Before the state, so that nobody waits for it because one waits for the tables.
        let tables = self.shared.read();
        let Some(tables) = tables.as_ref() else { return Err(StoreError::Closed) };
        let mut state = self.state();
        if state.ended {
            return Err(StoreError::Poisoned { source: None });
        }
        let State { open, under_way, recent, .. } = &mut *state;
        let before = Before { tables, recent, under_way: under_way.as_deref() };
        let outcome = open.writes.add(before, &batch);
        open.members.push(Member { outcome, answer, partition, spaces });
        open.room += room;
        self.tell(state);
        Ok(answered)
    }

    /// Has the writer drop days, when what was asked for before has been written.
    pub(crate) async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.order(|answer, all| Order::DropDaysBefore(day, answer, all)).await
    }

    /// Has the writer end, when what was asked for before has been written.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.order(Order::Close).await
    }

    async fn order(
        &self,
        order: impl FnOnce(Answer<()>, OwnedSemaphorePermit) -> Order,
    ) -> Result<(), StoreError> {
        let all = u32::try_from(MAX_GROUP_BYTES).unwrap_or(u32::MAX);
        let all = Arc::clone(&self.room).acquire_many_owned(all).await.map_err(|_| self.gone())?;
        let (answer, answered) = oneshot::channel();
        self.give(order(answer, all));
        answered.await.map_err(|_| self.gone())?
    }

    fn give(&self, order: Order) {
        let mut state = self.state();
        if !state.ended {
            state.orders.push_back(order);
        }
        self.tell(state);
    }

    /// Says that nobody can ask any more.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.left = true;
        self.tell(state);
    }

    /// Why there is no writer: because the store was closed, or because it died.
    fn gone(&self) -> StoreError {
        if self.shared.read().is_none() { StoreError::Closed } else { StoreError::Poisoned { source: None } }
    }

    // What the writer does.

    /// Waits for something to do.
    pub(crate) fn work(&self) -> Work {
        let mut state = self.state();
        loop {
            if !state.open.members.is_empty() {
                return Work::Write(self.take(state));
            }
            if let Some(order) = state.orders.pop_front() {
                return Work::Carry(order);
            }
            if state.left {
                return Work::End;
            }
            state.is_idle = true;
            state = match self.work.wait(state) {
                Ok(state) => state,
                Err(poisoned) => mended(poisoned.into_inner()),
            };
        }
    }

    fn take(&self, mut state: MutexGuard<'_, State>) -> Taken {
        let next = Group::of(state.open.writes.next());
        let Group { writes, members, room } = std::mem::replace(&mut state.open, next);
        state.open.members.reserve(members.len());
        let writes = Arc::new(writes);
        state.under_way = Some(Arc::clone(&writes));
        drop(state);
        self.room.add_permits(room);
        Taken { writes, members }
    }

    /// What the disk said when it failed, if it did.
    pub(crate) fn failed(&self) -> io::Result<()> {
        self.state().failure.as_ref().map_or(Ok(()), |failure| Err(failure.error()))
    }

    /// Tells everybody of a group what became of it. Nobody hears anything, not even of a conflict, before what it was based on is durable.
    pub(crate) fn answer(&self, taken: Taken, written: io::Result<()>) {
        let Taken { writes, members } = taken;
        let mut state = self.state();
        state.under_way = None;
        if let Err(error) = &written {
            state.fail(error);
        } else {
            writes.undated().for_each(|(key, version)| state.recent.note(key, version));
        }
        drop(state);
        drop(writes);
        if written.is_ok() {
            let commits = members.iter().filter(|member| has_committed(&member.outcome)).count();
            self.shared.tally.group(commits as u64);
        }
        for Member { mut outcome, answer, partition, spaces } in members {
            if written.is_err() {
                outcome = Err(self.poisoned());
            } else if has_committed(&outcome) {
                self.shared.watchers.notify_spaces(partition, spaces.iter());
            }
            answer.send(outcome).ok();
        }
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
        self.room.close();
        let mut state = self.state();
        state.ended = true;
        let members = std::mem::take(&mut state.open.members);
        let orders = std::mem::take(&mut state.orders);
        drop(state);
        // Whoever waits for them hears that they are gone.
        drop((members, orders));
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

impl State {
    fn fail(&mut self, error: &io::Error) {
        if self.failure.is_none() {
            tracing::error!(%error, "the store has stopped after a failed write");
            self.failure = Some(Failure { kind: error.kind(), said: error.to_string() });
        }
    }
}

/// A thread died with the state in its hands, perhaps in the middle of a change: nothing of it may be written.
fn mended(mut state: MutexGuard<'_, State>) -> MutexGuard<'_, State> {
    state.fail(&io::Error::other("a thread ended by a panic while it put a group together"));
    state
}

const fn has_committed(outcome: &Result<Commit, StoreError>) -> bool {
    matches!(outcome, Ok(Commit::Committed(_)))
}
