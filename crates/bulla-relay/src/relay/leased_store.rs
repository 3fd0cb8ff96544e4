use std::sync::Arc;

use bulla_store::{Batch, CachedStore, Commit, Store, StoreError, StoreWrapper};
use bulla_transport::Transport;

use super::Inner;
use super::lease::taken_over;
use crate::EventSink;

/// The store of a relay, where it takes the next incarnation of a number: with [failover](crate::Settings)
/// nothing is written there unless the lease is the relay's own.
///
/// What is written is based on a row that was read before the lease is looked at. If another takes the lease
/// after that look, its own incarnation comes later, or else this commit is a conflict. So a relay that was
/// stopped for a while in the middle of a takeover never raises an incarnation above that of the relay which
/// acts now.
pub(super) struct LeasedStore<S: Store, T: Transport, K: EventSink>(Arc<Inner<S, T, K>>);

impl<S: Store, T: Transport, K: EventSink> LeasedStore<S, T, K> {
    pub(super) fn of(relay: &Arc<Inner<S, T, K>>) -> Self {
        Self(Arc::clone(relay))
    }
}

impl<S: Store, T: Transport, K: EventSink> StoreWrapper for LeasedStore<S, T, K> {
    type Inner = CachedStore<S>;

    fn inner(&self) -> &CachedStore<S> {
        &self.0.store
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        // The rows beneath the cache, which another may write.
        if self.0.settings.failover && !self.0.lease.is_held(self.0.store.inner()).await? {
            return Err(taken_over());
        }
        self.0.store.commit(batch).await
    }
}
