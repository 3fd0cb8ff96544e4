//! Opening one message in one session: first everything is tried, then everything is changed, or nothing.

use bulla_spqr::Received;
use bulla_spqr::skipped_keys::{Found, Skipped};
use rand_core::CryptoRng;

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain, copied};
use super::message_key::MessageKey;
use super::split_storage::StoredPart;
use super::state::Session;
use crate::error::KeyError;
use crate::key::{KeyPair, PublicKey};
use crate::limits::{MAX_SKIP, MAX_SKIPPED_KEYS};
use crate::message::SignalMessage;
use crate::service_address::Addresses;

/// A message that was opened, and what the session becomes by it.
pub(super) struct Step {
    pub(super) plaintext: Vec<u8>,
    change: Change,
    post_quantum: Received,
}

enum Change {
    /// A skipped message key is used up.
    Overtaken { ratchet_key: PublicKey, index: u32 },
    /// A known chain moves forward.
    Advanced { ratchet_key: PublicKey, advance: Advance },
    /// The peer has a new ratchet key, so we take one too.
    Ratcheted { root: RootKey, sending: SendingChain, chain: ReceivingChain },
}

struct Advance {
    key: ChainKey,
    index: u32,
    skipped: Skipped,
}

/// Why one session does not open a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepError {
    Duplicate {
        index: u32,
        counter: u32,
    },
    TooFarAhead {
        index: u32,
        counter: u32,
    },
    /// The message takes no part in the post-quantum ratchet that we know.
    PostQuantum,
    /// What it takes to open it has not been loaded.
    NotLoaded(StoredPart),
    /// Everything else, and no more shall be known.
    Undecipherable,
}

impl From<KeyError> for StepError {
    fn from(_: KeyError) -> Self {
        Self::Undecipherable
    }
}

impl Session {
    /// Opens a message without changing anything. Randomness is drawn only once the message has proved
    /// genuine.
    ///
    /// The three cases of the Double Ratchet's receiving (section 3.5, RatchetDecrypt), of which
    /// `tests/it/limits.rs` and `dialogue.rs` try the edges.
    pub(super) fn try_open(
        &self,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
        rng: &mut impl CryptoRng,
    ) -> Result<Step, StepError> {
        match self.receiving.find(message.ratchet_key()) {
            Some(chain) if message.counter() < chain.index => self.open_skipped(chain, message, addresses),
            Some(chain) => self.open_ahead(chain, message, addresses),
            None => self.open_after_ratchet(message, addresses, rng),
        }
    }

    /// One that others overtook (TrySkippedMessageKeys).
    fn open_skipped(
        &self,
        chain: &ReceivingChain,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
    ) -> Result<Step, StepError> {
        let (ratchet_key, counter) = (*message.ratchet_key(), message.counter());
        let key = match chain.skipped.find(counter) {
            Found::Secret(key) => MessageKey(copied(key.expose())),
            // Used up, or so far behind that it was given up: both are dropped, so nobody need tell them
            // apart.
            Found::Nothing => return Err(StepError::Duplicate { index: chain.index, counter }),
            Found::NotLoaded => {
                let chain = self.receiving.number(&ratchet_key);
                return Err(StepError::NotLoaded(StoredPart::MessageKey { chain, index: counter }));
            }
        };
        let (plaintext, post_quantum) = self.unlock(&key, message, addresses)?;
        Ok(Step { plaintext, change: Change::Overtaken { ratchet_key, index: counter }, post_quantum })
    }

    /// One further on in a chain that is known (SkipMessageKeys, then a step).
    fn open_ahead(
        &self,
        chain: &ReceivingChain,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
    ) -> Result<Step, StepError> {
        let (key, advance) = advance(&chain.key, chain.index, message.counter())?;
        let (plaintext, post_quantum) = self.unlock(&key, message, addresses)?;
        let change = Change::Advanced { ratchet_key: *message.ratchet_key(), advance };
        Ok(Step { plaintext, change, post_quantum })
    }

    /// One with a ratchet key that is new (DHRatchet, then a step).
    fn open_after_ratchet(
        &self,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
        rng: &mut impl CryptoRng,
    ) -> Result<Step, StepError> {
        let ratchet_key = *message.ratchet_key();
        let agreed = self.sending.pair.private.agree(&ratchet_key)?;
        let (root, key) = self.root.step(&agreed);
        let (message_key, advance) = advance(&key, 0, message.counter())?;
        let (plaintext, post_quantum) = self.unlock(&message_key, message, addresses)?;

        // Only here: a forged message, which fails above, costs no randomness and no second agreement.
        let pair = KeyPair::generate(rng);
        let (root, key) = root.step(&pair.private.agree(&ratchet_key)?);
        let Advance { key: receiving, index, skipped } = advance;
        let change = Change::Ratcheted {
            root,
            sending: SendingChain { pair, key, index: 0 },
            chain: ReceivingChain { ratchet_key, key: receiving, index, skipped },
        };
        Ok(Step { plaintext, change, post_quantum })
    }

    /// Takes the step. The peer has shown that it knows the session, so it need not be told how it began any
    /// more.
    pub(super) fn apply(&mut self, step: Step) -> Vec<u8> {
        match step.change {
            Change::Overtaken { ratchet_key, index } => {
                // The chain is there, since `try_open` found it in this very session. Nothing from here on
                // can fail, so that a step is never half taken.
                if let Some(chain) = self.receiving.find_mut(&ratchet_key) {
                    chain.skipped.remove(index);
                }
            }
            Change::Advanced { ratchet_key, advance } => {
                if let Some(chain) = self.receiving.find_mut(&ratchet_key) {
                    chain.key = advance.key;
                    chain.index = advance.index;
                    chain.skipped.append(advance.skipped, advance.index.saturating_sub(1));
                }
            }
            Change::Ratcheted { root, sending, chain } => {
                self.root = root;
                // The last position of the chain, as it is deployed, and not the number of its messages, as
                // the paper has it.
                self.previous_counter = self.sending.index.saturating_sub(1);
                self.sending = sending;
                // The chain that has to go leaves parts in the store, and they go with it.
                if let Some((number, oldest)) = self.receiving.push(chain) {
                    let rows =
                        oldest.skipped.rows().map(|index| StoredPart::MessageKey { chain: number, index });
                    self.given_up.extend(rows);
                }
            }
        }
        self.post_quantum.accept(step.post_quantum);
        self.pending = None;
        step.plaintext
    }

    /// Verifies and decrypts with a message's key.
    fn unlock(
        &self,
        key: &MessageKey,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
    ) -> Result<(Vec<u8>, Received), StepError> {
        // Public bytes both, so comparing them in the ordinary way gives nothing away.
        if let Some(bound) = message.addresses()
            && addresses.is_none_or(|addresses| addresses.incoming() != *bound)
        {
            return Err(StepError::Undecipherable);
        }
        let received = self.post_quantum.receive(message.post_quantum())?;
        let keys = key.derive(received.key().expose());
        let (sender, receiver) = (&self.remote_identity, &self.local_identity);
        if !keys.verify(sender, receiver, message.authenticated(), message.mac()) {
            return Err(StepError::Undecipherable);
        }
        // The MAC first: what the padding is like is told of genuine messages only, or who sends variations
        // could read it off.
        let plaintext = keys.decrypt(message.ciphertext()).ok_or(StepError::Undecipherable)?;
        Ok((plaintext, received))
    }
}

/// Walks a chain from `index` to `counter`, keeping the message keys passed over (SkipMessageKeys).
fn advance(key: &ChainKey, index: u32, counter: u32) -> Result<(MessageKey, Advance), StepError> {
    // The callers have seen to it that the counter is not below: what is below is `open_skipped`'s.
    let jump = counter - index;
    // Before a single step is taken: the counter is not authenticated yet, and who forges one shall not set
    // us to work.
    if jump > MAX_SKIP {
        return Err(StepError::TooFarAhead { index, counter });
    }
    let end = counter.checked_add(1).ok_or(StepError::Undecipherable)?;
    let mut skipped = Skipped::with_capacity(jump);
    let (mut message_key, mut next) = key.step();
    for passed in index..counter {
        // A jump may be longer than what is kept: of those passed over the oldest are never stored.
        if counter - passed <= MAX_SKIPPED_KEYS {
            skipped.push(passed, message_key.0.expose());
        }
        (message_key, next) = next.step();
    }
    Ok((message_key, Advance { key: next, index: end, skipped }))
}
