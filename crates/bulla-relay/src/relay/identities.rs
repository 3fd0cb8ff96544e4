use std::sync::Arc;

use bulla_base::{Address, DeviceId, Number, Party, PhoneNumberId};
use bulla_endpoint::{Identity, Peer, SafetyNumber};
use bulla_store::Store;
use bulla_transport::Transport;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::{Inner, Relay, trace_span};
use crate::metrics::IDENTITY_CHANGES;
use crate::{EventSink, Recipient, Report, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The number that `business` and `user` compare to know that nobody stands between them: the user's
    /// device shows the same. It is that of the identity the user has come with last, also if that waits for
    /// approval. Nothing before there was a session.
    ///
    /// # Errors
    /// As when a message is accepted. [`SubmitError::UnknownUser`] for the id of a user with whom no message
    /// lives.
    ///
    /// # Cost
    /// One read, and about 10 ms of hashing.
    pub async fn safety_number(
        &self,
        business: PhoneNumberId,
        user: impl Into<Recipient>,
    ) -> Result<Option<SafetyNumber>, SubmitError> {
        let tenant = self.0.tenant(business)?;
        let looking = self.0.peer_of(&tenant, user.into());
        let peer = looking.instrument(trace_span::call("safety number", Some(business))).await?;
        Ok(peer.safety_number())
    }

    /// Whom `business` takes for `user`: the identity the user has come with last, also if that waits for
    /// approval. Nothing before there was a session.
    ///
    /// # Errors
    /// As [`safety_number`](Self::safety_number).
    pub async fn identity(
        &self,
        business: PhoneNumberId,
        user: impl Into<Recipient>,
    ) -> Result<Option<Identity>, SubmitError> {
        let tenant = self.0.tenant(business)?;
        let looking = self.0.peer_of(&tenant, user.into());
        let peer = looking.instrument(trace_span::call("identity", Some(business))).await?;
        Ok(peer.identity())
    }

    /// Approves of `identity`, of which [`Report::IdentityChanged`] told: what was held for `user` is sent,
    /// in the order in which it was accepted. False when it is not the one that waits: the user has come with
    /// yet another since, or nothing waits.
    ///
    /// # Errors
    /// As when a message is accepted.
    ///
    /// # Security
    /// Compare [`safety numbers`](Self::safety_number) with the user first, by a way that is not this
    /// conversation.
    pub async fn approve_identity(
        &self,
        business: PhoneNumberId,
        user: impl Into<Recipient>,
        identity: Identity,
    ) -> Result<bool, SubmitError> {
        let (inner, tenant, user) = (Arc::clone(&self.0), self.0.tenant(business)?, user.into());
        let of = Arc::clone(&tenant);
        let approving = async move { inner.approve(&of, user, identity).await };
        let approving = approving.instrument(trace_span::call("approve identity", Some(business)));
        let approved = self.0.see_through_for(&tenant, approving);
        approved.await.unwrap_or_else(Err)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn approve(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        user: Recipient,
        identity: Identity,
    ) -> Result<bool, SubmitError> {
        let (conversation, number) = self.user_of(tenant, user).await?;
        trace_span::is_with(conversation.user);
        let _lock = self.lock(conversation.user).await?;
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let mut transaction = self.transaction(conversation).await?;
            let mut is_approved = false;
            for device in transaction.devices().iter() {
                let mut peer = self.peer(tenant, conversation, (&number, device)).await?;
                if peer.approve(&identity) {
                    is_approved = true;
                    transaction.put_sessions(peer);
                }
            }
            if !is_approved {
                return Ok(false);
            }
            if self.commit(transaction).await? {
                tracing::info!(business = %conversation.business, "a changed identity was approved");
                self.pending_approval.note(conversation);
                self.wake(conversation, Worker::Outbox);
                return Ok(true);
            }
        }
    }

    /// The conversation with `user`, and their number.
    async fn user_of(
        &self,
        tenant: &ActiveBusiness,
        user: Recipient,
    ) -> Result<(Conversation, Number), SubmitError> {
        match user {
            Recipient::Number(number) => Ok((self.conversation(tenant, &number), number)),
            Recipient::UserId(user) => {
                let conversation =
                    Conversation { business: tenant.business(), user: tenant.user_ids.partition(user) };
                let number = self.number(conversation).await?.ok_or(SubmitError::UnknownUser)?;
                Ok((conversation, number))
            }
        }
    }

    /// What `tenant` has of `user`: of the device whose new identity waits for approval, or else of the first
    /// there is.
    async fn peer_of<'v>(
        &self,
        tenant: &'v ActiveBusiness,
        user: Recipient,
    ) -> Result<Peer<'v>, SubmitError> {
        let (conversation, number) = self.user_of(tenant, user).await?;
        trace_span::is_with(conversation.user);
        let devices = self.transaction(conversation).await?.devices();
        let mut first = self.peer(tenant, conversation, (&number, DeviceId::PRIMARY)).await?;
        for device in devices.without(DeviceId::PRIMARY).iter() {
            let peer = self.peer(tenant, conversation, (&number, device)).await?;
            let is_news = peer.is_held() && !first.is_held();
            if is_news || first.identity().is_none() {
                first = peer;
            }
        }
        Ok(first)
    }

    async fn peer<'v>(
        &self,
        tenant: &'v ActiveBusiness,
        conversation: Conversation,
        (number, device): (&Number, DeviceId),
    ) -> Result<Peer<'v>, SubmitError> {
        let (address, now) = (Address::new(Party::User(number.clone()), device), self.clock.now());
        tenant.endpoint.peer(&self.store, conversation.user, &address, now).await.map_err(SubmitError::Seal)
    }

    /// Tells that devices of the conversation's user have come with other identities, as `changed` says.
    pub(super) fn tell_identities(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        changed: impl IntoIterator<Item = Changed>,
    ) {
        for Changed { identity, is_held } in changed {
            let (business, user) = (conversation.business, tenant.user_ids.user_id(conversation.user));
            metrics::counter!(IDENTITY_CHANGES).increment(1);
            tracing::warn!(%business, is_held, "a user has another identity than before");
            self.reports.tell(Report::IdentityChanged { business, user, identity, is_held });
        }
    }
}

/// Another identity than before, to be told of when it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed {
    identity: Identity,
    is_held: bool,
}

impl Changed {
    /// What there is to tell of `peer`, if its identity `has_changed`.
    pub(super) fn of(peer: &Peer<'_>, has_changed: bool) -> Option<Self> {
        let identity = peer.identity().filter(|_| has_changed)?;
        Some(Self { identity, is_held: peer.is_held() })
    }
}
