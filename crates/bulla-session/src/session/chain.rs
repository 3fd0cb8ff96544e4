//! Symmetric chains: one key for every message, each forgetting the one before.

use bulla_spqr::Secret;
use bulla_spqr::kdf::Keyed;
use bulla_spqr::skipped_keys::Skipped;

use super::message_key::MessageKey;
use crate::key::{KeyPair, PublicKey};

/// The key a chain stands at.
pub(super) struct ChainKey(pub(super) Secret<32>);

impl ChainKey {
    /// The message key of this position, and the chain key of the next (Double Ratchet, KDF_CK).
    pub(super) fn step(&self) -> (MessageKey, Self) {
        // Both are keyed alike, so the key schedule is run once.
        let keyed = Keyed::new(self.0.expose());
        let (mut message, mut next) = (Secret::ZERO, Secret::ZERO);
        keyed.authenticate_short(&[0x01], message.expose_mut());
        keyed.authenticate_short(&[0x02], next.expose_mut());
        (MessageKey(message), Self(next))
    }
}

/// HKDF-SHA256 into `N` bytes.
pub(crate) fn derived<const N: usize>(salt: &Keyed, secret: &[u8], info: &[u8]) -> Secret<N> {
    let mut out = Secret::ZERO;
    salt.derive(secret, &[info], out.expose_mut());
    out
}

/// The root of the ratchet, stirred by every agreement.
pub(crate) struct RootKey(pub(crate) Secret<32>);

impl RootKey {
    /// The next root and the chain that grows from it (Double Ratchet, KDF_RK).
    pub(super) fn step(&self, agreed: &Secret<32>) -> (Self, ChainKey) {
        let both: Secret<64> = derived(&Keyed::new(self.0.expose()), agreed.expose(), b"WhisperRatchet");
        let (root, chain) = both.expose().split_at(32);
        (Self(copied(root)), ChainKey(copied(chain)))
    }
}

/// The first 32 of at least as many bytes.
pub(crate) fn copied(bytes: &[u8]) -> Secret<32> {
    let mut out = Secret::ZERO;
    out.expose_mut().copy_from_slice(&bytes[..32]);
    out
}

/// The chain we send on, and the ratchet pair it grew from.
pub(super) struct SendingChain {
    pub(super) pair: KeyPair,
    pub(super) key: ChainKey,
    pub(super) index: u32,
}

/// A chain we receive on, named by the peer's ratchet key it grew from.
pub(super) struct ReceivingChain {
    pub(super) ratchet_key: PublicKey,
    pub(super) key: ChainKey,
    pub(super) index: u32,
    pub(super) skipped: Skipped,
}
