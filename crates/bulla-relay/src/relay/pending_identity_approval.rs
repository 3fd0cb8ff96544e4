//! What waits for the approval of a user's new identity, and is sealed when it is given.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Address, Category, DeviceSet, MessageId, Number, Partition, Party};
use bulla_content::Content;
use bulla_endpoint::{Peer, SealError};
use bulla_envelope::Kind;
use bulla_store::{Queued, Record, Store, StoreError};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::identities::Changed;
use super::recipient_devices::Audience;
use super::submit::Reachable;
use super::transaction::Transaction;
use crate::row::{MessagePendingApproval, Outbound, OutboxEntry, Stage};
use crate::{EventSink, Failure, RelayError, Status, SubmitError};

/// The conversations in which something may be held: nobody else has to look.
#[derive(Debug, Default)]
pub(super) struct PendingApproval(Mutex<HashSet<Conversation>>);

impl PendingApproval {
    pub(super) fn note(&self, conversation: Conversation) {
        self.all().insert(conversation);
    }

    fn may_be(&self, conversation: Conversation) -> bool {
        self.all().contains(&conversation)
    }

    fn forget(&self, conversation: Conversation) {
        self.all().remove(&conversation);
    }

    /// Forgets what waits for `user`, who is erased: nothing does any more.
    pub(super) fn forget_user(&self, user: Partition) {
        self.all().retain(|conversation| conversation.user != user);
    }

    /// Gives back the room of what waits no more.
    pub(super) fn give_back_room(&self) {
        self.all().shrink_to_fit();
    }

    fn all(&self) -> MutexGuard<'_, HashSet<Conversation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// `content` as it is held: a message of this category, or a receipt.
    pub(super) fn held(
        &self,
        id: MessageId,
        category: Option<Category>,
        content: &Content,
    ) -> MessagePendingApproval {
        MessagePendingApproval::new(id, category, self.encoded(content))
    }

    /// `content` as it is stored.
    pub(super) fn encoded(&self, content: &Content) -> Bytes {
        Bytes::copy_from_slice(content.encode(&*self.rng).plaintext())
    }

    /// Seals the next that was held for the user of the conversation, and puts it into the outbox. False when
    /// there is none, or it still waits.
    pub(super) async fn release_next(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<bool, RelayError> {
        if !self.pending_approval.may_be(conversation) {
            return Ok(false);
        }
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if let Attempt::Done(is_released) = self.try_release(tenant, conversation).await? {
                return Ok(is_released);
            }
        }
    }

    async fn try_release(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<Attempt<bool>, RelayError> {
        let mut transaction = self.transaction(conversation).await?;
        let (next, number) = (transaction.next_held(&self.store).await?, self.number(conversation).await?);
        let (Some(next), Some(number)) = (next, number) else {
            self.pending_approval.forget(conversation);
            return Ok(Attempt::Done(false));
        };
        let held = MessagePendingApproval::read(&next.record.value)?;
        let message = match held.of_category()? {
            None => None,
            Some(_) => {
                let waiting = self.waiting(&transaction, &held).await?;
                if waiting.is_none() {
                    // It has failed.
                    transaction.remove_held(&next);
                    return Ok(Attempt::of(self.commit(transaction).await?, true));
                }
                waiting
            }
        };
        match message {
            Some(message) if !held.again => {
                self.release_message(tenant, transaction, &number, (&next, &held, &message)).await
            }
            message => {
                let address = Address::new(Party::User(number), held.device()?);
                self.release_for_device(tenant, transaction, &address, (&next, &held), message).await
            }
        }
    }

    /// Seals a message that was never sealed before, for each device of its user. False when one of them
    /// still waits for approval.
    async fn release_message(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        mut transaction: Transaction,
        number: &Number,
        (next, held, message): (&Queued, &MessagePendingApproval, &Record),
    ) -> Result<Attempt<bool>, RelayError> {
        let (conversation, id) = (transaction.conversation, held.id()?);
        let Some(category) = held.of_category()? else { return Ok(Attempt::Done(false)) };
        let audience = self.audience(tenant, &mut transaction, number).await.map_err(passing)?;
        let (changed, is_released) = match audience {
            // Perhaps with yet another identity.
            Audience::Held(recipients) => (recipients.put(&mut transaction), false),
            Audience::Unknown => {
                transaction.remove_held(next);
                transaction.advance_status(id, message, Status::Failed(Failure::Undeliverable))?;
                (Vec::new(), true)
            }
            Audience::InSession(mut recipients) => {
                transaction.remove_held(next);
                let (content, words, now) = (held.content()?, held.words(), transaction.now);
                match recipients.seal((id, category), (&content, words), now, &*self.rng) {
                    Ok(sealed) => {
                        transaction.count_sent(category, number);
                        let mut outbound = Outbound::read(&message.value)?;
                        outbound.in_window = transaction.window().is_open();
                        let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                        sealed.put(&mut transaction, (id, &mut outbound), expiry);
                        transaction.put_message(id, message, &outbound);
                    }
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "what was held cannot be sealed");
                        let failed = Status::Failed(Failure::Undeliverable);
                        transaction.advance_status(id, message, failed)?;
                    }
                }
                (recipients.put(&mut transaction), true)
            }
        };
        if !is_released && changed.is_empty() {
            return Ok(Attempt::Done(false));
        }
        let committed = self.commit(transaction).await?;
        if committed {
            self.tell_identities(tenant, conversation, changed);
        }
        Ok(Attempt::of(committed, is_released))
    }

    /// Seals what is for one device: a receipt, or a message that others have been sent before. False when
    /// the device still waits for approval.
    async fn release_for_device(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        mut transaction: Transaction,
        address: &Address,
        (next, held): (&Queued, &MessagePendingApproval),
        message: Option<Record>,
    ) -> Result<Attempt<bool>, RelayError> {
        let conversation = transaction.conversation;
        let peer = tenant.endpoint.peer(&self.store, conversation.user, address, transaction.now).await;
        let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
        if peer.is_held() {
            return Ok(Attempt::Done(false));
        }
        match self.reachable(tenant, &mut peer, address, &mut transaction).await.map_err(passing)? {
            // With yet another identity.
            Reachable::Held(changed) => {
                transaction.put_sessions(peer);
                let committed = self.commit(transaction).await?;
                if committed {
                    self.tell_identities(tenant, conversation, changed);
                }
                Ok(Attempt::of(committed, false))
            }
            Reachable::Unknown | Reachable::Gone => {
                transaction.remove_held(next);
                if let Some(message) = message {
                    let (device, failure) = (DeviceSet::of(address.device()), Failure::Undeliverable);
                    transaction.let_go(held.id()?, &message, device, failure)?;
                }
                Ok(Attempt::of(self.commit(transaction).await?, true))
            }
            Reachable::InSession(changed) => {
                self.seal_held(tenant, transaction, peer, (next, held), message, changed).await
            }
        }
    }

    /// A message of the business that is still to be sent.
    pub(super) async fn waiting(
        &self,
        transaction: &Transaction,
        held: &MessagePendingApproval,
    ) -> Result<Option<Record>, StoreError> {
        let Some(record) = transaction.message(&self.store, held.id()?).await? else { return Ok(None) };
        let outbound = Outbound::read(&record.value)?;
        let is_waiting = match held.again {
            true => outbound.awaited()?.contains(held.device()?),
            false => outbound.stage()? == Stage::Accepted,
        };
        Ok(is_waiting.then_some(record))
    }

    async fn seal_held(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        mut transaction: Transaction,
        mut peer: Peer<'_>,
        (next, held): (&Queued, &MessagePendingApproval),
        message: Option<Record>,
        changed: Option<Changed>,
    ) -> Result<Attempt<bool>, RelayError> {
        let id = held.id()?;
        transaction.remove_held(next);
        if let Some(message) = &message {
            if let Some(sealed) = self.reseal(&mut transaction, &mut peer, id, message).await? {
                let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                let place = transaction.push_outbox_until(&OutboxEntry::of(sealed), expiry);
                let mut outbound = Outbound::read(&message.value)?;
                if outbound.held {
                    (outbound.outbox_place, outbound.held) = (place, false);
                    transaction.put_message(id, message, &outbound);
                }
            }
            return self.keep_released(tenant, transaction, peer, changed).await;
        }
        match peer.seal(id, Kind::Receipt, &held.content()?, transaction.now, &*self.rng) {
            Ok(sealed) => {
                transaction.push_outbox(&OutboxEntry::of(sealed));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what was held cannot be sealed");
            }
        }
        self.keep_released(tenant, transaction, peer, changed).await
    }

    async fn keep_released(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        mut transaction: Transaction,
        peer: Peer<'_>,
        changed: Option<Changed>,
    ) -> Result<Attempt<bool>, RelayError> {
        let conversation = transaction.conversation;
        transaction.put_sessions(peer);
        let committed = self.commit(transaction).await?;
        if committed {
            self.tell_identities(tenant, conversation, changed);
        }
        Ok(Attempt::of(committed, true))
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
