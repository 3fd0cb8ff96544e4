use std::sync::Arc;

use bulla_base::Party;
use bulla_content::{Body, Progress};
use bulla_endpoint::{OpenError, Received};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{Sequence, Transport, in_order};
use tracing::Instrument;

use super::resend::Begun;
use super::{Inner, RECEIVING, span};
use crate::metrics::{DROPPED, FAILED, OPENED};
use crate::notice::Row;
use crate::space;
use crate::{DeviceError, Notice};

impl<S: Store, T: Transport> Inner<S, T> {
    /// Receives what businesses send, for as long as the device runs.
    pub(super) async fn keep_receiving(self: Arc<Self>, connected: bool) -> Result<(), DeviceError> {
        // Who has not left keys yet cannot be written to: that comes first.
        let (mut after, mut failures, mut connected) = (Sequence::START, 0, connected);
        loop {
            let outcome = if connected {
                self.receive_once(&mut after).await
            } else {
                // A carrier that forgot us counts from the beginning; what it still has and we have seen is
                // known.
                self.connect().await.map(|()| (connected, after) = (true, Sequence::START))
            };
            match outcome {
                Ok(()) => failures = 0,
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(RECEIVING, &mut failures).await;
                    // The carrier may have been restarted, and may not know us any more.
                    connected = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn receive_once(&self, after: &mut Sequence) -> Result<(), DeviceError> {
        let deliveries = in_order(self.transport.receive(&self.caller, *after).await?, *after);
        for delivery in &deliveries {
            let span = span::about("open envelope", self.home, &delivery.envelope);
            self.open(&delivery.envelope).instrument(span).await?;
        }
        let sequences: Vec<Sequence> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        match self.transport.acknowledge(&self.caller, &sequences).await {
            Ok(()) => {}
            // They come again after a restart, and are known then.
            Err(error) if error.may_pass() => {}
            Err(error) => return Err(error.into()),
        }
        *after = sequences.last().copied().unwrap_or(*after);
        Ok(())
    }

    /// Opens one envelope and makes what it says durable, with the session's step and the receipt for it, in
    /// one record.
    async fn open(&self, envelope: &Envelope) -> Result<(), DeviceError> {
        let Party::Business(business) = *envelope.from().party() else { return Ok(()) };
        let _lane = self.lane.lock().await;
        let mut draft = self.draft().await?;
        if self.store.get(self.home, &space::seen(envelope.id()), draft.now).await?.is_some() {
            return Ok(());
        }
        let mut peer = self.endpoint.peer(&self.store, self.home, envelope.from(), draft.now).await?;
        let received = match peer.open(&self.store, envelope, draft.now, &*self.rng).await {
            Ok(received) => received,
            Err(error @ (OpenError::Store(_) | OpenError::Damaged { .. })) => {
                return Err(DeviceError::Open(error));
            }
            Err(error) => {
                dropped(reason(&error), &error);
                if let (OpenError::Undecipherable(_), Kind::Message(_)) = (&error, envelope.kind()) {
                    self.ask_again(draft, peer, business, envelope).await?;
                }
                return Ok(());
            }
        };
        if received.identity_changed {
            draft.notify(&Row::identity_changed(envelope.id(), business, draft.now));
        }
        let mut is_failed = false;
        match &received.content {
            Ok(content) => {
                if matches!(content.body(), Body::Text(_) | Body::Reaction(_)) {
                    // What came in a session that is not sealed in any more is confirmed in another: else the
                    // business would be told that it failed.
                    let id = envelope.id();
                    if let Begun::InSession =
                        self.begin_if_needed(&mut draft, &mut peer, business, id).await?
                    {
                        self.seal_receipt(&mut peer, &mut draft, Progress::Delivered, id)?;
                    }
                }
                if let Body::RetryRequest(lost) = content.body() {
                    is_failed = !self.send_again(&mut draft, &mut peer, business, *lost).await?;
                } else {
                    let encoded = content.encode(&*self.rng);
                    let plaintext = Some(encoded.plaintext());
                    draft.notify(&Row::new(envelope.id(), business, draft.now, plaintext));
                }
                if let Body::Receipt(receipt) = content.body() {
                    for id in receipt.messages() {
                        self.forget_content(&mut draft, business, *id).await?;
                    }
                }
            }
            Err(error) => dropped("unreadable", error),
        }
        draft.seen(envelope);
        if self.asking.is_asked_for(envelope.id()) {
            draft.batch.delete(space::about(space::ASKED, business, envelope.id()));
        }
        draft.keep(peer);
        self.commit(draft).await?;
        self.asking.forget(envelope.id());
        count(envelope, &received, is_failed);
        let Some(key) = received.spent else { return Ok(()) };
        if let Err(error) = self.endpoint.spend(&self.store, key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
        }
        Ok(())
    }

    pub(super) async fn next_notice(&self) -> Result<Notice, StoreError> {
        let mut put = self.tails.noticed.subscribe();
        let mut shown = self.shown.lock().await;
        loop {
            let mut page = self.notices(*shown, 1).await?;
            *shown = page.after;
            if let Some((place, notice)) = page.items.pop() {
                return Notice::read(place, &notice);
            }
            // The sender is ours: it cannot be gone.
            let _ = put.changed().await;
        }
    }
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
