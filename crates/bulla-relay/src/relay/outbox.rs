use std::collections::VecDeque;
use std::sync::Arc;

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
use crate::limits::QUEUE_PAGE;
use crate::row::OutboxEntry;
use crate::{EventSink, Failure, RelayError, Status};

/// Why an envelope that was handed to the carrier was not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handed {
    /// It will never have it.
    Refused,
    /// It is sealed for an installation of the device that is no more.
    Reinstalled,
    /// The user has these devices, and not those that its message goes to.
    Devices(DeviceSet),
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
        loop {
            let (page, seen) = self.page(conversation, Worker::Outbox, QUEUE_PAGE).await?;
            if page.is_empty() {
                if Box::pin(self.release_next(tenant, conversation)).await? {
                    continue;
                }
                if self.workers.rest(conversation, Worker::Outbox) {
                    return Ok(());
                }
                continue;
            }
            let entry =
                |Waiting { read, value, .. }: Waiting| OutboxEntry::read(value).map(|entry| (read, entry));
            // What stands before one that is damaged goes out.
            let mut damaged = None;
            let page = page
                .into_iter()
                .map(entry)
                .map_while(|read| read.map_err(|error| damaged = Some(error)).ok());
            let page: VecDeque<_> = page.collect();
            if !self.send_page(tenant, conversation, page, seen).await? {
                // Perhaps it is ours that was begun and not finished.
                drop(self.lock(conversation.user).await?);
            } else if let Some(error) = damaged {
                return Err(error.into());
            }
        }
    }

    /// Sends entries for good, as many at once as the carrier takes. False when somebody was erased since
    /// they were read, perhaps the one they are for.
    async fn send_page(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        mut page: VecDeque<Read>,
        seen: Seen,
    ) -> Result<bool, RelayError> {
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
            let handing_over = self.hand_over(tenant, conversation, envelopes, (first.begun, least));
            let handed = handing_over.instrument(trace_span::about("send", conversation, only)).await?;
            let Some((mut count, next)) = handed else { return Ok(false) };
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
                self.settle_taken_over(conversation, &taken).await?;
                // Not before: after an error they are read again, and the carrier knows them.
                self.workers.pass(conversation, Worker::Outbox, last, seen);
            }
            if let Some(handed) = next
                && let Some((read, entry)) = page.pop_front()
            {
                let place = read.place;
                let span = trace_span::about("send", conversation, entry.id());
                // Seldom: what is awaited in it is not to be a part of what every message is handed over in.
                let concluding =
                    Box::pin(self.conclude(tenant, conversation, (read, entry), (count, handed)));
                if !concluding.instrument(span).await? {
                    return Ok(false);
                }
                self.workers.pass(conversation, Worker::Outbox, place, seen);
            }
        }
        Ok(true)
    }

    /// Sees to an entry of which the envelope at the index was `handed` to the carrier, and not taken. False
    /// when it has to be read again: somebody was erased since it was read, perhaps the one it is for, or
    /// another relay has changed it.
    async fn conclude(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        (mut read, mut entry): Read,
        (mut index, mut handed): (usize, Handed),
    ) -> Result<bool, RelayError> {
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
                Renewed::Not => self.settle_refused(tenant, conversation, (&read, &entry), index).await?,
                renewed => renewed,
            };
            (entry, read) = match renewed {
                Renewed::Sealed(anew) => *anew,
                Renewed::Changed => {
                    self.workers.let_go(conversation, Worker::Outbox);
                    return Ok(false);
                }
                Renewed::TakenOut | Renewed::Not => return Ok(true),
            };
            let (envelopes, all) = (entry.envelopes().to_vec(), entry.envelopes().len());
            match self.hand_over(tenant, conversation, envelopes, (read.begun, all)).await? {
                None => return Ok(false),
                Some((taken, Some(refused))) => (index, handed) = (taken, refused),
                Some((_, None)) => {
                    self.settle_taken_over(conversation, &[(read, entry)]).await?;
                    return Ok(true);
                }
            }
        }
    }

    /// Hands `envelopes` to the carrier, however long it takes, until at least so many are taken: how many
    /// it has taken, and why it will not have the next, if it will not. Nothing when somebody was erased
    /// since `begun`, perhaps the one they are for.
    async fn hand_over(
        &self,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        envelopes: Vec<Envelope>,
        (begun, least): (u64, usize),
    ) -> Result<Option<(usize, Option<Handed>)>, RelayError> {
        let mut retries = Retries::new(self.settings.backoff);
        loop {
            let sending = Box::pin(self.transport.send_all(&tenant.caller, envelopes.clone()));
            let Some(sent) = self.erasures.unless_erased(conversation.user, begun, sending).await else {
                return Ok(None);
            };
            let SendOutcome { taken, error } = sent;
            match error {
                None => return Ok(Some((taken, None))),
                // What was taken is settled first.
                Some(error) if error.may_pass() && taken >= least => return Ok(Some((taken, None))),
                Some(error) if error.may_pass() => {
                    self.counts.retried("carrier");
                    tracing::debug!(error = &error as &dyn std::error::Error, "the carrier does not answer");
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
                // Another speaks for the business now: it will settle what is left.
                Some(error @ TransportError::Fenced { .. }) => return Err(error.into()),
                Some(TransportError::Reinstalled) => return Ok(Some((taken, Some(Handed::Reinstalled)))),
                Some(TransportError::Devices { now }) => {
                    return Ok(Some((taken, Some(Handed::Devices(now)))));
                }
                Some(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    return Ok(Some((taken, Some(Handed::Refused))));
                }
            }
        }
    }

    /// Takes entries that the carrier has out of the outbox and tells the business, in one record.
    async fn settle_taken_over(
        self: &Arc<Self>,
        conversation: Conversation,
        taken: &[Read],
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
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
                return Ok(());
            }
        }
    }

    /// Takes the envelope at `index`, which the carrier will never have, out of an entry, and the entry out
    /// of the outbox if there is no other in it; and tells the business, in one record.
    async fn settle_refused(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        (read, entry): (&QueuedRow, &OutboxEntry),
        index: usize,
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
            let (rest, mut expiry) = (entry.without(device), transaction.expiry());
            if entry.is_message()
                && let Some(record) = transaction.message(&self.store, id).await?
            {
                expiry = record.expiry.unwrap_or(expiry);
                transaction.let_go(id, &record, DeviceSet::of(device), Failure::Undeliverable)?;
            }
            match &rest {
                Some(rest) => transaction.replace_in_outbox(read, rest, expiry),
                None => transaction.remove_from_outbox(read.place),
            }
            if let Some(gone) = envelope.installation() {
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
