//! The ML-KEM Braid: in every epoch one key exchange, carried in pieces by messages that are sent anyway.
//!
//! ```text
//!  offerer                                       responder
//!  Fresh ──(draws a key pair)                    AwaitingHeader
//!  Header ───────── header, MAC ───────────────▶ HasHeader ──(encapsulates: knows the secret)
//!  Key    ◀──────── ciphertext 1 ─────────────── Ct1
//!    │    ───────── key ───────────────────────▶  │ Ct1HasKey │ Ct1Acknowledged
//!  KeyAndAck ────── key, "has ciphertext 1" ───▶  ▼
//!  AwaitingCt2 ◀─── ciphertext 2, MAC ────────── Ct2
//!    (decapsulates: knows the secret)
//!  AwaitingHeader of the next epoch ───────────▶ Fresh of the next epoch
//! ```

pub(crate) mod offerer;
pub(crate) mod responder;

use rand_core::CryptoRng;

use self::offerer::Offerer;
use self::responder::Responder;
use crate::authenticator::Authenticator;
use crate::erasure_code::Collected;
use crate::error::{ReceiveError, SendError};
use crate::kem::KeyPair;
use crate::message::{Incoming, Payload};
use crate::role::Role;
use crate::secret::Secret;

/// An epoch's exchange as it stands at one party.
pub(crate) struct Braid {
    /// The epoch under way, from 1.
    pub(crate) epoch: u64,
    pub(crate) authenticator: Authenticator,
    pub(crate) state: State,
}

pub(crate) enum State {
    Offerer(Offerer),
    Responder(Responder),
}

/// What the exchange becomes when a message has proved genuine.
pub(crate) enum Change {
    /// The message brought nothing new.
    Stay,
    /// The peer has moved on to the next epoch, and we offer in it.
    NextEpoch,
    /// Both know the epoch's secret, and the peer offers in the next.
    Agreed(Agreed),
    Offerer(offerer::Change),
    Responder(responder::Change),
}

/// An epoch's secret, and what authenticates from then on.
pub(crate) struct Agreed {
    pub(crate) secret: Secret<32>,
    pub(crate) authenticator: Authenticator,
}

impl Braid {
    pub(crate) fn new(role: Role, auth_key: &[u8; 32]) -> Self {
        let state = match role {
            Role::Initiator => State::Offerer(Offerer::Fresh),
            Role::Responder => State::Responder(Responder::awaiting_header()),
        };
        Self { epoch: 1, authenticator: Authenticator::new(auth_key), state }
    }

    /// What the next message carries, and the epoch's secret if this is where we learn it. If it fails
    /// nothing has changed.
    pub(crate) fn send(
        &mut self,
        rng: &mut impl CryptoRng,
    ) -> Result<(Payload, Option<Secret<32>>), SendError> {
        match &mut self.state {
            State::Offerer(offerer) => Ok((offerer.send(self.epoch, &self.authenticator, rng), None)),
            State::Responder(responder) => {
                let (payload, agreed) = responder.send(self.epoch, &self.authenticator, rng)?;
                let secret = agreed.map(|agreed| {
                    self.authenticator = agreed.authenticator;
                    agreed.secret
                });
                Ok((payload, secret))
            }
        }
    }

    /// Whether the next message would draw a key pair.
    pub(crate) fn wants_key_pair(&self) -> bool {
        matches!(self.state, State::Offerer(Offerer::Fresh))
    }

    /// Goes on with a key pair drawn elsewhere.
    pub(crate) fn prepare(&mut self, pair: KeyPair) {
        if self.wants_key_pair() {
            self.state = State::Offerer(Offerer::Header { pair, next: 0 });
        }
    }

    /// What a message of the peer's changes, once it has proved genuine.
    pub(crate) fn receive(&self, message: &Incoming) -> Result<Change, ReceiveError> {
        let future = ReceiveError::Future { epoch: message.epoch, current: self.epoch };
        // Overtaken. Its key may well be wanted, but its part of an exchange that is over is not.
        if message.epoch < self.epoch {
            return Ok(Change::Stay);
        }
        if message.epoch > self.epoch {
            // Only one who has all of our ciphertext can be ahead, and by one epoch only.
            let sending_ct2 = matches!(self.state, State::Responder(Responder::Ct2 { .. }));
            let next = sending_ct2 && message.epoch == self.epoch + 1;
            return if next { Ok(Change::NextEpoch) } else { Err(future) };
        }
        match &self.state {
            State::Offerer(offerer) => offerer.receive(self.epoch, &self.authenticator, message.payload),
            State::Responder(responder) => {
                responder.receive(self.epoch, &self.authenticator, message.payload)
            }
        }
    }

    /// Takes the step; gives the epoch's secret if this is where we learn it.
    pub(crate) fn accept(&mut self, change: Change) -> Option<Secret<32>> {
        match (change, &mut self.state) {
            (Change::Offerer(change), State::Offerer(offerer)) => offerer.accept(change),
            (Change::Responder(change), State::Responder(responder)) => responder.accept(change),
            (Change::NextEpoch, _) => {
                self.epoch += 1;
                self.state = State::Offerer(Offerer::Fresh);
            }
            (Change::Agreed(Agreed { secret, authenticator }), _) => {
                self.epoch += 1;
                self.authenticator = authenticator;
                // Roles change with every epoch: who offered responds in the next.
                self.state = State::Responder(Responder::awaiting_header());
                return Some(secret);
            }
            // What was received in another state never gets here: `Ratchet::accept` has told it by the
            // steps.
            (Change::Stay | Change::Offerer(_) | Change::Responder(_), _) => {}
        }
        None
    }
}

impl Responder {
    pub(crate) fn awaiting_header() -> Self {
        Self::AwaitingHeader { header: Collected::default() }
    }
}
