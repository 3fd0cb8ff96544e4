use std::sync::Arc;

use bulla_base::Party;
use bulla_content::{Body, Progress};
use bulla_endpoint::{OpenError, Received, SealError};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{Sequence, Transport, in_order};
use tracing::Instrument;

use super::{Inner, RECEIVING, span};
use crate::metrics::{DROPPED, FAILED, IDENTITY_CHANGES, OPENED};
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
                return Ok(());
            }
        };
        if received.identity_changed {
            draft.notify(&Row::identity_changed(envelope.id(), business, draft.now));
        }
        match &received.content {
            Ok(content) => {
                if matches!(content.body(), Body::Text(_) | Body::Reaction(_)) {
                    match self.seal_receipt(&mut peer, &mut draft, Progress::Delivered, envelope.id()) {
                        Ok(()) | Err(SealError::NoSession) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                // Nothing of what was said is kept to be said again: the message is lost, and the user is
                // told.
                let encoded = content.encode(&*self.rng);
                let notice = match content.body() {
                    Body::RetryRequest(lost) => Row::new(*lost, business, draft.now, None),
                    _ => Row::new(envelope.id(), business, draft.now, Some(encoded.plaintext())),
                };
                draft.notify(&notice);
            }
            Err(error) => dropped("unreadable", error),
        }
        draft.seen(envelope);
        draft.keep(peer);
        self.commit(draft).await?;
        count(envelope, &received);
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
fn count(envelope: &Envelope, received: &Received) {
    if received.identity_changed {
        metrics::counter!(IDENTITY_CHANGES).increment(1);
    }
    let Ok(content) = &received.content else { return };
    metrics::counter!(OPENED, "kind" => kind(envelope.kind())).increment(1);
    if let Body::RetryRequest(_) = content.body() {
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
