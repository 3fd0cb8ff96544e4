//! The places for connections, and who goes when there are not enough.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Clock;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::limits::LEAVE_TIMEOUT;

pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Told when a connection begins to wait for a request.
    began_to_wait: Notify,
}

/// The connections that wait for a request, the longest first.
#[derive(Default)]
struct Waiting {
    next: u64,
    by_turn: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's place. It is busy until it is said to wait.
pub(super) struct Place {
    places: Arc<Places>,
    /// Since when it waits for a request, if it does.
    turn: Mutex<Option<u64>>,
    leave: Arc<Notify>,
    _free: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { free, waiting: Mutex::default(), began_to_wait: Notify::new() })
    }

    /// A place, once there is one. Until then the connections that wait longest are asked to leave, one at a
    /// time.
    pub(super) async fn take(self: &Arc<Self>, clock: &dyn Clock) -> Place {
        let mut taking = pin!(self.free.clone().acquire_owned());
        loop {
            let began_to_wait = self.began_to_wait.notified();
            if let Ok(free) = self.free.clone().try_acquire_owned() {
                return self.place(free);
            }
            let one_leaves = self.free_one();
            if !one_leaves {
                tracing::debug!("all connections are busy; one more waits");
            }
            tokio::select! {
            biased;
                        // Semaphores of places are never closed.
                        Ok(free) = &mut taking => return self.place(free),
                        () = began_to_wait, if !one_leaves => {}
                        () = clock.sleep(LEAVE_TIMEOUT), if one_leaves => {}
                    }
        }
    }

    /// Asks the connection that has waited longest for a request to leave. Whether there was one.
    pub(super) fn free_one(&self) -> bool {
        let first = self.waiting().by_turn.pop_first();
        first.map(|(_, leave)| leave.notify_one()).is_some()
    }

    fn place(self: &Arc<Self>, free: OwnedSemaphorePermit) -> Place {
        Place { places: self.clone(), turn: Mutex::default(), leave: Arc::default(), _free: free }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection waits for a request from now on.
    pub(super) fn wait(&self) {
        let mut waiting = self.places.waiting();
        let turn = waiting.next;
        waiting.next += 1;
        waiting.by_turn.insert(turn, self.leave.clone());
        if let Some(before) = self.turn().replace(turn) {
            waiting.by_turn.remove(&before);
        }
        drop(waiting);
        self.places.began_to_wait.notify_waiters();
    }

    /// The connection has a request to answer, until what is returned is dropped.
    pub(super) fn work(&self) -> Working<'_> {
        self.stop_waiting();
        Working(self)
    }

    /// Whether it waits, for a request or for its end.
    pub(super) fn is_waiting(&self) -> bool {
        self.turn().is_some()
    }

    /// Ready when the place is wanted by another.
    pub(super) async fn is_wanted(&self) {
        self.leave.notified().await;
    }

    fn stop_waiting(&self) {
        let mut waiting = self.places.waiting();
        if let Some(turn) = self.turn().take() {
            waiting.by_turn.remove(&turn);
        }
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}

/// Ends the work when it is dropped.
pub(super) struct Working<'a>(&'a Place);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.wait();
    }
}
