use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{DeviceSet, Retries};
use bulla_envelope::Envelope;
use bulla_store::{Commit, Store};
use bulla_transport::{MAX_DELIVERIES, SendOutcome, Transport, TransportError};
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::{Seen, Waiting, Worker};
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::queue_page::QueuedRow;
use super::resends::Renewed;
use super::{Inner, trace_span};
use crate::limits::{MAX_PACE_WAIT, QUEUE_PAGE};
use crate::row::OutboxEntry;
use crate::{EventSink, Failure, RelayError, Status};

/// Why an envelope that was handed to the carrier was not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handed {
    /// Nobody knows: it did not answer.
    NotAnswered,
    /// Not now: the business writes too fast. Later, and how much.
    TooFast(Duration),
    /// It will never have it.
    Refused,
    /// It will not have it, whatever the session: for what the business did, or whom it goes to.
    Failed(Failure),
    /// It is sealed for an installation of the device that is no more.
    Reinstalled,
    /// The user has these devices, and not those that its message goes to.
    Devices(DeviceSet),
}

/// What became of a look at the conversation's outbox.
enum Sent {
    /// There was nothing in it.
    Nothing,
    /// The carrier has what was read, or will never have it.
    Some,
    /// The carrier did not answer, and is asked again later.
    NotAnswered,
    /// The business writes too fast for the carrier, which is asked again within this time.
    TooFast(Duration),
    /// It is to be read again: somebody was erased since it was read, perhaps the one it is for, or another
    /// relay has changed it.
    Changed,
}

/// What was read in the outbox.
type Read = (QueuedRow, OutboxEntry);

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Hands the conversation's envelopes to the carrier, in their order, until there are none.
    pub(super) async fn drain_outbox(
        self: Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<(), RelayError> {
        let mut retries = Retries::new(self.settings.backoff);
        loop {
            // In a box: all conversations may wait for the carrier, and hold next to nothing then.
            match Box::pin(self.send_some(tenant, conversation)).await? {
                Sent::Nothing => {
                    if !Box::pin(self.release_next(tenant, conversation)).await?
                        && self.workers.rest(conversation, Worker::Outbox)
                    {
                        return Ok(());
                    }
                }
                Sent::Some => retries = Retries::new(self.settings.backoff),
                Sent::NotAnswered => {
                    self.workers.let_go(conversation, Worker::Outbox);
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
                // Who has written to the business meanwhile is to be answered soon.
                Sent::TooFast(wait) => {
                    self.workers.let_go(conversation, Worker::Outbox);
                    self.clock.sleep(wait.min(MAX_PACE_WAIT)).await;
                }
                // Perhaps it is ours that was begun and not finished.
                Sent::Changed => drop(self.lock(conversation.user).await?),
            }
        }
    }

    /// Reads some of the conversation's entries and hands them over, up to the first that the carrier does
    /// not answer.
    async fn send_some(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
    ) -> Result<Sent, RelayError> {
        let (page, seen) = self.page(conversation, Worker::Outbox, QUEUE_PAGE).await?;
        if page.is_empty() {
            return Ok(Sent::Nothing);
        }
        let entry =
            |Waiting { read, value, .. }: Waiting| OutboxEntry::read(value).map(|entry| (read, entry));
        // What stands before one that is damaged goes out.
        let mut damaged = None;
        let page =
            page.into_iter().map(entry).map_while(|read| read.map_err(|error| damaged = Some(error)).ok());
        let page: VecDeque<_> = page.collect();
        match (self.send_page(tenant, conversation, page, seen).await?, damaged) {
            (Sent::Some, Some(error)) => Err(error.into()),
            (sent, _) => Ok(sent),
        }
    }

    /// Sends entries for good, as many at once as the carrier takes.
    async fn send_page(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        mut page: VecDeque<Read>,
        seen: Seen,
    ) -> Result<Sent, RelayError> {
        while let Some((first, entry)) = page.front() {
            let only = entry.id().filter(|_| page.len() == 1);
            // Cheap: the sealed bytes are shared, not copied.
            let (mut envelopes, mut least) = (entry.envelopes().to_vec(), entry.envelopes().len());
            for (_, entry) in page.iter().skip(1) {
                if envelopes.len() + entry.envelopes().len() > MAX_DELIVERIES {
                    break;
                }
                envelopes.extend_from_slice(entry.envelopes());
            }
            let generation = tenant.endpoint.carrier_generation();
            let handing_over = self.hand_over(tenant, conversation, envelopes, first.begun);
            let handed = handing_over.instrument(trace_span::about("send", conversation, only)).await?;
            let Some((mut count, next)) = handed else { return Ok(Sent::Changed) };
            let mut taken = Vec::new();
            // Of an entry that is not taken whole all is handed over again: the carrier knows what it has.
            while count >= least
                && let Some(read) = page.pop_front()
            {
                count -= least;
                taken.push(read);
                least = page.front().map_or(usize::MAX, |(_, entry)| entry.envelopes().len());
            }
            if let Some(last) = taken.last().map(|(read, _)| read.place) {
                if !self.settle_taken_over(tenant, conversation, &taken, generation).await? {
                    self.workers.let_go(conversation, Worker::Outbox);
                    return Ok(Sent::Changed);
                }
                // Not before: after an error they are read again, and the carrier knows them.
                self.workers.pass(conversation, Worker::Outbox, last, seen);
            }
            match next {
                Some(Handed::NotAnswered) if taken.is_empty() => return Ok(Sent::NotAnswered),
                Some(Handed::TooFast(wait)) if taken.is_empty() => return Ok(Sent::TooFast(wait)),
                Some(Handed::NotAnswered | Handed::TooFast(_)) | None => continue,
                Some(handed) => {
                    let Some((read, entry)) = page.pop_front() else { continue };
                    let place = read.place;
                    let span = trace_span::about("send", conversation, entry.id());
                    // Seldom: what is awaited in it is not to be a part of what every message is handed over
                    // in.
                    let concluding =
                        Box::pin(self.conclude(tenant, conversation, (read, entry), (count, handed)));
                    match concluding.instrument(span).await? {
                        Sent::Some => self.workers.pass(conversation, Worker::Outbox, place, seen),
                        otherwise => return Ok(otherwise),
                    }
                }
            }
        }
        Ok(Sent::Some)
    }

    /// Sees to an entry of which the envelope at the index was `handed` to the carrier, and not taken.
    async fn conclude(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (mut read, mut entry): Read,
        (mut index, mut handed): (usize, Handed),
    ) -> Result<Sent, RelayError> {
        loop {
            // Receipts and requests are about sessions that are gone with that installation: they are let go.
            let renewed = match handed {
                Handed::Devices(now) if entry.is_message() => {
                    self.reseal_for_devices(tenant, conversation, (&read, &entry), now).await?
                }
                Handed::Reinstalled if entry.is_message() => {
                    self.renew(tenant, conversation, (&read, &entry), index).await?
                }
                _ => Renewed::Not,
            };
            let renewed = match renewed {
                Renewed::Not => {
                    let failure = match handed {
                        Handed::Failed(failure) => failure,
                        _ => Failure::Undeliverable,
                    };
                    self.settle_refused(tenant, conversation, (&read, &entry), (index, failure)).await?
                }
                renewed => renewed,
            };
            (entry, read) = match renewed {
                Renewed::Sealed(anew) => *anew,
                Renewed::Changed => {
                    self.workers.let_go(conversation, Worker::Outbox);
                    return Ok(Sent::Changed);
                }
                Renewed::TakenOut | Renewed::Not => return Ok(Sent::Some),
            };
            let (envelopes, generation) = (entry.envelopes().to_vec(), tenant.endpoint.carrier_generation());
            match self.hand_over(tenant, conversation, envelopes, read.begun).await? {
                None => return Ok(Sent::Changed),
                Some((_, Some(Handed::NotAnswered))) => return Ok(Sent::NotAnswered),
                Some((_, Some(Handed::TooFast(wait)))) => return Ok(Sent::TooFast(wait)),
                Some((taken, Some(refused))) => (index, handed) = (taken, refused),
                Some((_, None)) => {
                    let settled =
                        self.settle_taken_over(tenant, conversation, &[(read, entry)], generation).await?;
                    return Ok(if settled { Sent::Some } else { Sent::NotAnswered });
                }
            }
        }
    }

    /// Hands `envelopes` to the carrier: how many it has taken, and why it has not the next, if it has not
    /// all. Nothing when somebody was erased since `begun`, perhaps the one they are for.
    async fn hand_over(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        envelopes: Vec<Envelope>,
        begun: u64,
    ) -> Result<Option<(usize, Option<Handed>)>, RelayError> {
        let sending = self.transport.send_all(&tenant.caller, envelopes);
        let Some(sent) = self.erasures.unless_erased(conversation.user, begun, sending).await else {
            return Ok(None);
        };
        let SendOutcome { taken, error } = sent;
        let Some(error) = error else { return Ok(Some((taken, None))) };
        let handed = match error {
            TransportError::TooFast { retry_after } => {
                self.counts.retried("pace");
                if tenant.pace_notice.is_due(self.clock.now()) {
                    let (business, seconds) = (conversation.business, retry_after.as_secs());
                    tracing::warn!(%business, seconds, "the carrier holds the business to a pace; messages wait");
                }
                Handed::TooFast(retry_after)
            }
            error if error.may_pass() => {
                self.counts.retried("carrier");
                tracing::debug!(error = &error as &dyn std::error::Error, "the carrier does not answer");
                Handed::NotAnswered
            }
            // Another speaks for the business now: it will settle what is left.
            TransportError::Fenced { .. } => return Err(error.into()),
            TransportError::Reinstalled => Handed::Reinstalled,
            TransportError::Devices { now } => Handed::Devices(now),
            TransportError::Restricted { restriction, until } => {
                let business = conversation.business;
                let held = restriction.label();
                tracing::warn!(%business, held, "the carrier does not let the business write");
                self.tell_restriction(business, restriction, until).await?;
                Handed::Failed(Failure::Restricted)
            }
            TransportError::MessagingLimit { .. } => {
                tracing::warn!(business = %conversation.business, "as many users were written to as may be");
                Handed::Failed(Failure::MessagingLimit)
            }
            TransportError::MarketingLimit { .. } => {
                tracing::info!(business = %conversation.business, "a user gets no more promotions now");
                Handed::Failed(Failure::MarketingLimit)
            }
            error => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the carrier refuses an envelope");
                Handed::Refused
            }
        };
        Ok(Some((taken, Some(handed))))
    }

    /// Takes entries that the carrier has out of the outbox and tells the business, in one record. False if
    /// the carrier was put back since it took them in its `generation`: they are to be handed over again.
    async fn settle_taken_over(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        taken: &[Read],
        generation: u64,
    ) -> Result<bool, RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            // Under the lock: who sends again what is lost sees it either settled, or still here.
            if tenant.endpoint.carrier_generation() != generation {
                return Ok(false);
            }
            let (mut transaction, mut sent) = (self.transaction(conversation).await?, 0);
            for (read, entry) in taken {
                // Its user was erased while the carrier had it: what stands there now is another's.
                if !self.is_still(conversation.user, read).await? {
                    continue;
                }
                transaction.remove_from_outbox(read.place);
                sent += entry.envelopes().len();
                // One that was sent again may be there twice: what was done to it is seen, and it is told
                // once.
                if let Some(id) = entry.id()
                    && entry.is_message()
                    && let Some(record) = transaction.message(&self.store, id).await?
                {
                    transaction.advance_status(id, &record, Status::Sent)?;
                }
            }
            if self.commit(transaction).await? {
                (0..sent).for_each(|_| self.counts.sent());
                return Ok(true);
            }
        }
    }

    /// Takes the envelope at `index`, which the carrier will never have, out of an entry, and the entry out
    /// of the outbox if there is no other in it; and tells the business, in one record. What a limit refuses
    /// is the message, and not a device: no envelope of it goes later, when there is room, and leaves the
    /// others behind.
    async fn settle_refused(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        (read, entry): (&QueuedRow, &OutboxEntry),
        (index, failure): (usize, Failure),
    ) -> Result<Renewed, RelayError> {
        let Some(envelope) = entry.envelopes().get(index) else { return Ok(Renewed::TakenOut) };
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read).await? {
                return Ok(Renewed::TakenOut);
            }
            let mut transaction = self.transaction(conversation).await?;
            let (id, device) = (envelope.id(), envelope.to().device());
            let (mut rest, mut gone) = (entry.without(device), DeviceSet::of(device));
            if index == 0 && is_of_message(failure) {
                gone = entry.envelopes().iter().map(|envelope| envelope.to().device()).collect();
                rest = None;
            }
            let mut expiry = transaction.expiry();
            if entry.is_message()
                && let Some(record) = transaction.message(&self.store, id).await?
            {
                expiry = record.expiry.unwrap_or(expiry);
                transaction.let_go(id, &record, gone, failure)?;
            }
            match &rest {
                Some(rest) => transaction.replace_in_outbox(read, rest, expiry),
                None => transaction.remove_from_outbox(read.place),
            }
            // Whoever is held back finds everybody where they were.
            if failure == Failure::Undeliverable
                && let Some(gone) = envelope.installation()
            {
                // If that installation is no more, what is accepted next goes out in a session with the one
                // that is.
                let peer = tenant
                    .endpoint
                    .peer(&self.store, conversation.user, envelope.to(), transaction.now)
                    .await;
                if let Ok(mut peer) = peer {
                    peer.retire_session(gone);
                    transaction.put_sessions(peer);
                }
            }
            let version = match self.try_commit(transaction).await? {
                Commit::Committed(version) => version,
                Commit::Conflict(key) if key == read.key => return Ok(Renewed::Changed),
                _ => continue,
            };
            let Some(rest) = rest else { return Ok(Renewed::TakenOut) };
            // What is in memory is what stood there before.
            self.workers.let_go(conversation, Worker::Outbox);
            return Ok(Renewed::Sealed(Box::new((rest, QueuedRow { version, ..read.clone() }))));
        }
    }
}

/// Whether it is for the message that the carrier refuses an envelope, and not for whom it is to.
const fn is_of_message(failure: Failure) -> bool {
    matches!(failure, Failure::MessagingLimit | Failure::MarketingLimit | Failure::Restricted)
}
