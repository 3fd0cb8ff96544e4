use std::sync::Arc;

use bulla_base::Party;
use bulla_content::{Body, Progress};
use bulla_endpoint::{OpenError, SealError};
use bulla_envelope::Envelope;
use bulla_store::{Queued, Store, StoreError};
use bulla_transport::{Sequence, Transport, in_order};

use super::Inner;
use crate::notice::Row;
use crate::space::{self, INBOX};
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
                // A carrier that forgot us counts from the beginning; what it still has and we have seen is known.
                self.connect().await.map(|()| (connected, after) = (true, Sequence::START))
            };
            match outcome {
                Ok(()) => failures = 0,
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(&mut failures).await;
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
            self.open(&delivery.envelope).await?;
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

    /// Opens one envelope and makes what it says durable, with the session's step and the receipt for it, in one record.
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
                tracing::warn!(error = &error as &dyn std::error::Error, "an envelope was dropped");
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
                // Nothing of what was said is kept to be said again: the message is lost, and the user is told.
                let encoded = content.encode(&*self.rng);
                let notice = match content.body() {
                    Body::RetryRequest(lost) => Row::new(*lost, business, draft.now, None),
                    _ => Row::new(envelope.id(), business, draft.now, Some(encoded.plaintext())),
                };
                draft.notify(&notice);
            }
            Err(error) => tracing::warn!(error = error as &dyn std::error::Error, "an envelope says nothing"),
        }
        draft.seen(envelope);
        peer.keep(&mut draft.batch);
        self.commit(draft).await?;
        let Some(key) = received.spent else { return Ok(()) };
        if let Err(error) = self.endpoint.spend(&self.store, key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
        }
        Ok(())
    }

    pub(super) async fn next_notice(&self) -> Result<Notice, StoreError> {
        let mut inbox = self.store.watch(self.home, INBOX);
        let mut shown = self.shown.lock().await;
        loop {
            let next = self.draft().await?.notices(*shown, 1, &self.store).await?.pop();
            if let Some(Queued { place, key, record, .. }) = next {
                *shown = place;
                return Notice::read(key, &record.value);
            }
            inbox.changed().await;
        }
    }
}
