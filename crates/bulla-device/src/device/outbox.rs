use std::sync::Arc;

use bulla_base::Party;
use bulla_envelope::{Envelope, Kind};
use bulla_store::Store;
use bulla_transport::{Transport, TransportError};
use tracing::Instrument;

use super::{Inner, SENDING, span};
use crate::DeviceError;
use crate::metrics::{FAILED, SENT};
use crate::notice::Row;

/// How many envelopes are read from the store at a time.
const PAGE: usize = 16;

/// What became of an envelope that was handed to the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The carrier has it.
    Taken,
    /// It will never have it.
    Refused,
    /// It is sealed for an installation of the business that is no more.
    Reinstalled,
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Hands the envelopes of the outbox to the carrier, one after the other, for as long as the device runs.
    pub(super) async fn keep_sending(self: Arc<Self>) -> Result<(), DeviceError> {
        self.registered(SENDING).await?;
        let mut put = self.tails.sent.subscribe();
        let mut after = 0;
        loop {
            let page = self.envelopes(after, PAGE).await?;
            if page.items.is_empty() {
                // The sender is ours: it cannot be gone.
                let _ = put.changed().await;
            }
            for (place, envelope) in page.items {
                let span = span::about("hand over", self.home, &envelope);
                self.see_off(place, envelope).instrument(span).await?;
            }
            after = page.after;
        }
    }

    /// Hands over `envelope`, sealed anew if the business is not the one that it was sealed for any more.
    async fn see_off(&self, place: u64, mut envelope: Envelope) -> Result<(), DeviceError> {
        loop {
            let outcome = self.hand_over(&envelope).await?;
            if outcome == Outcome::Reinstalled
                && matches!(envelope.kind(), Kind::Message(_))
                && let Some(anew) = self.renew(place, &envelope).await?
            {
                envelope = anew;
                continue;
            }
            return self.settle(place, &envelope, outcome).await;
        }
    }

    /// Takes `envelope` out of the outbox, and tells the user if it will not arrive, in one record.
    async fn settle(&self, place: u64, envelope: &Envelope, outcome: Outcome) -> Result<(), DeviceError> {
        let _lane = self.lane.lock().await;
        let mut draft = self.draft().await?;
        draft.remove_sent(place);
        let Party::Business(business) = *envelope.to().party() else { return Ok(self.commit(draft).await?) };
        let failed = match outcome {
            Outcome::Taken => None,
            Outcome::Refused => Some("refused"),
            Outcome::Reinstalled => Some("reinstalled"),
        };
        let failed = failed.filter(|_| matches!(envelope.kind(), Kind::Message(_)));
        if failed.is_some() {
            draft.notify(&Row::new(envelope.id(), business, draft.now, None));
            self.forget_content(&mut draft, business, envelope.id()).await?;
        }
        if let (Outcome::Reinstalled, Some(gone)) = (outcome, envelope.installation()) {
            // What is written next goes to the business as it is now.
            let mut peer = self.endpoint.peer(&self.store, self.home, envelope.to(), draft.now).await?;
            peer.retire_session(gone);
            draft.keep(peer);
        }
        self.commit(draft).await?;
        if let Some(reason) = failed {
            metrics::counter!(FAILED, "reason" => reason).increment(1);
        }
        Ok(())
    }

    /// Hands `envelope` to the carrier, however long it takes.
    async fn hand_over(&self, envelope: &Envelope) -> Result<Outcome, DeviceError> {
        let mut failures = 0;
        loop {
            match self.transport.send(&self.caller, envelope.clone()).await {
                Ok(()) => {
                    metrics::counter!(SENT).increment(1);
                    return Ok(Outcome::Taken);
                }
                Err(error) if error.may_pass() => self.pause(SENDING, &mut failures).await,
                Err(error @ TransportError::Fenced { .. }) => return Err(error.into()),
                Err(TransportError::Reinstalled) => return Ok(Outcome::Reinstalled),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    return Ok(Outcome::Refused);
                }
            }
        }
    }
}
