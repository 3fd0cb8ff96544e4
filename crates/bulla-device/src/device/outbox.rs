use std::collections::VecDeque;
use std::sync::Arc;

use bulla_base::{Party, Retries};
use bulla_envelope::{Envelope, Kind};
use bulla_store::Store;
use bulla_transport::{SendOutcome, Transport, TransportError};
use tracing::Instrument;

use super::handed_over_envelopes::Noted;
use super::{BACKOFF, Inner, SENDING, trace_span};
use crate::DeviceError;
use crate::event::Row;
use crate::limits::{OUTBOX_PAGE, SETTLED_AFTER};
use crate::metrics::{FAILED, SENT};

/// Why an envelope that was handed to the carrier was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// The carrier will never have it.
    ForGood,
    /// It is sealed for an installation of the business that is no more.
    Reinstalled,
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Hands the envelopes of the outbox to the carrier, in their order, for as long as the device runs.
    pub(super) async fn keep_sending(self: Arc<Self>) -> Result<(), DeviceError> {
        self.registered(SENDING).await?;
        let mut put = self.tails.sent.subscribe();
        let mut after = 0;
        loop {
            let page = self.envelopes(after, OUTBOX_PAGE).await?;
            if page.items.is_empty() {
                tokio::select! {
                    biased;
                    // The sender is ours: it cannot be gone.
                    _ = put.changed() => {}
                    () = self.clock.sleep(SETTLED_AFTER), if !self.handed_over.is_empty() => {
                        self.settle_handed_over().await?;
                    }
                }
            }
            // What fails within is final, so that nothing is passed over that is to be tried again.
            after = page.after;
            self.see_off(page.items.into()).await?;
        }
    }

    /// Hands envelopes over, as many at once as the carrier takes.
    async fn see_off(&self, mut page: VecDeque<(u64, Envelope)>) -> Result<(), DeviceError> {
        while let Some((_, first)) = page.front() {
            let span = trace_span::about("hand over", self.home, first);
            let envelopes = page.iter().map(|(_, envelope)| envelope.clone()).collect();
            let generation = self.endpoint.carrier_generation();
            let (taken, refused) = self.hand_over(envelopes).instrument(span).await?;
            let places: Vec<_> = page.iter().take(taken).map(|(place, _)| *place).collect();
            match self.note_handed_over(&places, generation) {
                Noted::Few => {}
                Noted::Many => self.settle_handed_over().await?,
                // All of it once more: the carrier knows what it has.
                Noted::Lost => continue,
            }
            drop(page.drain(..taken));
            if let Some(refused) = refused
                && let Some((place, envelope)) = page.pop_front()
            {
                let span = trace_span::about("hand over", self.home, &envelope);
                Box::pin(self.conclude(place, envelope, refused)).instrument(span).await?;
            }
        }
        Ok(())
    }

    /// Sees to an envelope that was not taken: it is sealed anew if the business is not the one that it was
    /// sealed for any more.
    async fn conclude(
        &self,
        place: u64,
        mut envelope: Envelope,
        mut refused: Refused,
    ) -> Result<(), DeviceError> {
        while refused == Refused::Reinstalled
            && matches!(envelope.kind(), Kind::Message(_))
            && let Some(anew) = self.renew(place, &envelope).await?
        {
            envelope = anew;
            refused = loop {
                let generation = self.endpoint.carrier_generation();
                match self.hand_over(vec![envelope.clone()]).await? {
                    (_, Some(again)) => break again,
                    (_, None) if self.note_handed_over(&[place], generation) == Noted::Lost => {}
                    (_, None) => return self.settle_handed_over().await,
                }
            };
        }
        self.settle_refused(place, &envelope, refused).await
    }

    /// Takes note of what the carrier has taken in this generation of its store.
    fn note_handed_over(&self, places: &[u64], generation: u64) -> Noted {
        self.handed_over.note(places, || self.endpoint.carrier_generation() == generation)
    }

    /// Takes what the carrier has out of the outbox, in a record of its own.
    async fn settle_handed_over(&self) -> Result<(), DeviceError> {
        let _lane = self.lane.lock().await;
        self.settle_in_lane().await
    }

    /// As [`settle_handed_over`](Self::settle_handed_over), when nothing of the device runs any more. What it
    /// comes to does not matter: what stays is handed over again, and the carrier knows it.
    pub(super) async fn settle_at_close(&self) {
        // Who is in the lane may wait for a carrier that does not answer.
        let Ok(_lane) = self.lane.try_lock() else { return };
        if let Err(error) = self.settle_in_lane().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "what was handed over stays");
        }
    }

    async fn settle_in_lane(&self) -> Result<(), DeviceError> {
        // It may have gone with another record meanwhile.
        if self.handed_over.is_empty() {
            return Ok(());
        }
        let transaction = self.transaction().await?;
        Ok(self.commit(transaction).await?)
    }

    /// Takes `envelope` out of the outbox, and tells the user that it will not arrive, in one record.
    async fn settle_refused(
        &self,
        place: u64,
        envelope: &Envelope,
        refused: Refused,
    ) -> Result<(), DeviceError> {
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        transaction.remove_from_outbox(place);
        let Party::Business(business) = *envelope.to().party() else {
            return Ok(self.commit(transaction).await?);
        };
        let reason = match refused {
            Refused::ForGood => "refused",
            Refused::Reinstalled => "reinstalled",
        };
        let failed = matches!(envelope.kind(), Kind::Message(_)).then_some(reason);
        if failed.is_some() {
            transaction.push_event(&Row::new(envelope.id(), business, transaction.now, None));
            self.forget_content(&mut transaction, business, envelope.id()).await?;
        }
        if let (Refused::Reinstalled, Some(gone)) = (refused, envelope.installation()) {
            // What is written next goes to the business as it is now.
            let mut peer = self.endpoint.peer(&self.store, self.home, envelope.to(), transaction.now).await?;
            peer.retire_session(gone);
            transaction.put_sessions(peer);
        }
        self.commit(transaction).await?;
        if let Some(reason) = failed {
            metrics::counter!(FAILED, "reason" => reason).increment(1);
        }
        Ok(())
    }

    /// Hands `envelopes` to the carrier, however long it takes: how many it has taken, and why it will not
    /// have the next, if it will not.
    async fn hand_over(&self, envelopes: Vec<Envelope>) -> Result<(usize, Option<Refused>), DeviceError> {
        let mut retries = Retries::new(BACKOFF);
        loop {
            let sending = Box::pin(self.transport.send_all(&self.caller, envelopes.clone()));
            let SendOutcome { taken, error } = sending.await;
            metrics::counter!(SENT).increment(u64::try_from(taken).unwrap_or(u64::MAX));
            let refused = match error {
                None => None,
                // What was taken is settled first.
                Some(error) if error.may_pass() && taken > 0 => None,
                Some(error) if error.may_pass() => {
                    self.pause(SENDING, &mut retries).await;
                    continue;
                }
                Some(error @ (TransportError::Fenced { .. } | TransportError::Removed)) => {
                    return Err(error.into());
                }
                Some(TransportError::Reinstalled) => Some(Refused::Reinstalled),
                Some(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    Some(Refused::ForGood)
                }
            };
            return Ok((taken, refused));
        }
    }
}
