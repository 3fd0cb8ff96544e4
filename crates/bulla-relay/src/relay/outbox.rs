use std::sync::Arc;

use bulla_envelope::{Envelope, Kind};
use bulla_store::{Key, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::conversation::Conversation;
use super::pumps::Pump;
use crate::space::{self, MESSAGE, OUTBOX};
use crate::{Failure, RelayError, Sink, Status};

/// How many envelopes are read from the store at a time.
const PAGE: usize = 16;

impl<S: Store, T: Transport, K: Sink> Inner<S, T, K> {
    /// Hands the conversation's envelopes to the carrier, one after the other, until there are none.
    pub(super) async fn pump_outbox(self: Arc<Self>, conversation: Conversation) -> Result<(), RelayError> {
        loop {
            let now = self.clock.now();
            let scan = space::all(OUTBOX, now).prefix(space::of(conversation.business)).limit(PAGE);
            let page = self.store.scan(conversation.user, &scan, now).await?;
            if page.is_empty() {
                if self.pumps.rest(conversation, Pump::Outbox) {
                    return Ok(());
                }
                continue;
            }
            for (key, record) in page {
                let envelope = Envelope::from_bytes(record.value)
                    .map_err(|_| StoreError::Damaged { what: "envelope" })?;
                let outcome = self.hand_over(conversation, &envelope).await?;
                self.settle(conversation, key, &envelope, outcome).await?;
            }
        }
    }

    /// Hands `envelope` to the carrier, however long it takes: `Sent`, or `Failed` when the carrier will never have it.
    async fn hand_over(&self, conversation: Conversation, envelope: &Envelope) -> Result<Status, RelayError> {
        let Some(voice) = self.voices.get(&conversation.business) else {
            return Ok(Status::Failed(Failure::Undeliverable));
        };
        let mut failures = 0;
        loop {
            match self.transport.send(&voice.caller, envelope.clone()).await {
                Ok(()) => return Ok(Status::Sent),
                Err(error) if error.may_pass() => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the carrier does not answer");
                    self.clock.sleep(self.settings.pause_after(failures)).await;
                    failures = failures.saturating_add(1);
                }
                Err(error @ bulla_transport::TransportError::Fenced { .. }) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    return Ok(Status::Failed(Failure::Undeliverable));
                }
            }
        }
    }

    /// Takes the envelope out of the outbox and tells the business, in one record.
    async fn settle(
        self: &Arc<Self>,
        conversation: Conversation,
        key: Key,
        envelope: &Envelope,
        outcome: Status,
    ) -> Result<(), RelayError> {
        loop {
            let _lane = self.lanes.enter(conversation.user).await;
            let mut draft = self.draft(conversation).await?;
            draft.batch.delete(key.clone());
            if matches!(envelope.kind(), Kind::Message(_)) {
                let message = space::about(MESSAGE, conversation.business, envelope.id());
                if let Some(record) = self.store.get(conversation.user, &message, draft.now).await? {
                    draft.reach(envelope.id(), &record, outcome)?;
                }
            }
            if self.commit(draft).await? {
                return Ok(());
            }
        }
    }
}
