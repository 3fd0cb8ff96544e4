use std::sync::Arc;

use bulla_base::Party;
use bulla_content::{Body, Progress};
use bulla_endpoint::{LOW_STOCK, OpenError, STOCK, SealError};
use bulla_envelope::Envelope;
use bulla_store::{Store, StoreError};
use bulla_transport::{Sequence, Transport, in_order};

use super::Inner;
use crate::notice::Row;
use crate::space::{self, INBOX};
use crate::{DeviceError, Notice};

impl<S: Store, T: Transport> Inner<S, T> {
    /// Receives what businesses send, for as long as the device runs.
    pub(super) async fn keep_receiving(self: Arc<Self>, connected: bool) -> Result<(), DeviceError> {
        // Who has not left keys yet cannot be written to: that comes first.
        let (mut after, mut failures, mut spent) = (Sequence::START, 0, if connected { 0 } else { STOCK });
        loop {
            let outcome = if spent >= STOCK - LOW_STOCK {
                // A carrier that forgot us counts from the beginning; what it still has and we have seen is known.
                self.connect().await.map(|()| (spent, after) = (0, Sequence::START))
            } else {
                self.receive_once(&mut after).await.map(|keys| spent += keys)
            };
            match outcome {
                Ok(()) => failures = 0,
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(&mut failures).await;
                    // The carrier may have been restarted, and may not know us any more.
                    spent = STOCK;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn receive_once(&self, after: &mut Sequence) -> Result<usize, DeviceError> {
        let deliveries = in_order(self.transport.receive(&self.caller, *after).await?, *after);
        let mut spent = 0;
        for delivery in &deliveries {
            spent += usize::from(self.open(&delivery.envelope).await?);
        }
        let sequences: Vec<Sequence> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        match self.transport.acknowledge(&self.caller, &sequences).await {
            Ok(()) => {}
            // They come again after a restart, and are known then.
            Err(error) if error.may_pass() => {}
            Err(error) => return Err(error.into()),
        }
        *after = sequences.last().copied().unwrap_or(*after);
        Ok(spent)
    }

    /// Opens one envelope and makes what it says durable, with the session's step and the receipt for it, in one record. Whether that took
    /// a one-time prekey.
    async fn open(&self, envelope: &Envelope) -> Result<bool, DeviceError> {
        let Party::Business(business) = *envelope.from().party() else { return Ok(false) };
        let _lane = self.lane.lock().await;
        let mut draft = self.draft().await?;
        if self.store.get(self.home, &space::seen(envelope.id()), draft.now).await?.is_some() {
            return Ok(false);
        }
        let mut peer = self.endpoint.peer(&self.store, self.home, envelope.from(), draft.now).await?;
        let received = match peer.open(&self.store, envelope, draft.now, &*self.rng).await {
            Ok(received) => received,
            Err(error @ (OpenError::Store(_) | OpenError::Damaged { .. })) => {
                return Err(DeviceError::Open(error));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an envelope was dropped");
                return Ok(false);
            }
        };
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
        let Some(key) = received.spent else { return Ok(false) };
        if let Err(error) = self.endpoint.spend(&self.store, key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a spent prekey stays behind");
        }
        Ok(true)
    }

    pub(super) async fn next_notice(&self) -> Result<Notice, StoreError> {
        let mut inbox = self.store.watch(self.home, INBOX);
        let mut shown = self.shown.lock().await;
        loop {
            let now = self.clock.now();
            let mut scan = space::all(INBOX, now).limit(1);
            if let Some(key) = &*shown {
                scan = scan.after(key.clone());
            }
            if let Some((key, record)) = self.store.scan(self.home, &scan, now).await?.pop() {
                *shown = Some(key.clone());
                return Notice::read(key, &record.value);
            }
            inbox.changed().await;
        }
    }
}
