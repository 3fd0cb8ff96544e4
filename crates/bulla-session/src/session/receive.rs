//! Opening one message in one session: first everything is tried, then everything is changed, or nothing.

use bulla_spqr::Received;
use rand_core::CryptoRng;

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain};
use super::message_keys::MessageKeys;
use super::skipped::SkippedSeeds;
use super::state::Session;
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
    skipped: SkippedSeeds,
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
    /// Everything else, and no more shall be known.
    Undecipherable,
}

impl From<KeyError> for Refusal {
    fn from(_: KeyError) -> Self {
        Self::Undecipherable
    }
}

impl Session {
    /// Opens a message without changing anything. Randomness is drawn only once the message has proved genuine.
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
            let seed = chain.skipped.find(counter).ok_or(duplicate)?;
            let (plaintext, post_quantum) = self.unlock(&seed, message, addresses)?;
            let change = Change::Overtaken { their, index: counter };
            return Ok(Step { plaintext, change, post_quantum });
        }
        let (seed, advance) = advance(&chain.key, chain.index, counter)?;
        let (plaintext, post_quantum) = self.unlock(&seed, message, addresses)?;
        Ok(Step { plaintext, change: Change::Advanced { their, advance }, post_quantum })
    }

    /// Takes the step. The peer has shown that it knows the session, so it need not be told how it began any more.
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
                    chain.skipped.append(advance.skipped);
                }
            }
            Change::Ratcheted { root, sending, chain } => {
                self.root = root;
                self.previous_counter = self.sending.index.saturating_sub(1);
                self.sending = sending;
                self.receiving.push(chain);
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
    let kept = usize::try_from(jump).unwrap_or(SKIPPED_SEEDS).min(SKIPPED_SEEDS);
    let mut skipped = if kept == 0 { SkippedSeeds::default() } else { SkippedSeeds::with_capacity(kept) };
    let (mut seed, mut next) = key.step();
    for passed in index..counter {
        if usize::try_from(counter - passed).is_ok_and(|distance| distance <= SKIPPED_SEEDS) {
            skipped.push(passed, &seed);
        }
        (seed, next) = next.step();
    }
    Ok((seed, Advance { key: next, index: end, skipped }))
}
