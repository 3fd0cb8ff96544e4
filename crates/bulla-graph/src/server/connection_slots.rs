//! The slots for connections, and which idle one is closed when there are not enough.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Clock;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::limits::LEAVE_TIMEOUT;

pub(super) struct ConnectionSlots {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Told when a connection begins to wait for a request.
    became_idle: Notify,
}

/// The connections that wait for a request, the longest first.
#[derive(Default)]
struct Waiting {
    next: u64,
    by_turn: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's slot. It is busy until it is said to wait.
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    turn: Mutex<Turn>,
    leave: Arc<Notify>,
    _free: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Turn {
    /// Since when it waits for a request, if it does.
    waiting: Option<u64>,
    /// How many requests it has to answer.
    working: usize,
}

impl ConnectionSlots {
    pub(super) fn new(slots: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { free, waiting: Mutex::default(), became_idle: Notify::new() })
    }

    /// A slot, once there is one. Until then the connections that wait longest are asked to leave, one at a
    /// time.
    pub(super) async fn take(self: &Arc<Self>, clock: &dyn Clock) -> ConnectionSlot {
        // Once for all rounds, so that it keeps its place in the semaphore's queue.
        let mut taking = pin!(self.free.clone().acquire_owned());
        loop {
            // Before anything is looked at: what becomes idle from here on is not missed.
            let became_idle = self.became_idle.notified();
            if let Ok(free) = self.free.clone().try_acquire_owned() {
                return self.slot(free);
            }
            let one_leaves = self.evict_idle();
            if !one_leaves {
                tracing::debug!("all connections are busy; one more waits");
            }
            tokio::select! {
                biased;
                // Semaphores of slots are never closed.
                Ok(free) = &mut taking => return self.slot(free),
                () = became_idle, if !one_leaves => {}
                () = clock.sleep(LEAVE_TIMEOUT), if one_leaves => {}
            }
        }
    }

    /// Asks the connection that has waited longest for a request to leave. Whether there was one.
    pub(super) fn evict_idle(&self) -> bool {
        let first = self.waiting().by_turn.pop_first();
        // `notify_one` is kept for it, should it not wait just now.
        first.map(|(_, leave)| leave.notify_one()).is_some()
    }

    fn slot(self: &Arc<Self>, free: OwnedSemaphorePermit) -> ConnectionSlot {
        ConnectionSlot { slots: self.clone(), turn: Mutex::default(), leave: Arc::default(), _free: free }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// The connection waits for a request from now on.
    pub(super) fn wait(&self) {
        let mut waiting = self.slots.waiting();
        self.begin_turn(&mut waiting);
        // Who is woken takes the lock.
        drop(waiting);
        self.slots.became_idle.notify_waiters();
    }

    /// The connection has a request to answer, until what is returned is dropped.
    pub(super) fn work(self: &Arc<Self>) -> Working {
        let mut waiting = self.slots.waiting();
        let mut turn = self.turn();
        turn.working += 1;
        if let Some(turn) = turn.waiting.take() {
            waiting.by_turn.remove(&turn);
        }
        Working(Arc::clone(self))
    }

    /// Whether it waits, for a request or for its end.
    pub(super) fn is_idle(&self) -> bool {
        self.turn().waiting.is_some()
    }

    /// Since when it waits for a request, if it does: another number each time.
    #[cfg(feature = "tls")]
    pub(super) fn waits_since(&self) -> Option<u64> {
        self.turn().waiting
    }

    /// Ready when the slot is wanted by another.
    pub(super) async fn evicted(&self) {
        self.leave.notified().await;
    }

    fn begin_turn(&self, waiting: &mut Waiting) {
        let turn = waiting.next;
        waiting.next += 1;
        waiting.by_turn.insert(turn, self.leave.clone());
        // It may have waited already: then its time begins anew, behind all others.
        if let Some(before) = self.turn().waiting.replace(turn) {
            waiting.by_turn.remove(&before);
        }
    }

    fn finish(&self) {
        let mut waiting = self.slots.waiting();
        let left = {
            let mut turn = self.turn();
            turn.working = turn.working.saturating_sub(1);
            turn.working
        };
        if left == 0 {
            self.begin_turn(&mut waiting);
            drop(waiting);
            self.slots.became_idle.notify_waiters();
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut waiting = self.slots.waiting();
        if let Some(turn) = self.turn().waiting.take() {
            waiting.by_turn.remove(&turn);
        }
    }
}

/// Ends the work when it is dropped.
pub(super) struct Working(Arc<ConnectionSlot>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish();
    }
}
