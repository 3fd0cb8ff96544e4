//! What those who have fallen silent take of memory, and the room that was made for many, are let go of.

use bulla_base::Timestamp;
use bulla_store::Store;
use bulla_transport::Transport;

use super::Inner;
use crate::EventSink;

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Lets go of the sessions and the rows of the store that were not used since the sweep before, and of
    /// what counts against no rule any more. What is used again is read once.
    ///
    /// Sessions and rows go by the sweeps, and not by the clock: one that leaps lets go of nothing that is in
    /// use.
    pub(super) fn evict_idle(&self, now: Timestamp) {
        self.session_cache.evict_idle();
        self.store.evict_idle();
        for tenant in self.businesses.ids().into_iter().filter_map(|id| self.businesses.tenant(id)) {
            tenant.rules.evict_idle(now);
        }
        // Maps keep the room for the most that were ever in them.
        self.workers.give_back_room();
        self.pending_approval.give_back_room();
        self.index.give_back_room();
    }
}
