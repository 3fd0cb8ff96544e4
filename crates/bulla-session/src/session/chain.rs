//! Symmetric chains: one key for every message, each forgetting the one before.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::skipped::SkippedSeeds;
use crate::key::{KeyPair, PublicKey};
use crate::secret::Secret;

/// The key a chain stands at.
pub(super) struct ChainKey(pub(super) Secret<32>);

impl ChainKey {
    /// The seed of the message at this position, and the key of the next.
    pub(super) fn step(&self) -> (Secret<32>, Self) {
        // Both are keyed alike, so the key schedule is run once.
        let keyed = keyed(self.0.expose());
        let seed = Secret::new(keyed.clone().chain_update([0x01]).finalize().into_bytes().into());
        let next = Secret::new(keyed.chain_update([0x02]).finalize().into_bytes().into());
        (seed, Self(next))
    }
}

/// HMAC-SHA256 under a 32-byte key.
pub(super) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..32].copy_from_slice(key);
    // A key shorter than the block is padded with zeros, which is what has just been done.
    Hmac::new(&block)
}

/// HKDF-SHA256 into `N` bytes.
pub(crate) fn expand<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Secret<N> {
    const { assert!(N <= 255 * 32, "more than HKDF gives") };
    let mut out = Secret::ZERO;
    // The length was checked when this was compiled, and there is no other way to fail.
    let _ = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, out.expose_mut());
    out
}

/// The root of the ratchet, stirred by every agreement.
pub(crate) struct RootKey(pub(crate) Secret<32>);

impl RootKey {
    /// The next root and the chain that grows from it (Double Ratchet, KDF_RK).
    pub(super) fn step(&self, agreed: &Secret<32>) -> (Self, ChainKey) {
        let both: Secret<64> = expand(self.0.expose(), agreed.expose(), b"WhisperRatchet");
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
    pub(super) their: PublicKey,
    pub(super) key: ChainKey,
    pub(super) index: u32,
    pub(super) skipped: SkippedSeeds,
}
