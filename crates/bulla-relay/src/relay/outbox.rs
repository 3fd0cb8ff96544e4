use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bulla_base::Retries;
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{SendOutcome, Transport, TransportError};
use tracing::Instrument;

use super::active_workers::{Seen, Waiting, Worker};
use super::conversation::{Attempts, Conversation};
use super::queue_page::QueuedRow;
use super::resends::Renewed;
use super::tenant::Tenant;
use super::{Inner, trace_span};
use crate::limits::QUEUE_PAGE;
use crate::store_layout::{self, MESSAGE};
use crate::{EventSink, Failure, RelayError, Status};

/// Why an envelope that was handed to the carrier was not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handed {
    /// It will never have it.
    Refused,
    /// It is sealed for an installation of the user that is no more.
    Reinstalled,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Hands the conversation's envelopes to the carrier, in their order, until there are none.
    pub(super) async fn drain_outbox(
        self: Arc<Self>,
        tenant: &Arc<Tenant>,
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
            let envelope = |Waiting { read, value, .. }: Waiting| match Envelope::from_bytes(value) {
                Ok(envelope) => Ok((read, envelope)),
                Err(_) => Err(StoreError::Damaged { what: "envelope" }),
            };
            // What stands before one that is damaged goes out.
            let mut damaged = None;
            let page = page
                .into_iter()
                .map(envelope)
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

    /// Sends envelopes for good, as many at once as the carrier takes. False when somebody was erased since
    /// they were read, perhaps the one they are for.
    async fn send_page(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        mut page: VecDeque<(QueuedRow, Envelope)>,
        seen: Seen,
    ) -> Result<bool, RelayError> {
        while let Some((first, envelope)) = page.front() {
            let only = (page.len() == 1).then_some(envelope.id());
            // Cheap: the sealed bytes are shared, not copied.
            let envelopes = page.iter().map(|(_, envelope)| envelope.clone()).collect();
            let handing_over = self.hand_over(tenant, conversation, envelopes, first.begun);
            let handed = handing_over.instrument(trace_span::about("send", conversation, only)).await?;
            let Some((taken, next)) = handed else { return Ok(false) };
            let taken: Vec<_> = page.drain(..taken).collect();
            if let Some(last) = taken.last().map(|(read, _)| read.place) {
                self.settle_taken_over(conversation, &taken).await?;
                // Not before: after an error they are read again, and the carrier knows them.
                self.workers.pass(conversation, Worker::Outbox, last, seen);
            }
            if let Some(handed) = next
                && let Some((read, envelope)) = page.pop_front()
            {
                let place = read.place;
                let span = trace_span::about("send", conversation, Some(envelope.id()));
                let concluded = Box::pin(self.conclude(tenant, conversation, envelope, read, handed));
                if !concluded.instrument(span).await? {
                    return Ok(false);
                }
                self.workers.pass(conversation, Worker::Outbox, place, seen);
            }
        }
        Ok(true)
    }

    /// Sees to an envelope that was `handed` to the carrier, and not taken. False when somebody was erased
    /// since it was read, perhaps the one it is for.
    async fn conclude(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        mut envelope: Envelope,
        mut read: QueuedRow,
        mut handed: Handed,
    ) -> Result<bool, RelayError> {
        // Receipts and requests are about sessions that are gone with that installation: they are let go.
        while handed == Handed::Reinstalled && matches!(envelope.kind(), Kind::Message(_)) {
            match self.renew(tenant, conversation, &read, &envelope).await? {
                Renewed::Sealed(anew) => (envelope, read) = *anew,
                Renewed::TakenOut => return Ok(true),
                Renewed::Not => break,
            }
            let again = self.hand_over(tenant, conversation, vec![envelope.clone()], read.begun).await?;
            match again {
                None => return Ok(false),
                Some((_, Some(refused))) => handed = refused,
                Some((_, None)) => {
                    self.settle_taken_over(conversation, &[(read, envelope)]).await?;
                    return Ok(true);
                }
            }
        }
        self.settle_refused(tenant, conversation, read, &envelope).await?;
        Ok(true)
    }

    /// Hands `envelopes` to the carrier, however long it takes: how many it has taken, and why it will not
    /// have the next, if it will not. Nothing when somebody was erased since `begun`, perhaps the one they
    /// are for.
    async fn hand_over(
        &self,
        tenant: &Tenant,
        conversation: Conversation,
        envelopes: Vec<Envelope>,
        begun: u64,
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
                Some(error) if error.may_pass() && taken > 0 => return Ok(Some((taken, None))),
                Some(error) if error.may_pass() => {
                    self.counts.retried("carrier");
                    tracing::debug!(error = &error as &dyn std::error::Error, "the carrier does not answer");
                    self.clock.sleep(retries.next_wait(&*self.rng)).await;
                }
                // Another speaks for the business now: it will settle what is left.
                Some(error @ TransportError::Fenced { .. }) => return Err(error.into()),
                Some(TransportError::Reinstalled) => return Ok(Some((taken, Some(Handed::Reinstalled)))),
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

    /// Takes envelopes that the carrier has out of the outbox and tells the business, in one record.
    async fn settle_taken_over(
        self: &Arc<Self>,
        conversation: Conversation,
        taken: &[(QueuedRow, Envelope)],
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::default();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            let (mut transaction, mut messages, mut sent) =
                (self.transaction(conversation).await?, BTreeSet::new(), 0);
            for (read, envelope) in taken {
                // Its user was erased while the carrier had it: what stands there now is another's.
                if !self.is_still(conversation.user, read).await? {
                    continue;
                }
                transaction.remove_from_outbox(read.place);
                sent += 1;
                // One that was sent again may be there twice.
                if matches!(envelope.kind(), Kind::Message(_)) && messages.insert(envelope.id()) {
                    let message = store_layout::about(MESSAGE, conversation.business, envelope.id());
                    if let Some(record) = self.store.get(conversation.user, &message, transaction.now).await?
                    {
                        transaction.advance_status(envelope.id(), &record, Status::Sent)?;
                    }
                }
            }
            if self.commit(transaction).await? {
                (0..sent).for_each(|_| self.counts.sent());
                return Ok(());
            }
        }
    }

    /// Takes an envelope that the carrier will never have out of the outbox and tells the business, in one
    /// record.
    async fn settle_refused(
        self: &Arc<Self>,
        tenant: &Tenant,
        conversation: Conversation,
        read: QueuedRow,
        envelope: &Envelope,
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::default();
        loop {
            attempts.begin()?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, &read).await? {
                return Ok(());
            }
            let mut transaction = self.transaction(conversation).await?;
            transaction.remove_from_outbox(read.place);
            if matches!(envelope.kind(), Kind::Message(_)) {
                let message = store_layout::about(MESSAGE, conversation.business, envelope.id());
                if let Some(record) = self.store.get(conversation.user, &message, transaction.now).await? {
                    transaction.advance_status(
                        envelope.id(),
                        &record,
                        Status::Failed(Failure::Undeliverable),
                    )?;
                }
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
            if self.commit(transaction).await? {
                return Ok(());
            }
        }
    }
}
