use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bulla_base::{PhoneNumberId, Retries};
use bulla_store::Store;
use bulla_transport::Transport;
use futures_util::FutureExt;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::active_workers::{Waiting, Worker};
use super::conversation::Conversation;
use super::fault_isolation::FailureScope;
use crate::{EventSink, RelayError, Settings, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Starts what moves things out of the store, unless it is at work, or nobody speaks for the business
    /// now.
    pub(super) fn wake(self: &Arc<Self>, conversation: Conversation, worker: Worker) {
        self.wake_for(conversation, worker, 0, Vec::new());
    }

    /// As [`wake`](Self::wake), for what was `added` to a queue whose first place is `first`.
    pub(super) fn wake_for(
        self: &Arc<Self>,
        conversation: Conversation,
        worker: Worker,
        first: u64,
        added: Vec<Waiting>,
    ) {
        let Some(tenant) = self.businesses.tenant(conversation.business) else { return };
        if self.suspensions.of(conversation).is_none()
            && self.workers.wake(conversation, worker, self.clock.now(), first, added)
        {
            let its_tenant = Arc::clone(&tenant);
            let is_started = self.spawn_for(&tenant, Some(conversation), move |inner| async move {
                let ended = inner.keep_draining(&its_tenant, conversation, worker).await;
                if ended.is_err() {
                    inner.workers.stop(conversation, worker);
                }
                ended
            });
            if !is_started {
                self.workers.stop(conversation, worker);
            }
        }
    }

    /// That something may begin to wait in one more queue of a kind of `business`.
    ///
    /// # Errors
    /// It does in so many, which is as many as may.
    pub(super) fn has_room_for(&self, business: PhoneNumberId, worker: Worker) -> Result<(), usize> {
        let Settings { waiting, waiting_per_business, .. } = self.settings;
        self.workers.have_room(business, worker, (waiting, waiting_per_business))
    }

    /// That something more may wait in the queue of the conversation: something does, or there is room.
    pub(super) fn has_room_in(&self, conversation: Conversation, worker: Worker) -> Result<(), SubmitError> {
        match self.has_room_for(conversation.business, worker) {
            Err(limit) if !self.workers.work_on(conversation, worker) => {
                Err(SubmitError::Backlogged { limit })
            }
            _ => Ok(()),
        }
    }

    /// Works until nothing is left, however often something that may pass keeps it from that.
    async fn keep_draining(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        worker: Worker,
    ) -> Result<(), RelayError> {
        let mut retries = Retries::new(self.settings.backoff);
        loop {
            let inner = Arc::clone(self);
            let drained = match worker {
                Worker::Outbox => {
                    AssertUnwindSafe(inner.drain_outbox(tenant, conversation)).catch_unwind().await
                }
                Worker::Events => {
                    AssertUnwindSafe(inner.drain_events(tenant, conversation)).catch_unwind().await
                }
                Worker::Deferred => {
                    // Rarely there: it would make the others larger.
                    let draining = AssertUnwindSafe(inner.drain_deferred(tenant, conversation));
                    Box::pin(draining.catch_unwind()).await
                }
            };
            match drained.unwrap_or(Err(RelayError::Panicked)) {
                Err(error) if error.failure_scope() == FailureScope::Passing => {
                    self.counts.retried("store");
                    if retries.failures() == 0 {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(business = %tenant.business(), error, "a conversation waits, to be tried again");
                    }
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
                ended => return ended,
            }
        }
    }
}
