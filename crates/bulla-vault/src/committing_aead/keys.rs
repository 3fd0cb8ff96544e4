//! What follows from a key: the keys and commitments of values, and proofs.

use std::fmt;

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

pub(super) const SALT_BYTES: usize = 16;
pub(super) const COMMITMENT_BYTES: usize = 16;

/// How long the proof of an empty value is.
pub(crate) const PROOF_BYTES: usize = 16;

const LABEL: &[u8; 16] = b"bulla vault seal";

/// The block of SHA-256, which is filled by what values share.
const SHARED_BYTES: usize = 64;

const _: () = assert!(Secret::BYTES + SALT_BYTES + LABEL.len() == SHARED_BYTES);

// Which of the blocks that follow from a key is which.
const KEY: u8 = 1;
const COMMITMENT: u8 = 2;
const PROOF: u8 = 3;

/// HMAC-SHA256 under a key; wiped where it is dropped. It lives as long as a batch is sealed, and is moved
/// meanwhile.
pub(super) struct Keyed(Hmac<Sha256>);

impl Keyed {
    pub(super) fn new(key: &Secret) -> Self {
        Self(key.keyed().clone())
    }

    /// The function for all values that share both salts.
    pub(super) fn prefix(&self, second: Option<&Secret>, salt: &[u8; SALT_BYTES]) -> Prefix {
        let mut shared = Zeroizing::new([0; SHARED_BYTES]);
        if let Some(second) = second {
            shared[..Secret::BYTES].copy_from_slice(second.expose());
        }
        shared[Secret::BYTES..][..SALT_BYTES].copy_from_slice(salt);
        shared[Secret::BYTES + SALT_BYTES..].copy_from_slice(LABEL);
        let mut mac = self.0.clone();
        mac.update(&shared[..]);
        Prefix(mac)
    }
}

/// The same after what values share.
pub(super) struct Prefix(Hmac<Sha256>);

impl Prefix {
    pub(super) fn keys(&self, bound: &[u8]) -> Keys {
        let mut mac = self.0.clone();
        mac.update(bound);
        Keys { key: block(mac.clone(), KEY), commitment: block(mac, COMMITMENT) }
    }

    pub(super) fn proof(&self, bound: &[u8]) -> [u8; PROOF_BYTES] {
        let mut mac = self.0.clone();
        mac.update(bound);
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&block(mac, PROOF)[..PROOF_BYTES]);
        proof
    }
}

/// The key of one value, and what commits to it.
pub(super) struct Keys {
    key: Zeroizing<[u8; 32]>,
    commitment: Zeroizing<[u8; 32]>,
}

impl Keys {
    pub(super) fn key(&self) -> &[u8] {
        &self.key[..]
    }

    pub(super) fn commitment(&self) -> &[u8] {
        &self.commitment[..COMMITMENT_BYTES]
    }
}

fn block(mut mac: Hmac<Sha256>, number: u8) -> Zeroizing<[u8; 32]> {
    mac.update(&[number]);
    let mut block = Zeroizing::new([0; 32]);
    mac.finalize_into((&mut *block).into());
    block
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed(…)")
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(…)")
    }
}
