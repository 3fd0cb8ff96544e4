//! Thirty-two bytes that must not be seen.

use std::fmt;

use bulla_base::{HASHING_STACK_BYTES, Rng, without_trace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A key with which nothing is done but HMAC-SHA-256: wiped when dropped, never printed, in one place of its
/// own, since whoever moves what it holds leaves copies behind.
#[derive(Clone)]
pub(crate) struct Secret(Box<Keyed>);

#[derive(Clone)]
struct Keyed {
    bytes: Zeroizing<[u8; Secret::BYTES]>,
    /// Set up once: to do it takes two blocks of SHA-256. It wipes itself.
    mac: Hmac<Sha256>,
}

impl Secret {
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        rng.fill(&mut bytes[..]);
        Self::new(&bytes)
    }

    pub(crate) fn new(bytes: &[u8; Self::BYTES]) -> Self {
        without_trace::<HASHING_STACK_BYTES, _>(|| {
            Self(Box::new(Keyed { bytes: Zeroizing::new(*bytes), mac: keyed(bytes) }))
        })
    }

    /// The secret that follows from this one under `label`: HKDF-Expand with SHA-256 (RFC 5869, section 2.3).
    pub(crate) fn derive(&self, label: &[u8]) -> Self {
        Self::new(&Zeroizing::new(self.mac(&[label, &[1]])))
    }

    /// HMAC-SHA-256 of `parts`, one after the other.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        without_trace::<HASHING_STACK_BYTES, _>(|| {
            let mut mac = self.0.mac.clone();
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().into()
        })
    }

    /// The first eight bytes of HMAC-SHA-256 of `part`. The caller overwrites the stack, once for all that it
    /// makes.
    pub(crate) fn tag(&self, part: &[u8]) -> u64 {
        let mut mac = self.0.mac.clone();
        mac.update(part);
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        let [a, b, c, d, e, f, g, h, ..] = code;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    pub(crate) fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0.bytes
    }
}

/// HMAC under a key of exactly 32 bytes. Shorter keys are padded with zeros, so that one of variable length
/// would stand for several.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    for (byte, of) in block.iter_mut().zip(key) {
        *byte = *of;
    }
    let mac = Hmac::<Sha256>::new(&block.into());
    block.zeroize();
    mac
}

impl ZeroizeOnDrop for Secret {}

// HMAC is kept in what the hash is kept in, and that wipes itself in one feature of its crate only.
const _: fn() = || {
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    wipes_itself::<Sha256>();
};

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_and_derives_what_hkdf_expands_to() {
        let secret = Secret::new(&[7; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        // HMAC-SHA-256(32 × 0x07, "label" ‖ 1), computed with an independent implementation.
        let derived: String = secret.derive(b"label").expose().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(derived, EXPECTED);
    }

    const EXPECTED: &str = "a403e9d6710b62358cfbc3eb4a488aa4a4686b70ec27fa7e5cba65931284918b";
}
