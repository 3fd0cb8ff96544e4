use std::sync::Arc;

use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::{Transport, TransportError};
use tracing::Instrument;

use super::conversation::{ATTEMPTS, Conversation, Read};
use super::pumps::{Pump, Waiting};
use super::resend::Renewed;
use super::voice::Voice;
use super::{Inner, jitter, span};
use crate::space::{self, MESSAGE};
use crate::{Failure, RelayError, Sink, Status};

/// How many envelopes are read from the store at a time.
const PAGE: usize = 16;

/// What became of an envelope that was handed to the carrier.
enum Handed {
    Taken,
    /// It will never have it.
    Refused,
    /// It is sealed for an installation of the user that is no more.
    Reinstalled,
}

impl<S: Store, T: Transport, K: Sink> Inner<S, T, K> {
    /// Hands the conversation's envelopes to the carrier, one after the other, until there are none.
    pub(super) async fn pump_outbox(
        self: Arc<Self>,
        voice: &Arc<Voice>,
        conversation: Conversation,
    ) -> Result<(), RelayError> {
        loop {
            let (page, seen) = self.page(conversation, Pump::Outbox, PAGE).await?;
            if page.is_empty() {
                if self.release_next(voice, conversation).await? {
                    continue;
                }
                if self.pumps.rest(conversation, Pump::Outbox) {
                    return Ok(());
                }
                continue;
            }
            for Waiting { read, value, .. } in page {
                let envelope =
                    Envelope::from_bytes(value).map_err(|_| StoreError::Damaged { what: "envelope" })?;
                let place = read.place;
                let span = span::about("send", conversation, Some(envelope.id()));
                if !self.send(voice, conversation, envelope, read).instrument(span).await? {
                    // Perhaps it is ours that was begun and not finished.
                    drop(self.lane(conversation.user).await?);
                    break;
                }
                self.pumps.pass(conversation, Pump::Outbox, place, seen);
            }
        }
    }

    /// Sends one envelope for good. False when somebody was erased since it was read, perhaps the one it is
    /// for.
    async fn send(
        self: &Arc<Self>,
        voice: &Arc<Voice>,
        conversation: Conversation,
        mut envelope: Envelope,
        mut read: Read,
    ) -> Result<bool, RelayError> {
        loop {
            let Some(handed) = self.hand_over(voice, conversation, &envelope, read.begun).await? else {
                return Ok(false);
            };
            let outcome = match handed {
                Handed::Taken => Status::Sent,
                Handed::Reinstalled if matches!(envelope.kind(), Kind::Message(_)) => {
                    match self.renew(voice, conversation, &read, &envelope).await? {
                        Renewed::Sealed(anew) => {
                            (envelope, read) = *anew;
                            continue;
                        }
                        Renewed::TakenOut => return Ok(true),
                        Renewed::Not => Status::Failed(Failure::Undeliverable),
                    }
                }
                Handed::Refused | Handed::Reinstalled => Status::Failed(Failure::Undeliverable),
            };
            self.settle(voice, conversation, read, &envelope, outcome).await?;
            return Ok(true);
        }
    }

    /// Hands `envelope` to the carrier, however long it takes. Nothing when somebody was erased since
    /// `begun`, perhaps the one it is for.
    async fn hand_over(
        &self,
        voice: &Voice,
        conversation: Conversation,
        envelope: &Envelope,
        begun: u64,
    ) -> Result<Option<Handed>, RelayError> {
        let mut failures = 0;
        loop {
            let sending = self.transport.send(&voice.caller, envelope.clone());
            let Some(sent) = self.erasures.unless_erased(conversation.user, begun, sending).await else {
                return Ok(None);
            };
            match sent {
                Ok(()) => return Ok(Some(Handed::Taken)),
                Err(error) if error.may_pass() => {
                    self.counts.retried("carrier");
                    tracing::debug!(error = &error as &dyn std::error::Error, "the carrier does not answer");
                    let pause = self.settings.pause_after(failures);
                    self.clock.sleep(jitter::shortened(pause, &*self.rng)).await;
                    failures = failures.saturating_add(1);
                }
                Err(error @ TransportError::Fenced { .. }) => return Err(error.into()),
                Err(TransportError::Reinstalled) => return Ok(Some(Handed::Reinstalled)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the carrier refuses an envelope"
                    );
                    return Ok(Some(Handed::Refused));
                }
            }
        }
    }

    /// Takes the envelope out of the outbox and tells the business, in one record.
    async fn settle(
        self: &Arc<Self>,
        voice: &Voice,
        conversation: Conversation,
        read: Read,
        envelope: &Envelope,
        outcome: Status,
    ) -> Result<(), RelayError> {
        for _ in 0..ATTEMPTS {
            let _lane = self.lane(conversation.user).await?;
            if !self.is_still(conversation.user, &read).await? {
                return Ok(());
            }
            let mut draft = self.draft(conversation).await?;
            draft.remove_sent(read.place);
            if matches!(envelope.kind(), Kind::Message(_)) {
                let message = space::about(MESSAGE, conversation.business, envelope.id());
                if let Some(record) = self.store.get(conversation.user, &message, draft.now).await? {
                    draft.reach(envelope.id(), &record, outcome)?;
                }
            }
            if let (Status::Failed(_), Some(gone)) = (outcome, envelope.installation()) {
                // If that installation is no more, what is accepted next goes out in a session with the one
                // that is.
                let peer =
                    voice.endpoint.peer(&self.store, conversation.user, envelope.to(), draft.now).await;
                if let Ok(mut peer) = peer {
                    peer.retire_session(gone);
                    draft.keep(peer);
                }
            }
            if self.commit(draft).await? {
                if outcome == Status::Sent {
                    self.counts.sent();
                }
                return Ok(());
            }
        }
        Err(RelayError::InTheWay { attempts: ATTEMPTS })
    }
}
