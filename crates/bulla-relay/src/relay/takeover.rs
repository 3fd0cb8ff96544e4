//! How one of several relays on a store acts for the businesses, and another takes over from it.

use std::pin::Pin;
use std::sync::Arc;

use bulla_base::PhoneNumberId;
use bulla_store::{SYSTEM_PARTITION, Store, StoreError, StoreWrapper, Version};
use bulla_transport::Transport;
use futures_util::StreamExt;
use tracing::Span;

use super::Inner;
use super::fault_isolation::{FailureScope, of_store};
use super::lease::LeaseWatch;
use super::role::Phase;
use crate::limits::{LEASE_INTERVAL, LEASE_LOOKS, OPENED_AT_ONCE, SWEEP_INTERVAL};
use crate::store_layout::LEASE;
use crate::{EventSink, RelayError};

/// A takeover that is under way.
type Takeover = Pin<Box<dyn Future<Output = Result<(), RelayError>> + Send>>;

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes the lease of the store, if nobody has it. The rows beneath the cache, which another may write.
    pub(super) async fn take_lease_if_free(&self) -> Result<Option<Version>, StoreError> {
        self.lease.take_if_over(self.store.inner(), &mut LeaseWatch::default(), false).await
    }

    /// Gives the lease back when nothing of the relay runs any more, so that another need not wait.
    pub(super) async fn release_lease(&self) {
        if self.settings.failover
            && let Err(error) = self.lease.release(self.store.inner()).await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the lease could not be given back; another relay waits until it is over");
        }
    }

    /// Renews the lease while it is `held`, and takes it when its holder is gone, for as long as the relay
    /// runs.
    pub(super) async fn keep_lease(self: Arc<Self>, held: Option<Version>) -> Result<(), RelayError> {
        let mut changes = self.store.watch(SYSTEM_PARTITION, LEASE);
        let (mut held, mut watch, mut failing) = (held, LeaseWatch::default(), false);
        let mut takeover: Option<Takeover> = None;
        loop {
            let is_late = tokio::select! {
                biased;
                () = self.clock.sleep(LEASE_INTERVAL) => true,
                // Who gives it back need not be waited for, if it is told here.
                () = changes.changed(), if held.is_none() => false,
                ended = ended(&mut takeover) => {
                    takeover = None;
                    ended?;
                    continue;
                }
            };
            let store = self.store.inner();
            let seen = match held {
                Some(version) => self.lease.put(store, Some(version)).await,
                None => self.lease.take_if_over(store, &mut watch, is_late).await,
            };
            match seen {
                Ok(now) => {
                    failing = false;
                    match (held, now) {
                        (None, Some(_)) => takeover = Some(Box::pin(Arc::clone(&self).keep_taking_over())),
                        (Some(_), None) => {
                            takeover = None;
                            self.stand_by();
                        }
                        _ => {}
                    }
                    held = now;
                }
                Err(error) if of_store(&error) == FailureScope::Relay => return Err(error.into()),
                // Nothing else can be written either. Whoever takes it meanwhile is met the next time.
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "the lease cannot be read or renewed; it is tried again");
                    }
                }
            }
        }
    }

    /// Another relay has taken the lease: nothing is written any more, and the businesses are suspended until
    /// this one has it again.
    fn stand_by(&self) {
        // First: who is being opened meanwhile sees it.
        self.role.lose();
        tracing::warn!("another relay on the store has taken over; this one stands by");
        for (suspended, tenant) in self.businesses.stand_by(self.clock.now()) {
            tenant.iter().for_each(|tenant| tenant.tasks.stop());
            self.tell_suspended(suspended);
        }
        // What the business has taken stays noted. If this one acts again before the other has removed it, it
        // is not told a second time.
    }

    async fn keep_taking_over(self: Arc<Self>) -> Result<(), RelayError> {
        let losses = self.role.losses();
        loop {
            match self.take_over(losses).await {
                Ok(()) => return Ok(()),
                Err(error) if of_store(&error) == FailureScope::Relay => return Err(error.into()),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "what was left undone cannot be read; it is tried again");
                }
            }
            self.clock.sleep(LEASE_INTERVAL).await;
        }
    }

    /// Takes up what the one before has left undone, as a start does.
    async fn take_over(self: &Arc<Self>, losses: u64) -> Result<(), StoreError> {
        // What was read while another wrote may be anything.
        self.store.forget_all();
        self.session_cache.clear();
        self.index.forget_all();
        self.suspensions.forget(|_| true);
        self.erasures.forget_all();
        self.finish_erasures().await?;
        self.finish_erasures_of_businesses().await?;
        if !self.role.advance(Phase::Opening, losses) {
            return Ok(());
        }
        tracing::info!("the relay takes over");
        futures_util::stream::iter(self.businesses.standing_by())
            .for_each_concurrent(OPENED_AT_ONCE, |business| self.take_up(business))
            .await;
        self.role.advance(Phase::Acting, losses);
        Ok(())
    }

    async fn take_up(self: &Arc<Self>, business: PhoneNumberId) {
        let _turn = self.businesses.turn(business).await;
        // It may have been taken down, or taken up by somebody else, meanwhile.
        if self.businesses.stands_by(business) {
            self.reopen(business).await;
        }
    }

    /// Looks again for conversations that have work: whoever acted before may have written something when
    /// this one had looked already, being slow, or stopped for a while in the middle of a record.
    pub(super) async fn keep_looking_for_work(self: Arc<Self>) -> Result<(), RelayError> {
        let mut wait = LEASE_INTERVAL * LEASE_LOOKS;
        loop {
            self.clock.sleep(wait).await;
            for business in self.businesses.ids() {
                let Some(tenant) = self.businesses.tenant(business) else { continue };
                if let Err(error) = self.resume_marked(business).await {
                    self.contain(&tenant, None, error.into()).or_else(|passing| match passing {
                        RelayError::Store(error) if of_store(&error) == FailureScope::Passing => Ok(()),
                        error => Err(error),
                    })?;
                }
            }
            wait = SWEEP_INTERVAL;
        }
    }

    /// Runs `task`, which is made anew each time, whenever the relay acts.
    pub(super) fn spawn_while_acting<F, R>(self: &Arc<Self>, span: Span, task: F)
    where
        F: Fn(Arc<Self>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), RelayError>> + Send + 'static,
    {
        self.spawn(span, move |inner| async move {
            loop {
                inner.role.acting().await;
                tokio::select! {
                    biased;
                    () = inner.role.lost() => {}
                    ended = task(Arc::clone(&inner)) => return ended,
                }
            }
        });
    }
}

/// The outcome of `takeover`, if there is one.
async fn ended(takeover: &mut Option<Takeover>) -> Result<(), RelayError> {
    match takeover {
        Some(takeover) => takeover.await,
        None => std::future::pending().await,
    }
}
