//! What those who have fallen silent take of memory is let go of.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bulla_base::Clock;
use bulla_store::{CachedStore, Store, StoreError};
use tokio::task::JoinSet;

use crate::compared_sides::ComparedSides;
use crate::limits::EVICTION_INTERVAL;
use crate::pending_sends::PendingSends;
use crate::queue_tails::QueueTails;

/// Lets go of what was not used of late: rows of the store, ends of queues, and the room that was made for
/// many. All of it stands in the store, and is read once when it is used again.
pub(crate) struct IdleEviction<S> {
    pub(crate) store: Arc<CachedStore<S>>,
    pub(crate) tails: Arc<QueueTails>,
    pub(crate) pending: Arc<PendingSends>,
    /// The carrier's alone: commits are cut short when it is dropped.
    pub(crate) commits: Weak<Mutex<JoinSet<()>>>,
    /// Likewise.
    pub(crate) compared: Weak<ComparedSides>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<S: Store> IdleEviction<S> {
    /// Does so from time to time, for as long as it is let.
    pub(crate) async fn keep_evicting(self) -> Result<(), StoreError> {
        loop {
            self.clock.sleep(EVICTION_INTERVAL).await;
            self.evict();
        }
    }

    fn evict(&self) {
        self.store.evict_idle();
        self.tails.evict_idle();
        self.pending.give_back_room();
        if let Some(compared) = self.compared.upgrade() {
            compared.drop_old(self.clock.now());
        }
        // A commit that has ended takes its room until somebody asks for its outcome: mostly the next one.
        if let Some(commits) = self.commits.upgrade() {
            let mut commits = commits.lock().unwrap_or_else(PoisonError::into_inner);
            while commits.try_join_next().is_some() {}
        }
    }
}
