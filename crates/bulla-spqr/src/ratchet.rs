use std::fmt;

use rand_core::CryptoRng;

use crate::chain::{self, Chain};
use crate::error::{ReceiveError, SendError, StoredError};
use crate::kem::KeyPair;
use crate::message::{Incoming, Message};
use crate::ml_kem_braid::{self, Braid};
use crate::role::Role;
use crate::secret::Secret;
use crate::serialization::Rows;
use crate::wiped_bytes::Wiped;

/// One party's end of the ratchet.
pub struct Ratchet {
    pub(crate) braid: Braid,
    pub(crate) chain: Chain,
    /// Counts the steps since it was loaded, to tell a step from one that was overtaken.
    pub(crate) steps: u64,
    /// What of it stood in the caller's store, row by row, when it was loaded.
    pub(crate) rows: Rows,
}

/// A message to send, and the key to seal around it.
#[derive(Debug)]
#[must_use = "the ratchet has taken a step that has to be stored, and sent"]
#[non_exhaustive]
pub struct Sent {
    /// What the peer's ratchet has to receive.
    pub message: Message,
    /// What only the peer can derive from the message.
    pub key: Secret<32>,
}

/// The key of a message of the peer's, and the step to take once the key has opened what is sealed around it.
///
/// Dropping it leaves no trace.
#[must_use = "nothing has changed until it is accepted"]
pub struct Received {
    key: Secret<32>,
    braid: ml_kem_braid::Change,
    chain: chain::Change,
    steps: u64,
}

impl Ratchet {
    /// The ratchet of a new session, whose parties have agreed on `auth_key`.
    #[must_use]
    pub fn new(role: Role, auth_key: &[u8; 32]) -> Self {
        Self {
            braid: Braid::new(role, auth_key),
            chain: Chain::new(role, auth_key),
            steps: 0,
            rows: Rows::default(),
        }
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if the bytes are not such a form, whole and without anything behind it.
    ///
    /// # Security
    ///
    /// The form has no checksum. Whoever can alter it can alter the keys: store it where that is detected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredError> {
        Self::load(bytes)
    }

    /// Takes the step of sending a message. Store the ratchet before the message leaves.
    ///
    /// Draws 64 bytes of `rng` when a key pair is needed, 32 when something is encapsulated, otherwise
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the ratchet unchanged.
    ///
    /// # Cost
    ///
    /// Half a microsecond and no allocation, as much again for a chunk that has to be computed; but once in
    /// every other epoch a key generation and in the others half an encapsulation, some twenty microseconds
    /// each.
    pub fn send(&mut self, rng: &mut impl CryptoRng) -> Result<Sent, SendError> {
        let epoch = self.braid.epoch;
        // Keys belong to the last epoch both are known to know.
        let sending = self.chain.try_send(epoch - 1)?;
        // Only now: the braid's step cannot be taken back, and a chain at its end has to change nothing.
        let (payload, secret) = self.braid.send(rng)?;
        let (index, key) = self.chain.sent(sending);
        // Behind the message's key: that is of the epoch which was known before.
        if let Some(secret) = secret {
            self.chain.add(&secret);
        }
        self.steps = self.steps.wrapping_add(1);
        Ok(Sent { message: Message::new(epoch, index, &payload), key })
    }

    /// The key of a message, and the step to [`accept`](Self::accept) once that key has opened what it is
    /// for.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    ///
    /// # Cost
    ///
    /// One HKDF for each key that is skipped, at most [`MAX_SKIP`](crate::limits::MAX_SKIP). The
    /// message that completes a key or ciphertext costs an encapsulation or a decapsulation, and up to a
    /// tenth of a millisecond to decode it.
    ///
    /// # Security
    ///
    /// The message carries no MAC of its own: until what is sealed with the key has opened, it may be
    /// anybody's.
    pub fn receive(&self, message: &[u8]) -> Result<Received, ReceiveError> {
        let message = Incoming::parse(message)?;
        // Epochs too far ahead are told before keys are derived; an epoch is at least 1.
        let braid = self.braid.receive(&message)?;
        let (key, chain) = self.chain.receive(message.epoch - 1, message.index)?;
        Ok(Received { key, braid, chain, steps: self.steps })
    }

    /// Takes the step a message led to, and returns whether it did: it does not if this ratchet has taken
    /// another step since the message was received, or never received it.
    #[must_use = "a step that was not taken has to be tried anew"]
    pub fn accept(&mut self, received: Received) -> bool {
        let Received { key: _, braid, chain, steps } = received;
        if steps != self.steps {
            return false;
        }
        self.steps = self.steps.wrapping_add(1);
        self.chain.accept(chain);
        if let Some(secret) = self.braid.accept(braid) {
            self.chain.add(&secret);
        }
        true
    }

    /// Whether the next message sent needs a key pair.
    #[must_use]
    pub fn wants_key_pair(&self) -> bool {
        self.braid.wants_key_pair()
    }

    /// Supplies the key pair for the next message, if [one is needed](Self::wants_key_pair), so that sending
    /// does not have to wait for it to be made. What is sent is the same.
    // A step like any other: what was received before it was received in another state.
    pub fn prepare(&mut self, pair: KeyPair) {
        self.steps = self.steps.wrapping_add(1);
        self.braid.prepare(pair);
    }

    /// The epoch under way, from 1.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.braid.epoch
    }

    /// The form to store, in a buffer that is wiped; [`serialization`](crate::serialization) draws it.
    #[must_use]
    pub fn to_bytes(&self) -> Wiped {
        let mut out = Wiped::with_capacity(self.stored_len());
        self.store(&mut out);
        out
    }
}

impl fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { braid: Braid { epoch, authenticator: _, state: _ }, chain, steps: _, rows: _ } = self;
        let Chain { role, .. } = chain;
        f.debug_struct("Ratchet").field("role", role).field("epoch", epoch).finish_non_exhaustive()
    }
}

impl Received {
    /// What only the sender could derive.
    #[must_use]
    pub fn key(&self) -> &Secret<32> {
        &self.key
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, braid: _, chain: _, steps: _ } = self;
        f.debug_struct("Received").field("key", key).finish_non_exhaustive()
    }
}
