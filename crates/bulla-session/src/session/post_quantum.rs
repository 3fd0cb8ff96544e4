//! The post-quantum ratchet's place in a session: what it adds to every message, and how its refusals read.

use bulla_spqr::Secret;
use bulla_spqr::error::{MessageError, ReceiveError, SendError};
use bulla_spqr::{Ratchet, Received, Role, Sent};
use rand_core::CryptoRng;

use super::ratchet_decrypt::StepError;
use super::ratchet_encrypt::Exhausted;
use super::split_storage::StoredPart;
use crate::error::StoredError;

/// A session's post-quantum ratchet.
pub(super) struct PostQuantum(Ratchet);

impl PostQuantum {
    /// The ratchet of the session's initiator.
    pub(super) fn initiated(auth_key: &Secret<32>) -> Self {
        Self(Ratchet::new(Role::Initiator, auth_key.expose()))
    }

    /// The ratchet of the session's responder.
    pub(super) fn responded(auth_key: &Secret<32>) -> Self {
        Self(Ratchet::new(Role::Responder, auth_key.expose()))
    }

    pub(super) fn load(bytes: &[u8]) -> Result<Self, StoredError> {
        let damaged = |_| StoredError::Value { field: "post-quantum ratchet" };
        Ratchet::from_bytes(bytes).map(Self).map_err(damaged)
    }

    pub(super) fn from_rows<'a>(
        head: &[u8],
        exchange: &[u8],
        chunks: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, StoredError> {
        let damaged = |_| StoredError::Value { field: "post-quantum ratchet" };
        Ratchet::from_rows(head, exchange, chunks).map(Self).map_err(damaged)
    }

    /// What the next message sealed carries in its field 5, and the salt of its keys. If it fails nothing has
    /// changed.
    pub(super) fn send(&mut self, rng: &mut impl CryptoRng) -> Result<Sent, Exhausted> {
        self.0.send(rng).map_err(Exhausted::from)
    }

    /// The salt of a message with this in its field 5, and the step to take once the message has proved
    /// genuine.
    pub(super) fn receive(&self, field: Option<&[u8]>) -> Result<Received, StepError> {
        Ok(self.0.receive(field.unwrap_or_default())?)
    }

    /// Takes the step.
    pub(super) fn accept(&mut self, received: Received) {
        let taken = self.0.accept(received);
        debug_assert!(taken, "a session was stepped with what another one received");
    }

    pub(super) fn stored_len(&self) -> usize {
        self.0.stored_len()
    }

    pub(super) fn store(&self, out: &mut Vec<u8>) {
        self.0.store(out);
    }

    pub(super) fn ratchet(&self) -> &Ratchet {
        &self.0
    }

    pub(super) fn ratchet_mut(&mut self) -> &mut Ratchet {
        &mut self.0
    }
}

impl From<SendError> for Exhausted {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl From<ReceiveError> for StepError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NotLoaded { epoch, index } => {
                Self::NotLoaded(StoredPart::PostQuantumKey { epoch: epoch.to_le_bytes()[0], index })
            }
            // It shows in the message's public bytes, so that to say it gives nothing away; all else stays
            // opaque.
            ReceiveError::Malformed(MessageError::Absent | MessageError::Version { .. }) => Self::PostQuantum,
            _ => Self::Undecipherable,
        }
    }
}
