//! What the user's device could not open is sealed anew and sent again.

use std::sync::Arc;

use bulla_base::{Address, DeviceId, DeviceSet, MessageId};
use bulla_content::RetryRequest;
use bulla_endpoint::{Peer, Resend, SealError, Unconfirmed};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Commit, Record, Store, StoreError, Version};
use bulla_transport::{Transport, TransportError};

use super::Inner;
use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::identities::Changed;
use super::pending_identity_approval::passing;
use super::queue_page::QueuedRow;
use super::submit::Reachable;
use super::transaction::Transaction;
use crate::limits::KEYS_AWAITED_FOR;
use crate::metrics::RESENT;
use crate::row::{MessagePendingApproval, Outbound, OutboxEntry, Stage, UnconfirmedCopies};
use crate::store_layout::{self, CONTENT};
use crate::{EventSink, Failure, RelayError, SubmitError};

/// What became of an entry of the outbox that the carrier did not take as it was.
pub(super) enum Renewed {
    /// It is another now, and stands where it did.
    Sealed(Box<(OutboxEntry, QueuedRow)>),
    /// It is not in the outbox any more.
    TakenOut,
    /// Another relay has changed it since it was read.
    Changed,
    /// Nothing can be sealed for the device.
    Not,
}

/// How a message that is to be sent again leaves.
pub(super) enum Way {
    Sealed(Option<Box<Envelope>>, Option<Changed>),
    Held(Option<Changed>),
    Unknown,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Seals a message into `transaction` once more, as the user's device `from` has asked for; or fails it,
    /// if it was sent as often as it ever is.
    ///
    /// What was sealed in the session that the request came in is sealed in a new one. A message that the
    /// device has confirmed, or that has failed, is not sent again, whoever asks.
    pub(super) async fn send_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        from: &Address,
        request: RetryRequest,
    ) -> Result<Option<Changed>, RelayError> {
        let id = request.message();
        let device = from.device();
        let Some((message, outbound)) = self.unconfirmed(transaction, id, device).await? else {
            return Ok(None);
        };
        if outbound.held {
            // It waits for the user's new identity to be approved, and comes then.
            return Ok(None);
        }
        if let Some((copies, _)) = self.copies_of(transaction, id).await?
            && let Some(copy) = copies.of(device)
            && copy.asked_for(request.attempt(), transaction.now) == Resend::UnderWay
        {
            // Several requests that waited with the carrier come at once: one answer serves them all.
            return Ok(None);
        }
        let way = match self.seal_again(tenant, transaction, peer, (id, &message)).await {
            Err(error) if is_of_peer(&error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "who has asked for a message has left no keys to seal it with");
                Way::Unknown
            }
            way => way.map_err(passing)?,
        };
        Ok(self.put_again(transaction, (id, &message, &outbound), device, way, "asked")?)
    }

    /// Puts a message that is sent again to `device` at the end of what waits, and says whose identity is
    /// another.
    pub(super) fn put_again(
        &self,
        transaction: &mut Transaction,
        (id, message, outbound): (MessageId, &Record, &Outbound),
        device: DeviceId,
        way: Way,
        reason: &'static str,
    ) -> Result<Option<Changed>, StoreError> {
        match way {
            Way::Sealed(envelope, changed) => {
                if let Some(envelope) = envelope {
                    let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                    transaction.push_outbox_until(&OutboxEntry::of(*envelope), expiry);
                    metrics::counter!(RESENT, "reason" => reason).increment(1);
                }
                Ok(changed)
            }
            Way::Held(changed) => {
                let category = outbound.of_category()?;
                transaction.push_held(&MessagePendingApproval::again(id, category, device));
                self.pending_approval.note(transaction.conversation);
                Ok(changed)
            }
            // The device asks again, or its time to live ends.
            Way::Unknown => Ok(None),
        }
    }

    /// Seals the envelope at `index` of what was `read` in the outbox for the installation of its device that
    /// is now: the carrier has refused it, for the one it was sealed for is no more. It keeps its place, so
    /// that nothing passes it.
    pub(super) async fn renew(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        read: (&QueuedRow, &OutboxEntry),
        index: usize,
    ) -> Result<Renewed, RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read.0).await? {
                return Ok(Renewed::TakenOut);
            }
            if let Attempt::Done(renewed) = self.try_renew(tenant, conversation, read, index).await? {
                return Ok(renewed);
            }
        }
    }

    async fn try_renew(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (read, entry): (&QueuedRow, &OutboxEntry),
        index: usize,
    ) -> Result<Attempt<Renewed>, RelayError> {
        let Some(envelope) = entry.envelopes().get(index) else { return Ok(Attempt::Done(Renewed::Not)) };
        let (mut transaction, id, to) = (self.transaction(conversation).await?, envelope.id(), envelope.to());
        let Some((message, mut outbound)) = self.unconfirmed(&transaction, id, to.device()).await? else {
            return Ok(Attempt::Done(Renewed::Not));
        };
        let peer = tenant.endpoint.peer(&self.store, conversation.user, to, transaction.now).await;
        let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
        envelope.installation().into_iter().for_each(|gone| peer.retire_session(gone));
        let way = match self.seal_again(tenant, &mut transaction, &mut peer, (id, &message)).await {
            // The others do not wait for its keys for long.
            Err(error)
                if is_of_peer(&error)
                    && entry.known() != Some(DeviceSet::of(to.device()))
                    && transaction.now >= id.time().after(KEYS_AWAITED_FOR) =>
            {
                Way::Unknown
            }
            way => way.map_err(passing)?,
        };
        let (renewed, changed) = match way {
            Way::Sealed(Some(sealed), changed) => {
                let sealed = match entry.known() {
                    Some(known) => sealed.among(known).map_err(TransportError::from)?,
                    None => *sealed,
                };
                metrics::counter!(RESENT, "reason" => "reinstalled").increment(1);
                (Some(entry.with(sealed)), changed)
            }
            Way::Sealed(None, changed) => (entry.without(to.device()), changed),
            Way::Held(changed) => {
                let rest = entry.without(to.device());
                let again = MessagePendingApproval::again(id, outbound.of_category()?, to.device());
                let place = transaction.push_held(&again);
                if outbound.stage()? == Stage::Accepted && rest.is_none() {
                    (outbound.outbox_place, outbound.held) = (place, true);
                    transaction.put_message(id, &message, &outbound);
                }
                self.pending_approval.note(conversation);
                (rest, changed)
            }
            Way::Unknown => return Ok(Attempt::Done(Renewed::Not)),
        };
        match &renewed {
            Some(renewed) => {
                let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                transaction.replace_in_outbox(read, renewed, expiry);
            }
            None => transaction.remove_from_outbox(read.place),
        }
        transaction.put_sessions(peer);
        let version = match self.try_commit(transaction).await? {
            Commit::Committed(version) => version,
            Commit::Conflict(key) if key == read.key => return Ok(Attempt::Done(Renewed::Changed)),
            _ => return Ok(Attempt::Conflict),
        };
        self.tell_identities(tenant, conversation, changed);
        // What is in memory is what stood there before.
        self.workers.let_go(conversation, Worker::Outbox);
        Ok(Attempt::Done(match renewed {
            Some(renewed) => Renewed::Sealed(Box::new((renewed, QueuedRow { version, ..read.clone() }))),
            None => Renewed::TakenOut,
        }))
    }

    /// A message of the business that this device of its user has not confirmed, and that has not failed.
    pub(super) async fn unconfirmed(
        &self,
        transaction: &Transaction,
        id: MessageId,
        device: DeviceId,
    ) -> Result<Option<(Record, Outbound)>, StoreError> {
        let Some(record) = transaction.message(&self.store, id).await? else { return Ok(None) };
        let outbound = Outbound::read(&record.value)?;
        let is_awaited = outbound.awaited()?.contains(device);
        Ok(is_awaited.then_some((record, outbound)))
    }

    async fn seal_again(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        (id, message): (MessageId, &Record),
    ) -> Result<Way, SubmitError> {
        let to = peer.address().clone();
        let Some((_, copy, _)) = self.copy_to_resend(transaction, id, to.device()).await? else {
            transaction.let_go(id, message, DeviceSet::of(to.device()), Failure::NotOpened)?;
            return Ok(Way::Sealed(None, None));
        };
        if copy.was_sealed_in(peer.session()) {
            peer.retire();
        }
        self.seal_anew(tenant, transaction, peer, (id, message)).await
    }

    /// Seals a message that may be sent again, in the session in use if there is one.
    pub(super) async fn seal_anew(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        (id, message): (MessageId, &Record),
    ) -> Result<Way, SubmitError> {
        let to = peer.address().clone();
        // It is not to pass what is held.
        let reachable = match transaction.has_held() {
            true => Reachable::Held(None),
            false => self.reachable(tenant, peer, &to, transaction).await?,
        };
        Ok(match reachable {
            Reachable::InSession(changed) => {
                Way::Sealed(self.reseal(transaction, peer, id, message).await?.map(Box::new), changed)
            }
            Reachable::Held(changed) => Way::Held(changed),
            Reachable::Unknown | Reachable::Gone => Way::Unknown,
        })
    }

    /// Seals the message `id` anew for one device, in the session in use. Nothing when it is not sent again:
    /// then it fails, unless another device has it or is about to.
    pub(super) async fn reseal(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        id: MessageId,
        message: &Record,
    ) -> Result<Option<Envelope>, StoreError> {
        let kind = Kind::Message(Outbound::read(&message.value)?.of_category()?);
        let device = peer.address().device();
        let found = self.copy_to_resend(transaction, id, device).await?;
        let Some((mut copies, mut copy, version)) = found else {
            transaction.let_go(id, message, DeviceSet::of(device), Failure::NotOpened)?;
            return Ok(None);
        };
        let Some(time) = copy.next_resend() else { return Ok(None) };
        let sealed = peer.seal(id, kind, &copies.content()?, transaction.now, &*self.rng);
        let sealed = sealed.and_then(|sealed| Ok(sealed.sent_again(time)?));
        match sealed {
            Ok(sealed) => {
                copy.resealed(peer.session(), time, transaction.now, peer.carrier_generation());
                copies.put(device, copy);
                transaction.put_content_if(id, (&copies, version), message);
                Ok(Some(sealed))
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what is to be sent again cannot be sealed");
                transaction.let_go(id, message, DeviceSet::of(device), Failure::Undeliverable)?;
                Ok(None)
            }
        }
    }

    /// What the message `id` says and how it stands with `device`, if it may be sent there once more.
    async fn copy_to_resend(
        &self,
        transaction: &Transaction,
        id: MessageId,
        device: DeviceId,
    ) -> Result<Option<(UnconfirmedCopies, Unconfirmed, Version)>, StoreError> {
        let Some((copies, version)) = self.copies_of(transaction, id).await? else { return Ok(None) };
        let copy = copies.of(device).filter(|copy| copy.next_resend().is_some()).cloned();
        Ok(copy.map(|copy| (copies, copy, version)))
    }

    /// What the message `id` says, as it is stored.
    pub(super) async fn copies_of(
        &self,
        transaction: &Transaction,
        id: MessageId,
    ) -> Result<Option<(UnconfirmedCopies, Version)>, StoreError> {
        let key = store_layout::about(CONTENT, transaction.conversation.business, id);
        let record = self.store.get(transaction.conversation.user, &key, transaction.now).await?;
        record.map(|record| Ok((UnconfirmedCopies::read(&record.value)?, record.version))).transpose()
    }
}

/// Whether it is the user's doing: to try again would hold up what others send.
pub(super) fn is_of_peer(error: &SubmitError) -> bool {
    match error {
        SubmitError::Unavailable(error) => !error.may_pass(),
        SubmitError::Seal(SealError::Store(_) | SealError::Damaged) => false,
        SubmitError::Seal(_) => true,
        _ => false,
    }
}
