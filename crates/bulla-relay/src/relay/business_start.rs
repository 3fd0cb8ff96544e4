//! How businesses begin to be spoken for: at the opening of the relay, and while it runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::{PhoneNumberId, Retries};
use bulla_endpoint::{EndpointError, ONE_TIME_KEYS, REFILL_BELOW};
use bulla_store::Store;
use bulla_transport::{Connected, NumberProof, Transport, TransportError};
use futures_util::StreamExt;
use tracing::{Instrument, Span};

use super::active_business::ActiveBusiness;
use super::business_registry::BusinessState;
use super::fault_isolation::FailureScope;
use super::{Inner, trace_span};
use crate::limits::OPENED_AT_ONCE;
use crate::{EventSink, RelayError, Report, Suspended, SuspendedPart};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Begins to speak for `businesses`, which were entered, many at once. Those that cannot be spoken for
    /// are suspended and reported.
    ///
    /// Each in a task of its own: to read the keys of thousands takes more than one core.
    pub(super) async fn bring_up_all(self: &Arc<Self>, businesses: Vec<PhoneNumberId>) {
        futures_util::stream::iter(businesses)
            .for_each_concurrent(OPENED_AT_ONCE, |business| async move {
                // Counted among the tasks of the relay: a close waits for it.
                let Some(member) = self.shutdown.tasks().join() else { return };
                let inner = Arc::clone(self);
                let bringing_up = async move {
                    let _member = member;
                    inner.bring_up(business).await;
                };
                if tokio::spawn(bringing_up.instrument(trace_span::call("open", Some(business))))
                    .await
                    .is_err()
                {
                    self.suspend_unopened(business, RelayError::Panicked);
                }
            })
            .await;
    }

    /// Begins to speak for `business`, which was entered; or suspends it, or stops the relay. To be called by
    /// whoever has its turn.
    ///
    /// When what keeps it from speaking may pass, it goes on trying.
    pub(super) async fn bring_up(self: &Arc<Self>, business: PhoneNumberId) {
        if let Err(error) = self.try_to_bring_up(business).await {
            tracing::warn!(%business, error = &error as &dyn std::error::Error, "the business is to be tried again");
            self.spawn(Span::current(), move |inner| async move {
                let mut retries = Retries::new(inner.settings.backoff);
                loop {
                    inner.clock.sleep(retries.next_wait(&*inner.rng)).await;
                    let _turn = inner.businesses.turn(business).await;
                    // It may have been removed, or opened by somebody else, while this one slept.
                    let is_awaited = matches!(inner.businesses.state(business), Some(BusinessState::Opening));
                    if !is_awaited || inner.try_to_bring_up(business).await.is_ok() {
                        return Ok(());
                    }
                }
            });
        }
    }

    /// The error comes back if the same may work later.
    async fn try_to_bring_up(self: &Arc<Self>, business: PhoneNumberId) -> Result<(), RelayError> {
        while !self.role.may_act() {
            self.suspend_unopened(business, RelayError::StandsBy);
            // Whoever takes over meanwhile takes it up, or did not see it yet.
            if !self.role.may_act() {
                return Ok(());
            }
        }
        let tenant = match self.activate(business).await {
            Ok(tenant) => Arc::new(tenant),
            // Another took the lease or gave it up meanwhile: the next attempt sees which of the two.
            Err(error) if self.settings.failover && is_shared(&error) => return Err(error),
            Err(error) => match error.failure_scope() {
                FailureScope::Passing => return Err(error),
                FailureScope::Relay => {
                    self.stop(Some(error));
                    return Ok(());
                }
                FailureScope::Part | FailureScope::Business => {
                    self.suspend_unopened(business, error);
                    return Ok(());
                }
            },
        };
        // Before the carrier is asked: messages are accepted while it is away.
        self.businesses.set(business, BusinessState::Speaking(Arc::clone(&tenant)));
        if !self.role.may_act() {
            self.suspend_business(&tenant, Arc::new(RelayError::StandsBy));
            return Ok(());
        }
        // While the carrier is away nobody waits for it: the task that receives goes on trying.
        if !self.carrier_is_away.load(Ordering::Relaxed)
            && let Err(error) = self.connect(&tenant).await
        {
            match self.contain(&tenant, None, error) {
                Err(passing) => {
                    self.carrier_is_away.store(true, Ordering::Relaxed);
                    let error: &dyn std::error::Error = &passing;
                    tracing::warn!(%business, error, "the carrier cannot be reached yet");
                }
                Ok(()) => return Ok(()),
            }
        }
        self.go_on(&tenant).await
    }

    /// Suspends a business that nobody speaks for yet.
    fn suspend_unopened(&self, business: PhoneNumberId, why: RelayError) {
        let part = SuspendedPart::Business(business);
        let suspended = Suspended { part, since: self.clock.now(), why: Arc::new(why) };
        self.businesses.set(business, BusinessState::Suspended(Arc::new(suspended.clone()), None));
        self.tell_suspended(suspended);
    }

    /// Takes up what was left undone for the business, and receives for it from now on.
    async fn go_on(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>) -> Result<(), RelayError> {
        if let Err(error) = self.resume_marked(tenant.business()).await {
            // To be opened anew, if it is tried again.
            let error = self.contain(tenant, None, error.into());
            if error.is_err() {
                tenant.tasks.stop();
                self.businesses.set(tenant.business(), BusinessState::Opening);
            }
            return error;
        }
        let receiving = Arc::clone(tenant);
        self.spawn_for(tenant, None, move |inner| async move { inner.keep_receiving(receiving).await });
        Ok(())
    }

    /// Tells the carrier that this incarnation speaks, and fills up its stock of our one-time keys.
    pub(super) async fn connect(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>) -> Result<(), RelayError> {
        // The semaphore is never closed, so there is no error to hear.
        let _place = self.connecting.acquire().await;
        let identity = |source| RelayError::Identity { business: tenant.business(), source };
        let (endpoint, now) = (&tenant.endpoint, self.clock.now());
        // A new installation registers, once: a copy of an old store must not come in as one.
        let connected = if endpoint.is_registered(&self.store, now).await.map_err(identity)? {
            match Box::pin(self.transport.connect(&tenant.caller)).await {
                // The carrier has lost whose the number is. One that knows another installation says that we
                // are shut out.
                Err(TransportError::Unproven) => self.register(tenant).await?,
                connected => connected?,
            }
        } else {
            let connected = self.register(tenant).await?;
            endpoint.set_registered(&self.store, now).await.map_err(identity)?;
            connected
        };
        self.businesses.is_proven(tenant.business());
        self.meet_carrier(tenant, connected.generation);
        Box::pin(self.note_connected(tenant, connected)).await?;
        Box::pin(self.begin_log(tenant)).await;
        tenant.is_connected.store(true, Ordering::Relaxed);
        self.carrier_is_away.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Registers the number, with the proof that the host has handed over, if it has.
    async fn register(&self, tenant: &ActiveBusiness) -> Result<Connected, TransportError> {
        let proof = self.businesses.proof(tenant.business());
        Box::pin(self.transport.register(&tenant.caller, &proof.unwrap_or_else(NumberProof::none))).await
    }

    /// Leaves our keys with the carrier, and as many new one-time keys as it lacks; nothing if it lacks none,
    /// as after nearly every start.
    pub(super) async fn leave_keys(
        &self,
        tenant: &ActiveBusiness,
        connected: Connected,
    ) -> Result<(), RelayError> {
        let identity = |source| RelayError::Identity { business: tenant.business(), source };
        let (left, highest) = (connected.one_time_keys, connected.highest_one_time);
        let (endpoint, now) = (&tenant.endpoint, self.clock.now());
        if endpoint.is_stocked(&self.store, left, highest, now).await.map_err(identity)? {
            return Ok(());
        }
        let left = if left <= REFILL_BELOW { left } else { ONE_TIME_KEYS };
        let keys = endpoint.keys_to_publish(&self.store, left, highest, now, &*self.rng).await;
        let keys = keys.map_err(identity)?;
        Box::pin(self.transport.publish(&tenant.caller, keys.clone())).await?;
        endpoint.set_published(&self.store, &keys, now).await.map_err(identity)
    }

    /// Resumes a business that is suspended; `None` when it is not. To be called by whoever has its turn.
    pub(super) async fn reopen(self: &Arc<Self>, business: PhoneNumberId) -> Option<()> {
        let BusinessState::Suspended(_, tenant) = self.businesses.state(business)? else { return None };
        self.businesses.set(business, BusinessState::Opening);
        self.wind_up(business, tenant).await;
        self.bring_up(business).await;
        if matches!(self.businesses.state(business), Some(BusinessState::Speaking(_))) {
            tracing::info!(%business, "the business is resumed");
            self.reports.tell(Report::Resumed(SuspendedPart::Business(business)));
        }
        Some(())
    }
}

/// Whether another relay has begun to speak for the number at the same time.
const fn is_shared(error: &RelayError) -> bool {
    matches!(error, RelayError::Identity { source: EndpointError::Shared { .. }, .. })
}
