//! What the user's device could not open is sealed anew and sent again.

use std::sync::Arc;

use bulla_base::{Address, MessageId};
use bulla_content::RetryRequest;
use bulla_endpoint::{Peer, Resend, SealError, Unconfirmed};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Commit, Record, Store, StoreError, Version};
use bulla_transport::Transport;

use super::Inner;
use super::active_workers::Worker;
use super::conversation::{Attempt, Attempts, Conversation};
use super::identities::Changed;
use super::pending_approval::passing;
use super::queue_page::QueuedRow;
use super::submit::Reachable;
use super::tenant::Tenant;
use super::transaction::Transaction;
use crate::metrics::RESENT;
use crate::row::{MessagePendingApproval, Outbound, Stage};
use crate::store_layout::{self, CONTENT, MESSAGE};
use crate::{EventSink, Failure, RelayError, Status, SubmitError};

/// What became of an envelope that was sealed for an installation of the user that is no more.
pub(super) enum Renewed {
    /// It is sealed for the one that is, and stands where it did.
    Sealed(Box<(Envelope, QueuedRow)>),
    /// It is not in the outbox any more.
    TakenOut,
    /// Nothing can be sealed for the user.
    Not,
}

/// How a message that is to be sent again leaves.
enum Way {
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
        tenant: &Arc<Tenant>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        from: &Address,
        request: RetryRequest,
    ) -> Result<Option<Changed>, RelayError> {
        let id = request.message();
        let Some((message, outbound)) = self.unconfirmed(transaction, id).await? else { return Ok(None) };
        if outbound.held {
            // It waits for the user's new identity to be approved, and comes then.
            return Ok(None);
        }
        if let Some((content, _)) = self.content_of(transaction, id).await?
            && content.asked_for(request.attempt(), transaction.now) == Resend::UnderWay
        {
            // Several requests that waited with the carrier come at once: one answer serves them all.
            return Ok(None);
        }
        let way = match self.seal_again(tenant, transaction, peer, from, (id, &message)).await {
            Err(error) if is_of_peer(&error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "who has asked for a message has left no keys to seal it with");
                Way::Unknown
            }
            way => way.map_err(passing)?,
        };
        match way {
            Way::Sealed(envelope, changed) => {
                if let Some(envelope) = envelope {
                    let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                    transaction.push_outbox_until(&envelope, expiry);
                    metrics::counter!(RESENT, "reason" => "asked").increment(1);
                }
                Ok(changed)
            }
            Way::Held(changed) => {
                transaction.push_held(&MessagePendingApproval::again(id, outbound.of_category()?));
                self.pending_approval.note(transaction.conversation);
                Ok(changed)
            }
            // The device asks again, or its time to live ends.
            Way::Unknown => Ok(None),
        }
    }

    /// Seals what was `read` in the outbox for the installation of the user that is now: the carrier has
    /// refused it, for the one it was sealed for is no more. It keeps its place, so that nothing passes it.
    pub(super) async fn renew(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        read: &QueuedRow,
        envelope: &Envelope,
    ) -> Result<Renewed, RelayError> {
        let mut attempts = Attempts::default();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read).await? {
                return Ok(Renewed::TakenOut);
            }
            if let Attempt::Done(renewed) = self.try_renew(tenant, conversation, read, envelope).await? {
                return Ok(renewed);
            }
        }
    }

    async fn try_renew(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        read: &QueuedRow,
        envelope: &Envelope,
    ) -> Result<Attempt<Renewed>, RelayError> {
        let (mut transaction, id, to) = (self.transaction(conversation).await?, envelope.id(), envelope.to());
        let Some((message, outbound)) = self.unconfirmed(&transaction, id).await? else {
            return Ok(Attempt::Done(Renewed::Not));
        };
        let peer = tenant.endpoint.peer(&self.store, conversation.user, to, transaction.now).await;
        let mut peer = peer.map_err(|error| passing(SubmitError::Seal(error)))?;
        envelope.installation().into_iter().for_each(|gone| peer.retire_session(gone));
        let way = self.seal_again(tenant, &mut transaction, &mut peer, to, (id, &message)).await;
        let (sealed, changed) = match way.map_err(passing)? {
            Way::Sealed(sealed, changed) => (sealed, changed),
            Way::Held(changed) => {
                let place =
                    transaction.push_held(&MessagePendingApproval::again(id, outbound.of_category()?));
                if outbound.stage()? == Stage::Accepted {
                    transaction.mark_held(id, &message, place)?;
                }
                self.pending_approval.note(conversation);
                (None, changed)
            }
            Way::Unknown => return Ok(Attempt::Done(Renewed::Not)),
        };
        match &sealed {
            Some(envelope) => {
                let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                transaction.replace_in_outbox(read, envelope, expiry);
            }
            None => transaction.remove_from_outbox(read.place),
        }
        transaction.put_sessions(peer);
        let Commit::Committed(version) = self.try_commit(transaction).await? else {
            return Ok(Attempt::Conflict);
        };
        self.tell_identity(tenant, conversation, changed);
        // What is in memory is what stood there before.
        self.workers.let_go(conversation, Worker::Outbox);
        Ok(Attempt::Done(match sealed {
            Some(envelope) => {
                metrics::counter!(RESENT, "reason" => "reinstalled").increment(1);
                Renewed::Sealed(Box::new((*envelope, QueuedRow { version, ..read.clone() })))
            }
            None => Renewed::TakenOut,
        }))
    }

    /// A message of the business that its user's device has not confirmed and that has not failed.
    async fn unconfirmed(
        &self,
        transaction: &Transaction,
        id: MessageId,
    ) -> Result<Option<(Record, Outbound)>, StoreError> {
        let key = store_layout::about(MESSAGE, transaction.conversation.business, id);
        let record = self.store.get(transaction.conversation.user, &key, transaction.now).await?;
        let Some(record) = record else { return Ok(None) };
        let outbound = Outbound::read(&record.value)?;
        let is_unconfirmed = outbound.stage()? <= Stage::Reached(Status::Sent);
        Ok(is_unconfirmed.then_some((record, outbound)))
    }

    async fn seal_again(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        to: &Address,
        (id, message): (MessageId, &Record),
    ) -> Result<Way, SubmitError> {
        let Some((content, _)) = self.content_of(transaction, id).await?.filter(may_be_sent_again) else {
            transaction.advance_status(id, message, Status::Failed(Failure::NotOpened))?;
            return Ok(Way::Sealed(None, None));
        };
        if content.was_sealed_in(peer.session()) {
            peer.retire();
        }
        // It is not to pass what is held.
        let reachable = match transaction.has_held() {
            true => Reachable::Held(None),
            false => self.reachable(tenant, peer, to, transaction).await?,
        };
        Ok(match reachable {
            Reachable::InSession(changed) => {
                Way::Sealed(self.reseal(transaction, peer, id, message).await?.map(Box::new), changed)
            }
            Reachable::Held(changed) => Way::Held(changed),
            Reachable::Unknown => Way::Unknown,
        })
    }

    /// Seals the message `id` anew, in the session in use. Nothing when it is not sent again: then it fails.
    pub(super) async fn reseal(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        id: MessageId,
        message: &Record,
    ) -> Result<Option<Envelope>, StoreError> {
        let kind = Kind::Message(Outbound::read(&message.value)?.of_category()?);
        let found = self.content_of(transaction, id).await?.filter(may_be_sent_again);
        let Some((mut content, version)) = found else {
            transaction.advance_status(id, message, Status::Failed(Failure::NotOpened))?;
            return Ok(None);
        };
        let Some(time) = content.next_resend() else { return Ok(None) };
        let sealed = peer.seal(id, kind, &content.content()?, transaction.now, &*self.rng);
        let sealed = sealed.and_then(|sealed| Ok(sealed.sent_again(time)?));
        match sealed {
            Ok(sealed) => {
                content.resealed(peer.session(), time, transaction.now);
                let expiry = message.expiry.unwrap_or_else(|| transaction.expiry());
                transaction.batch.expect_version(
                    store_layout::about(CONTENT, transaction.conversation.business, id),
                    version,
                );
                transaction.put_content(id, &content, expiry);
                Ok(Some(sealed))
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what is to be sent again cannot be sealed");
                transaction.advance_status(id, message, Status::Failed(Failure::Undeliverable))?;
                Ok(None)
            }
        }
    }

    /// What the message `id` says, as it is stored.
    async fn content_of(
        &self,
        transaction: &Transaction,
        id: MessageId,
    ) -> Result<Option<(Unconfirmed, Version)>, StoreError> {
        let key = store_layout::about(CONTENT, transaction.conversation.business, id);
        let record = self.store.get(transaction.conversation.user, &key, transaction.now).await?;
        record.map(|record| Ok((Unconfirmed::read(&record.value)?, record.version))).transpose()
    }
}

/// Whether it is the user's doing: to try again would hold up what others send.
fn is_of_peer(error: &SubmitError) -> bool {
    match error {
        SubmitError::Unavailable(error) => !error.may_pass(),
        SubmitError::Seal(SealError::Store(_) | SealError::Damaged) => false,
        SubmitError::Seal(_) => true,
        _ => false,
    }
}

fn may_be_sent_again((content, _): &(Unconfirmed, Version)) -> bool {
    content.next_resend().is_some()
}
