use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_base::{MessageId, Party, PhoneNumberId, Retries};
use bulla_content::{Body, Content, Progress};
use bulla_endpoint::{OpenError, Peer, Received};
use bulla_envelope::{Envelope, Form, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{Delivery, Sequence, Transport, in_order};
use tracing::Instrument;

use super::resends::Begun;
use super::transaction::Transaction;
use super::{BACKOFF, Inner, RECEIVING, trace_span};
use crate::event::Row;
use crate::limits::{MAX_OPENED_PER_RECORD, MAX_SEARCHED};
use crate::metrics::{DROPPED, FAILED, OPENED};
use crate::store_layout;
use crate::{DeviceError, DeviceEvent};

impl<S: Store, T: Transport> Inner<S, T> {
    /// Receives what businesses send, for as long as the device runs.
    pub(super) async fn keep_receiving(self: Arc<Self>, connected: bool) -> Result<(), DeviceError> {
        // Who has not left keys yet cannot be written to: that comes first.
        let (mut after, mut retries, mut connected) = (Sequence::START, Retries::new(BACKOFF), connected);
        loop {
            let outcome = if connected {
                self.receive_once(&mut after).await
            } else {
                // A carrier that forgot us counts from the beginning; what it still has and we have seen is
                // known.
                Box::pin(self.connect()).await.map(|()| (connected, after) = (true, Sequence::START))
            };
            match outcome {
                Ok(()) => retries.reset(),
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(RECEIVING, &mut retries).await;
                    // The carrier may have been restarted, and may not know us any more.
                    connected = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn receive_once(&self, after: &mut Sequence) -> Result<(), DeviceError> {
        let deliveries = in_order(self.transport.receive(&self.caller, *after).await?, *after);
        // In runs of one business: they share a session, and with it a record.
        let mut rest = &deliveries[..];
        while let Some(first) = rest.first() {
            let from = first.envelope.from();
            let run = rest
                .iter()
                .take_while(|next| next.envelope.from() == from)
                .take(MAX_OPENED_PER_RECORD)
                .count();
            let span = trace_span::about("open envelope", self.home, &first.envelope);
            let done = self.open(&rest[..run]).instrument(span).await?;
            rest = &rest[done..];
        }
        let sequences: Vec<Sequence> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        // If the carrier does not hear of it, they come again after a while, are known, and it is said again:
        // a device that runs for weeks would leave them with the carrier, which bills by what it has heard.
        Box::pin(self.transport.acknowledge(&self.caller, &sequences)).await?;
        Box::pin(self.compare_logs()).await?;
        *after = sequences.last().copied().unwrap_or(*after);
        Ok(())
    }

    /// Opens envelopes of one business and makes what they say durable, with the session's steps and one
    /// receipt for all, in one record. Ends before or after one that takes more than that; how many are done
    /// with.
    async fn open(&self, run: &[Delivery]) -> Result<usize, DeviceError> {
        let Some(first) = run.first() else { return Ok(0) };
        let Party::Business(business) = *first.envelope.from().party() else { return Ok(run.len()) };
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        let mut peer =
            self.endpoint.peer(&self.store, self.home, first.envelope.from(), transaction.now).await?;
        let (mut opened, mut known, mut done) = (Vec::<OpenedOne<'_>>::new(), Vec::new(), 0);
        for Delivery { envelope, .. } in run {
            if !opened.is_empty() && !is_plain(envelope) {
                break;
            }
            // The guard against duplicates is in the record that is being put together, not in the store yet.
            let is_here = opened.iter().any(|one| one.envelope.id() == envelope.id());
            if is_here
                || self
                    .store
                    .get(self.home, &store_layout::seen(envelope.id()), transaction.now)
                    .await?
                    .is_some()
            {
                if self.endpoint.confirms_again(envelope) {
                    known.push(envelope.id());
                }
                done += 1;
                continue;
            }
            let received = match peer.open(&self.store, envelope, transaction.now, &*self.rng).await {
                Ok(received) => received,
                // What was opened before it is made durable first.
                Err(_) if !opened.is_empty() || !known.is_empty() => break,
                Err(error @ (OpenError::Store(_) | OpenError::Damaged { .. })) => {
                    return Err(DeviceError::Open(error));
                }
                Err(error) => {
                    dropped(reason(&error), &error);
                    if let (OpenError::Undecipherable(_), Kind::Message(_)) = (&error, envelope.kind()) {
                        Box::pin(self.ask_again(transaction, peer, business, envelope)).await?;
                    }
                    return Ok(done + 1);
                }
            };
            let is_failed = self.take_in(&mut transaction, &mut peer, business, envelope, &received).await?;
            opened.push(OpenedOne { envelope, received, is_failed });
            done += 1;
            if !is_plain(envelope) {
                break;
            }
        }
        if opened.is_empty() && known.is_empty() {
            return Ok(done);
        }
        self.confirm(&mut transaction, &mut peer, business, (&opened, &known)).await?;
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        // After the commit: a key that is spent and a count that is kept cannot be taken back.
        for OpenedOne { envelope, received, is_failed } in opened {
            self.asking.forget(envelope.id());
            self.show_typing(business, envelope.id(), &received);
            count(envelope, &received, is_failed);
            let Some(key) = received.spent else { continue };
            if let Err(error) = self.endpoint.spend(&self.store, key).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
            }
        }
        Ok(done)
    }

    /// Puts what an opened envelope comes to into `transaction`. Whether it told that a message is lost.
    async fn take_in(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        envelope: &Envelope,
        received: &Received,
    ) -> Result<bool, DeviceError> {
        if received.identity_changed {
            transaction.push_event(&Row::identity_changed(envelope.id(), business, transaction.now));
        }
        let mut is_failed = false;
        match &received.content {
            Ok(content) => {
                if let Body::RetryRequest(request) = content.body() {
                    is_failed = Box::pin(self.send_again(transaction, peer, business, *request)).await?;
                } else if content.body().is_message() || matches!(content.body(), Body::Receipt(_)) {
                    let encoded = content.encode(&*self.rng);
                    let plaintext = Some(encoded.plaintext());
                    transaction.push_event(&Row::new(envelope.id(), business, transaction.now, plaintext));
                    if content.body().is_message() {
                        transaction.keep_reportable(business, envelope, received.plaintext.as_bytes());
                    }
                } else if !matches!(content.body(), Body::Typing(_)) {
                    let signal = content.body().name();
                    tracing::debug!(signal, "a signal that is not kept was passed over");
                }
                if let Body::Receipt(receipt) = content.body() {
                    for id in receipt.messages() {
                        self.forget_content(transaction, business, *id).await?;
                    }
                }
            }
            Err(error) => dropped("unreadable", error),
        }
        transaction.mark_opened(envelope);
        if self.asking.is_asked_for(envelope.id()) {
            transaction.batch.delete(store_layout::about(store_layout::ASKED, business, envelope.id()));
        }
        Ok(is_failed)
    }

    /// Shows that `business` is writing, or that its answer has come.
    fn show_typing(&self, business: PhoneNumberId, id: MessageId, received: &Received) {
        match received.content.as_ref().map(Content::body) {
            Ok(Body::Typing(_)) => self.typing.begin(business, id.time(), self.clock.now()),
            Ok(body) if body.is_message() => self.typing.end(business),
            _ => {}
        }
    }

    /// Seals one receipt for all messages that were `opened`, and for those that are `known` and came again;
    /// and one for those of the latter that the user has read.
    async fn confirm(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        (opened, known): (&[OpenedOne<'_>], &[MessageId]),
    ) -> Result<(), DeviceError> {
        let said = |one: &&OpenedOne<'_>| match &one.received.content {
            Ok(content) => content.body().is_message(),
            Err(_) => false,
        };
        let mut said: Vec<_> = opened.iter().filter(said).map(|one| one.envelope.id()).collect();
        said.extend_from_slice(known);
        let Some(last) = said.last().copied() else { return Ok(()) };
        // What came in a session that is not sealed in any more is confirmed in another: else the business
        // would be told that it failed.
        if let Begun::InSession = self.begin_if_needed(transaction, peer, business, last).await? {
            self.seal_receipt(peer, transaction, Progress::Delivered, said)?;
            if !known.is_empty() {
                let read = self.read_by_user(transaction, known).await?;
                self.seal_receipt(peer, transaction, Progress::Read, read)?;
            }
        }
        Ok(())
    }

    /// Those of `messages` that are not in the mailbox any more. Of a long one only the beginning is
    /// searched, and nothing is taken for read that may stand behind it.
    async fn read_by_user(
        &self,
        transaction: &Transaction,
        messages: &[MessageId],
    ) -> Result<Vec<MessageId>, StoreError> {
        let (inbox, queue) = (&transaction.head.inbox, transaction.queue(store_layout::INBOX));
        let unread = inbox.read(&self.store, &queue, 0, MAX_SEARCHED, transaction.now).await?;
        if unread.len() == MAX_SEARCHED {
            return Ok(Vec::new());
        }
        let unread = unread.iter().map(|event| Ok(DeviceEvent::read(event.place, &event.record.value)?.id()));
        let unread: BTreeSet<MessageId> = unread.collect::<Result<_, StoreError>>()?;
        Ok(messages.iter().copied().filter(|id| !unread.contains(id)).collect())
    }

    pub(super) async fn next_notice(&self) -> Result<DeviceEvent, StoreError> {
        let mut put = self.tails.noticed.subscribe();
        let mut shown = self.shown.lock().await;
        loop {
            let mut page = self.events(*shown, 1).await?;
            *shown = page.after;
            if let Some((place, event)) = page.items.pop() {
                return DeviceEvent::read(place, &event);
            }
            // The sender is ours: it cannot be gone.
            let _ = put.changed().await;
        }
    }
}

/// An envelope that was opened.
struct OpenedOne<'a> {
    envelope: &'a Envelope,
    received: Received,
    /// Whether it told that a message is lost.
    is_failed: bool,
}

/// Whether an envelope can be opened together with others: one that begins a session or asks for something
/// takes more than opening it.
fn is_plain(envelope: &Envelope) -> bool {
    envelope.form() == Form::Signal && matches!(envelope.kind(), Kind::Message(_) | Kind::Receipt)
}

/// Counts an envelope that was opened, once that is durable.
fn count(envelope: &Envelope, received: &Received, is_failed: bool) {
    if received.content.is_err() {
        return;
    }
    metrics::counter!(OPENED, "kind" => kind(envelope.kind())).increment(1);
    if is_failed {
        metrics::counter!(FAILED, "reason" => "not_opened").increment(1);
    }
}

/// An envelope that says nothing to anybody.
fn dropped(reason: &'static str, error: &(dyn std::error::Error + 'static)) {
    metrics::counter!(DROPPED, "reason" => reason).increment(1);
    tracing::warn!(reason, error, "an envelope was dropped");
}

const fn reason(error: &OpenError) -> &'static str {
    match error {
        OpenError::Duplicate => "duplicate",
        OpenError::NotForUs => "not_for_us",
        _ => "undecipherable",
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Message(_) => "message",
        Kind::Receipt => "receipt",
        Kind::RetryRequest => "retry_request",
        _ => "other",
    }
}
