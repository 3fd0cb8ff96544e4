use std::sync::Arc;

use bulla_base::Party;
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{Transport, TransportError};

use super::Inner;
use crate::DeviceError;
use crate::notice::Row;
use crate::space::{self, OUTBOX};

/// How many envelopes are read from the store at a time.
const PAGE: usize = 16;

impl<S: Store, T: Transport> Inner<S, T> {
    /// Hands the envelopes of the outbox to the carrier, one after the other, for as long as the device runs.
    pub(super) async fn keep_sending(self: Arc<Self>) -> Result<(), DeviceError> {
        let mut outbox = self.store.watch(self.home, OUTBOX);
        loop {
            let now = self.clock.now();
            let page = self.store.scan(self.home, &space::all(OUTBOX, now).limit(PAGE), now).await?;
            if page.is_empty() {
                outbox.changed().await;
            }
            for (key, record) in page {
                let envelope = Envelope::from_bytes(record.value)
                    .map_err(|_| StoreError::Damaged { what: "envelope" })?;
                let taken = self.hand_over(&envelope).await?;
                let _lane = self.lane.lock().await;
                let mut draft = self.draft().await?;
                draft.batch.delete(key);
                if let (false, Kind::Message(_), Party::Business(business)) =
                    (taken, envelope.kind(), envelope.to().party())
                {
                    draft.notify(&Row::new(envelope.id(), *business, draft.now, None));
                }
                self.commit(draft).await?;
            }
        }
    }

    /// Hands `envelope` to the carrier, however long it takes. False when the carrier will never have it.
    async fn hand_over(&self, envelope: &Envelope) -> Result<bool, DeviceError> {
        let mut failures = 0;
        loop {
            match self.transport.send(&self.caller, envelope.clone()).await {
                Ok(()) => return Ok(true),
                Err(error) if error.may_pass() => self.pause(&mut failures).await,
                Err(error @ TransportError::Fenced { .. }) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    return Ok(false);
                }
            }
        }
    }
}
