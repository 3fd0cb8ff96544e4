//! Opening one message in one session: first everything is tried, then everything is changed, or nothing.

use bulla_spqr::Received;
use bulla_spqr::skipped::{Found, Skipped};
use rand_core::CryptoRng;

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain, copied};
use super::message_key::MessageKeys;
use super::state::Session;
use super::stored_part::Part;
use crate::error::KeyError;
use crate::key::{KeyPair, PublicKey};
use crate::limits::{FORWARD_JUMP, SKIPPED_SEEDS};
use crate::message::SignalMessage;
use crate::party::Addresses;
use crate::secret::Secret;

/// A message that was opened, and what the session becomes by it.
pub(super) struct Step {
    pub(super) plaintext: Vec<u8>,
    change: Change,
    post_quantum: Received,
}

enum Change {
    /// A skipped seed is used up.
    Overtaken { their: PublicKey, index: u32 },
    /// A known chain moves forward.
    Advanced { their: PublicKey, advance: Advance },
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
pub(super) enum Refusal {
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
    NotLoaded(Part),
    /// Everything else, and no more shall be known.
    Undecipherable,
}

impl From<KeyError> for Refusal {
    fn from(_: KeyError) -> Self {
        Self::Undecipherable
    }
}

impl Session {
    /// Opens a message without changing anything. Randomness is drawn only once the message has proved
    /// genuine.
    pub(super) fn try_open(
        &self,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
        rng: &mut impl CryptoRng,
    ) -> Result<Step, Refusal> {
        let their = *message.ratchet_key();
        let counter = message.counter();
        let Some(chain) = self.receiving.find(&their) else {
            let agreed = self.sending.pair.private.agree(&their)?;
            let (root, key) = self.root.step(&agreed);
            let (seed, advance) = advance(&key, 0, counter)?;
            let (plaintext, post_quantum) = self.unlock(&seed, message, addresses)?;

            let pair = KeyPair::generate(rng);
            let (root, key) = root.step(&pair.private.agree(&their)?);
            let Advance { key: receiving, index, skipped } = advance;
            let change = Change::Ratcheted {
                root,
                sending: SendingChain { pair, key, index: 0 },
                chain: ReceivingChain { their, key: receiving, index, skipped },
            };
            return Ok(Step { plaintext, change, post_quantum });
        };
        if counter < chain.index {
            let duplicate = Refusal::Duplicate { index: chain.index, counter };
            let seed = match chain.skipped.find(counter) {
                Found::Secret(seed) => copied(seed.expose()),
                Found::Nothing => return Err(duplicate),
                Found::NotLoaded => {
                    let chain = self.receiving.number(&their);
                    return Err(Refusal::NotLoaded(Part::Seed { chain, index: counter }));
                }
            };
            let (plaintext, post_quantum) = self.unlock(&seed, message, addresses)?;
            let change = Change::Overtaken { their, index: counter };
            return Ok(Step { plaintext, change, post_quantum });
        }
        let (seed, advance) = advance(&chain.key, chain.index, counter)?;
        let (plaintext, post_quantum) = self.unlock(&seed, message, addresses)?;
        Ok(Step { plaintext, change: Change::Advanced { their, advance }, post_quantum })
    }

    /// Takes the step. The peer has shown that it knows the session, so it need not be told how it began any
    /// more.
    pub(super) fn apply(&mut self, step: Step) -> Vec<u8> {
        match step.change {
            Change::Overtaken { their, index } => {
                if let Some(chain) = self.receiving.find_mut(&their) {
                    chain.skipped.remove(index);
                }
            }
            Change::Advanced { their, advance } => {
                if let Some(chain) = self.receiving.find_mut(&their) {
                    chain.key = advance.key;
                    chain.index = advance.index;
                    chain.skipped.append(advance.skipped, advance.index.saturating_sub(1));
                }
            }
            Change::Ratcheted { root, sending, chain } => {
                self.root = root;
                self.previous_counter = self.sending.index.saturating_sub(1);
                self.sending = sending;
                if let Some((number, oldest)) = self.receiving.push(chain) {
                    let rows = oldest.skipped.rows().map(|index| Part::Seed { chain: number, index });
                    self.given_up.extend(rows);
                }
            }
        }
        self.post_quantum.accept(step.post_quantum);
        self.pending = None;
        step.plaintext
    }

    /// Verifies and decrypts with a message's seed.
    fn unlock(
        &self,
        seed: &Secret<32>,
        message: &SignalMessage<'_>,
        addresses: Option<&Addresses>,
    ) -> Result<(Vec<u8>, Received), Refusal> {
        // Public bytes both, so comparing them in the ordinary way gives nothing away.
        if let Some(bound) = message.addresses()
            && addresses.is_none_or(|addresses| addresses.incoming() != *bound)
        {
            return Err(Refusal::Undecipherable);
        }
        let received = self.post_quantum.receive(message.post_quantum())?;
        let keys = MessageKeys::derive(seed, received.key().expose());
        let (sender, receiver) = (&self.remote_identity, &self.local_identity);
        if !keys.verify(sender, receiver, message.authenticated(), message.mac()) {
            return Err(Refusal::Undecipherable);
        }
        let plaintext = keys.decrypt(message.ciphertext()).ok_or(Refusal::Undecipherable)?;
        Ok((plaintext, received))
    }
}

/// Walks a chain from `index` to `counter`, keeping the seeds passed over.
fn advance(key: &ChainKey, index: u32, counter: u32) -> Result<(Secret<32>, Advance), Refusal> {
    let jump = counter - index;
    if jump > FORWARD_JUMP {
        return Err(Refusal::TooFarAhead { index, counter });
    }
    let end = counter.checked_add(1).ok_or(Refusal::Undecipherable)?;
    let mut skipped = Skipped::with_capacity(jump);
    let (mut seed, mut next) = key.step();
    for passed in index..counter {
        if counter - passed <= SKIPPED_SEEDS {
            skipped.push(passed, seed.expose());
        }
        (seed, next) = next.step();
    }
    Ok((seed, Advance { key: next, index: end, skipped }))
}
