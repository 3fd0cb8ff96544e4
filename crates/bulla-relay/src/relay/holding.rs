//! What waits for the approval of a user's new identity, and is sealed when it is given.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Address, Category, MessageId};
use bulla_content::Content;
use bulla_endpoint::{Peer, SealError};
use bulla_envelope::Kind;
use bulla_meter::Flow;
use bulla_store::{Queued, Record, Store, StoreError};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;

use super::Inner;
use super::conversation::{ATTEMPTS, Conversation, Draft};
use super::identities::Changed;
use super::submit::Reachable;
use super::tenant::Tenant;
use crate::row::{Held, Outbound, Stage};
use crate::space::{self, MESSAGE};
use crate::{EventSink, Failure, RelayError, Status, SubmitError};

/// The conversations in which something may be held: nobody else has to look.
#[derive(Debug, Default)]
pub(super) struct Holding(Mutex<HashSet<Conversation>>);

impl Holding {
    pub(super) fn note(&self, conversation: Conversation) {
        self.all().insert(conversation);
    }

    fn may_be(&self, conversation: Conversation) -> bool {
        self.all().contains(&conversation)
    }

    fn forget(&self, conversation: Conversation) {
        self.all().remove(&conversation);
    }

    fn all(&self) -> MutexGuard<'_, HashSet<Conversation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// `content` as it is held: a message of this category, or a receipt.
    pub(super) fn held(&self, id: MessageId, category: Option<Category>, content: &Content) -> Held {
        Held::new(id, category, self.encoded(content))
    }

    /// `content` as it is stored.
    pub(super) fn encoded(&self, content: &Content) -> Bytes {
        Bytes::copy_from_slice(content.encode(&*self.rng).plaintext())
    }

    /// Seals the next that was held for the user of the conversation, and puts it into the outbox. False when
    /// there is none, or it still waits.
    pub(super) async fn release_next(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
    ) -> Result<bool, RelayError> {
        if !self.holding.may_be(conversation) {
            return Ok(false);
        }
        for _ in 0..ATTEMPTS {
            let _lane = self.lane(conversation.user).await?;
            if let Some(is_released) = self.try_release(tenant, conversation).await? {
                return Ok(is_released);
            }
        }
        Err(RelayError::InTheWay { attempts: ATTEMPTS })
    }

    /// One attempt; nothing when another changed the conversation meanwhile.
    async fn try_release(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
    ) -> Result<Option<bool>, RelayError> {
        let mut draft = self.draft(conversation).await?;
        let (next, number) = (draft.next_held(&self.store).await?, self.number(conversation).await?);
        let (Some(next), Some(number)) = (next, number) else {
            self.holding.forget(conversation);
            return Ok(Some(false));
        };
        let address = Address::user(number);
        let peer = tenant.endpoint.peer(&self.store, conversation.user, &address, draft.now).await;
        let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
        if peer.is_held() {
            return Ok(Some(false));
        }
        let held = Held::read(&next.record.value)?;
        let message = match held.of_category()? {
            None => None,
            Some(_) => {
                let waiting = self.waiting(&draft, &held).await?;
                if waiting.is_none() {
                    // It has failed.
                    draft.release(&next);
                    return Ok(self.commit(draft).await?.then_some(true));
                }
                waiting
            }
        };
        match self.reachable(tenant, &mut peer, &address, &draft).await.map_err(passing)? {
            // With yet another identity.
            Reachable::Held(changed) => {
                draft.keep(peer);
                let committed = self.commit(draft).await?;
                if committed {
                    self.tell_identity(tenant, conversation, changed);
                }
                Ok(committed.then_some(false))
            }
            Reachable::Unknown => {
                draft.release(&next);
                if let Some(message) = message {
                    draft.reach(held.id()?, &message, Status::Failed(Failure::Undeliverable))?;
                }
                Ok(self.commit(draft).await?.then_some(true))
            }
            Reachable::InSession(changed) => {
                self.seal_held(tenant, draft, peer, (&next, &held), message, changed).await
            }
        }
    }

    /// A message of the business that is still to be sent.
    async fn waiting(&self, draft: &Draft, held: &Held) -> Result<Option<Record>, StoreError> {
        let key = space::about(MESSAGE, draft.conversation.business, held.id()?);
        let Some(record) = self.store.get(draft.conversation.user, &key, draft.now).await? else {
            return Ok(None);
        };
        let stage = Outbound::read(&record.value)?.stage()?;
        let is_waiting = stage == Stage::Accepted || held.again && stage == Stage::Reached(Status::Sent);
        Ok(is_waiting.then_some(record))
    }

    async fn seal_held(
        self: &Arc<Self>,
        tenant: &Tenant,
        mut draft: Draft,
        mut peer: Peer<'_>,
        (next, held): (&Queued, &Held),
        message: Option<Record>,
        changed: Option<Changed>,
    ) -> Result<Option<bool>, RelayError> {
        let (id, category) = (held.id()?, held.of_category()?);
        let kind = category.map_or(Kind::Receipt, Kind::Message);
        draft.release(next);
        let again = message.as_ref().filter(|_| held.again);
        if let Some(message) = again {
            if let Some(sealed) = self.reseal(&mut draft, &mut peer, id, message).await? {
                let expiry = message.expiry.unwrap_or_else(|| draft.expiry());
                let place = draft.send_until(&sealed, expiry);
                draft.released_to(id, message, place)?;
            }
            return self.keep_released(tenant, draft, peer, changed).await;
        }
        match peer.seal(id, kind, &held.content()?, draft.now, &*self.rng) {
            Ok(sealed) => {
                let place = draft.send(&sealed);
                if let (Some(message), Some(category)) = (message, category) {
                    draft.count(Flow::ToUser, category);
                    draft.released_to(id, &message, place)?;
                    let expiry = message.expiry.unwrap_or_else(|| draft.expiry());
                    draft.keep_content(id, &held.unconfirmed(peer.session()), expiry);
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what was held cannot be sealed");
                if let Some(message) = message {
                    draft.reach(id, &message, Status::Failed(Failure::Undeliverable))?;
                }
            }
        }
        self.keep_released(tenant, draft, peer, changed).await
    }

    async fn keep_released(
        self: &Arc<Self>,
        tenant: &Tenant,
        mut draft: Draft,
        peer: Peer<'_>,
        changed: Option<Changed>,
    ) -> Result<Option<bool>, RelayError> {
        let conversation = draft.conversation;
        draft.keep(peer);
        let committed = self.commit(draft).await?;
        if committed {
            self.tell_identity(tenant, conversation, changed);
        }
        Ok(committed.then_some(true))
    }
}

/// What keeps something from being sealed, as whoever tries again takes it.
pub(super) fn passing(error: SubmitError) -> RelayError {
    match error {
        SubmitError::Store(error) | SubmitError::Seal(SealError::Store(error)) => error.into(),
        SubmitError::Seal(SealError::Damaged) => StoreError::Damaged { what: "session" }.into(),
        error => TransportError::unavailable(error).into(),
    }
}
