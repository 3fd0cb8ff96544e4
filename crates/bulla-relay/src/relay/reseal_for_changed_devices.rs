//! A user has other devices than those a message was sealed for.

use std::sync::Arc;

use bulla_base::{Address, DeviceId, DeviceSet, MessageId};
use bulla_endpoint::{Peer, Unconfirmed};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Commit, Record, Store};
use bulla_transport::{Transport, TransportError};
use bytes::Bytes;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::identities::Changed;
use super::pending_identity_approval::passing;
use super::queue_page::QueuedRow;
use super::resends::{Renewed, is_of_peer};
use super::submit::Reachable;
use super::transaction::Transaction;
use crate::limits::KEYS_AWAITED_FOR;
use crate::metrics::RESENT;
use crate::row::{MessagePendingApproval, Outbound, OutboxEntry, Stage, UnconfirmedCopies};
use crate::{EventSink, Failure, RelayError, SubmitError};

/// What came of sealing a message for a device that was not known when it was sealed for others.
enum Added {
    Sealed(Box<Envelope>, Option<Changed>),
    /// Its identity waits for approval, and the message for that.
    Held(Option<Changed>),
    /// Nothing can be sealed for it: it does without this message.
    Unusable,
    /// It is gone already.
    Gone,
}

/// A message that is being brought to other devices.
struct ResealedMessage {
    id: MessageId,
    record: Record,
    outbound: Outbound,
    copies: UnconfirmedCopies,
    entry: Option<OutboxEntry>,
    changed: Vec<Changed>,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The carrier has refused the message that was `read` in the outbox, for its user has the devices `now`:
    /// seals it for those that are new, and lets go of those that are gone. It keeps its place.
    pub(super) async fn reseal_for_devices(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (read, entry): (&QueuedRow, &OutboxEntry),
        now: DeviceSet,
    ) -> Result<Renewed, RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read).await? {
                return Ok(Renewed::TakenOut);
            }
            if let Attempt::Done(done) =
                self.try_reseal_for_devices(tenant, conversation, (read, entry), now).await?
            {
                return Ok(done);
            }
        }
    }

    async fn try_reseal_for_devices(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (read, entry): (&QueuedRow, &OutboxEntry),
        now: DeviceSet,
    ) -> Result<Attempt<Renewed>, RelayError> {
        let mut transaction = self.transaction(conversation).await?;
        transaction.set_devices(now);
        let Some(mut message) = self.message_to_reseal(&transaction, entry).await? else {
            // It has failed, or every device that it was sealed for has confirmed it.
            transaction.remove_from_outbox(read.place);
            return Ok(Attempt::of(self.commit(transaction).await?, Renewed::TakenOut));
        };
        let known = entry.known().unwrap_or(DeviceSet::EMPTY);
        let before = message.outbound.awaited()?;
        message.outbound.set_awaited(before.intersection(now));
        for gone in known.difference(now).iter() {
            message.entry = message.entry.and_then(|entry| entry.without(gone));
        }
        let mut known = known.intersection(now);
        for device in now.difference(known).iter() {
            if self.add_device(tenant, &mut transaction, &mut message, (device, entry)).await? {
                known = known.with(device);
            }
        }
        let ResealedMessage { id, record, outbound, copies, entry, changed } = message;
        let expiry = record.expiry.unwrap_or_else(|| transaction.expiry());
        transaction.put_content(id, &copies, expiry);
        let entry = match entry {
            // Only some that are gone already were known.
            Some(entry) if !known.is_empty() => Some(entry.among(known).map_err(TransportError::from)?),
            _ => None,
        };
        match &entry {
            Some(entry) => transaction.replace_in_outbox(read, entry, expiry),
            None => transaction.remove_from_outbox(read.place),
        }
        transaction.settle(id, &record, (outbound, before), Failure::Undeliverable)?;
        let version = match self.try_commit(transaction).await? {
            Commit::Committed(version) => version,
            Commit::Conflict(key) if key == read.key => return Ok(Attempt::Done(Renewed::Changed)),
            _ => return Ok(Attempt::Conflict),
        };
        self.tell_identities(tenant, conversation, changed);
        // What is in memory is what stood there before.
        self.workers.let_go(conversation, Worker::Outbox);
        Ok(Attempt::Done(match entry {
            Some(entry) => Renewed::Sealed(Box::new((entry, QueuedRow { version, ..read.clone() }))),
            None => Renewed::TakenOut,
        }))
    }

    async fn message_to_reseal(
        &self,
        transaction: &Transaction,
        entry: &OutboxEntry,
    ) -> Result<Option<ResealedMessage>, RelayError> {
        let Some(id) = entry.id() else { return Ok(None) };
        let record = transaction.message(&self.store, id).await?;
        let (Some(record), Some((copies, _))) = (record, self.copies_of(transaction, id).await?) else {
            return Ok(None);
        };
        let outbound = Outbound::read(&record.value)?;
        if matches!(outbound.stage()?, Stage::Reached(crate::Status::Failed(_))) {
            return Ok(None);
        }
        let (entry, changed) = (Some(entry.clone()), Vec::new());
        Ok(Some(ResealedMessage { id, record, outbound, copies, entry, changed }))
    }

    /// Seals a message for `device` as well. False when the device is gone already.
    async fn add_device(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        message: &mut ResealedMessage,
        (device, sealed): (DeviceId, &OutboxEntry),
    ) -> Result<bool, RelayError> {
        let Some(party) = sealed.envelopes().first().map(|envelope| envelope.to().party().clone()) else {
            return Ok(false);
        };
        let address = Address::new(party, device);
        let user = transaction.conversation.user;
        let peer = tenant.endpoint.peer(&self.store, user, &address, transaction.now).await;
        let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
        // Only the carrier says that it is one of the user's.
        peer.forget_listing();
        let awaited = message.outbound.awaited()?;
        match self.seal_for_added(tenant, transaction, &mut peer, message).await? {
            Added::Sealed(envelope, changed) => {
                message.copies.sealed_for(device, peer.session(), peer.carrier_generation());
                message.outbound.set_awaited(awaited.with(device));
                message.changed.extend(changed);
                message.entry = match message.entry.take() {
                    Some(entry) => Some(entry.with(*envelope)),
                    None => Some(OutboxEntry::of(*envelope)),
                };
                metrics::counter!(RESENT, "reason" => "new_device").increment(1);
            }
            Added::Held(changed) => {
                message.copies.put(device, Unconfirmed::new(None, Bytes::new(), peer.carrier_generation()));
                message.outbound.set_awaited(awaited.with(device));
                message.changed.extend(changed);
                let category = message.outbound.of_category()?;
                transaction.push_held(&MessagePendingApproval::again(message.id, category, device));
                self.pending_approval.note(transaction.conversation);
            }
            Added::Unusable => {}
            Added::Gone => return Ok(false),
        }
        transaction.put_sessions(peer);
        Ok(true)
    }

    async fn seal_for_added(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        message: &ResealedMessage,
    ) -> Result<Added, RelayError> {
        let address = peer.address().clone();
        let changed = match self.reachable(tenant, peer, &address, transaction).await {
            Ok(Reachable::InSession(changed)) => changed,
            Ok(Reachable::Held(changed)) => return Ok(Added::Held(changed)),
            Ok(Reachable::Gone | Reachable::Unknown) => return Ok(Added::Gone),
            // It is about to leave them; but others do not wait for long.
            Err(error @ SubmitError::Unavailable(TransportError::NoKeys))
                if transaction.now < message.id.time().after(KEYS_AWAITED_FOR) =>
            {
                return Err(passing(error));
            }
            Err(error) if is_of_peer(&error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a device of the user has left no keys that could be used");
                return Ok(Added::Unusable);
            }
            Err(error) => return Err(passing(error)),
        };
        let kind = Kind::Message(message.outbound.of_category()?);
        let (content, now) = (message.copies.content()?, transaction.now);
        Ok(match peer.seal(message.id, kind, &content, now, &*self.rng) {
            Ok(sealed) => Added::Sealed(Box::new(sealed), changed),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a message cannot be sealed for a device of its user");
                Added::Unusable
            }
        })
    }
}
