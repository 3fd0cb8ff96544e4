//! How far a failure reaches: a call, a conversation, a business, or the relay. Nothing widens it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_endpoint::{EndpointError, SealError};
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::conversation::Conversation;
use super::{Inner, Relay};
use crate::metrics::SUSPENDED;
use crate::{EventSink, MarkReadError, RelayError, Report, SubmitError, Suspended, SuspendedPart};

/// What a failure stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureScope {
    /// Nothing: the same may work later.
    Passing,
    /// What it was about, a conversation or else a business.
    Part,
    /// The business.
    Business,
    /// The relay.
    Relay,
}

impl RelayError {
    pub(super) const fn failure_scope(&self) -> FailureScope {
        match self {
            Self::Store(error) => of_store(error),
            Self::Identity { source: EndpointError::Store(error), .. } => match of_store(error) {
                FailureScope::Part => FailureScope::Business,
                reach => reach,
            },
            Self::Transport(error) if error.may_pass() => FailureScope::Passing,
            Self::Transport(_) | Self::Identity { .. } | Self::StandsBy => FailureScope::Business,
            Self::Contended { .. } | Self::Panicked => FailureScope::Part,
            Self::Settings(_) | Self::Stopped { .. } => FailureScope::Relay,
        }
    }
}

pub(super) const fn of_store(error: &StoreError) -> FailureScope {
    if error.is_final() {
        return FailureScope::Relay;
    }
    if error.may_pass() { FailureScope::Passing } else { FailureScope::Part }
}

/// The conversations that are suspended.
#[derive(Debug, Default)]
pub(super) struct Suspensions(Mutex<HashMap<Conversation, Suspended>>);

impl Suspensions {
    pub(super) fn of(&self, conversation: Conversation) -> Option<Suspended> {
        let suspended = self.all();
        // Nearly always there is none.
        if suspended.is_empty() { None } else { suspended.get(&conversation).cloned() }
    }

    /// Whether it was not suspended before.
    fn put(&self, conversation: Conversation, suspended: Suspended) -> bool {
        let mut all = self.all();
        let is_new = !all.contains_key(&conversation);
        if is_new {
            all.insert(conversation, suspended);
        }
        is_new
    }

    pub(super) fn take(&self, conversation: Conversation) -> Option<Suspended> {
        self.all().remove(&conversation)
    }

    /// Forgets those that `end`.
    pub(super) fn forget(&self, end: impl Fn(Conversation) -> bool) {
        self.all().retain(|conversation, _| !end(*conversation));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Conversation, Suspended>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The businesses and conversations that have stopped by themselves, and why. In no order.
    ///
    /// Each was [reported](Report::Suspended). Mend the cause, or [set it aside](Relay::set_aside), and
    /// [resume](Relay::resume) it. When a relay is opened anew on the store, everything is tried again.
    #[must_use]
    pub fn suspended(&self) -> Vec<Suspended> {
        let mut all = self.0.businesses.suspended();
        all.extend(self.0.suspensions.all().values().cloned());
        all
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Stops what `error` is about, and only that: the relay, the business of `tenant`, or `conversation`.
    ///
    /// The error comes back if it stops nothing, because the same may work later.
    pub(super) fn contain(
        &self,
        tenant: &Arc<ActiveBusiness>,
        conversation: Option<Conversation>,
        error: RelayError,
    ) -> Result<(), RelayError> {
        match (error.failure_scope(), conversation) {
            (FailureScope::Passing, _) => return Err(error),
            (FailureScope::Relay, _) => self.stop(Some(error)),
            (FailureScope::Part, Some(conversation)) => {
                self.suspend_conversation(tenant, conversation, Arc::new(error));
            }
            (FailureScope::Part, None) | (FailureScope::Business, _) => {
                self.suspend_business(tenant, Arc::new(error))
            }
        }
        Ok(())
    }

    fn suspend_conversation(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        why: Arc<RelayError>,
    ) {
        let user = tenant.user_ids.user_id(conversation.user);
        let part = SuspendedPart::Conversation { business: conversation.business, user };
        let suspended = Suspended { part, since: self.clock.now(), why };
        if self.suspensions.put(conversation, suspended.clone()) {
            self.tell_suspended(suspended);
        }
    }

    /// Stops the business, unless it is not this tenant any more that speaks for it.
    pub(super) fn suspend_business(&self, tenant: &Arc<ActiveBusiness>, why: Arc<RelayError>) {
        let part = SuspendedPart::Business(tenant.business());
        let suspended = Suspended { part, since: self.clock.now(), why };
        tenant.tasks.stop();
        if self.businesses.suspend(tenant, suspended.clone()) {
            self.tell_suspended(suspended);
        }
    }

    pub(super) fn tell_suspended(&self, suspended: Suspended) {
        let Suspended { part, why, .. } = &suspended;
        match &**why {
            RelayError::StandsBy => {
                tracing::info!(business = %part.business(), "the relay stands by for {part}")
            }
            why => tracing::error!(
                error = why as &dyn std::error::Error,
                business = %part.business(),
                "{part} is suspended; everything else goes on"
            ),
        }
        let kind = match part {
            SuspendedPart::Business(_) => "business",
            SuspendedPart::Conversation { .. } => "conversation",
        };
        metrics::counter!(SUSPENDED, "kind" => kind).increment(1);
        self.reports.tell(Report::Suspended(suspended));
    }

    /// That the conversation is not suspended.
    pub(super) fn is_going_on(&self, conversation: Conversation) -> Result<(), SubmitError> {
        match self.suspensions.of(conversation) {
            Some(Suspended { part, why, .. }) => Err(SubmitError::Suspended { part, why }),
            None => Ok(()),
        }
    }

    /// What the caller of a call about `conversation` is told of `error`, after it has stopped whatever it is
    /// about.
    pub(super) fn refuse(
        &self,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        error: SubmitError,
    ) -> SubmitError {
        let (error, back): (RelayError, fn(RelayError) -> SubmitError) = match error {
            SubmitError::Store(error) | SubmitError::Seal(SealError::Store(error)) => {
                (error.into(), |error| match error {
                    RelayError::Store(error) => SubmitError::Store(error),
                    _ => SubmitError::Stopped,
                })
            }
            SubmitError::Seal(SealError::Damaged) => {
                (StoreError::Damaged { what: "session" }.into(), |_| SubmitError::Seal(SealError::Damaged))
            }
            error => return error,
        };
        match self.contain(tenant, Some(conversation), error) {
            Err(passing) => back(passing),
            Ok(()) if self.shutdown.is_stopped() => SubmitError::Stopped,
            Ok(()) => self.is_going_on(conversation).err().unwrap_or(SubmitError::Stopped),
        }
    }

    /// As [`refuse`](Self::refuse).
    pub(super) fn refuse_mark(
        &self,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        error: MarkReadError,
    ) -> MarkReadError {
        match error {
            MarkReadError::Submit(error) => self.refuse(tenant, conversation, error).into(),
            error => error,
        }
    }

    /// Stops the relay if `error` says that its store is dead, and gives it back if it is not.
    pub(super) fn survive(&self, error: StoreError) -> Option<StoreError> {
        match of_store(&error) {
            FailureScope::Relay => {
                self.stop(Some(error.into()));
                None
            }
            _ => Some(error),
        }
    }

    /// Wakes whatever moves things of the conversation.
    pub(super) fn wake_all(self: &Arc<Self>, conversation: Conversation) {
        self.pending_approval.note(conversation);
        self.wake(conversation, Worker::Outbox);
        self.wake(conversation, Worker::Events);
        self.wake(conversation, Worker::Deferred);
    }
}
