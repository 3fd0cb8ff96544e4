//! Thirty-two bytes that must not be seen.

use std::fmt;

use bulla_base::Rng;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key or a salt: wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) const BYTES: usize = 32;

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut secret = Self([0; 32]);
        rng.fill(&mut secret.0);
        secret
    }

    /// The secret that follows from this one under `label`: HKDF-Expand with SHA-256 (RFC 5869, section 2.3), of which the first block is
    /// one HMAC that cannot fail.
    pub(crate) fn derive(&self, label: &[u8]) -> Self {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        block.zeroize();
        mac.update(label);
        mac.update(&[1]);
        Self(mac.finalize().into_bytes().into())
    }

    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use hkdf::Hkdf;

    use super::*;

    #[test]
    fn what_is_derived_is_what_hkdf_expands_to() {
        let mut expected = [0; 32];
        Hkdf::<Sha256>::from_prk(&[7; 32]).unwrap().expand(b"label", &mut expected).unwrap();
        assert_eq!(*Secret::from_bytes([7; 32]).derive(b"label").expose(), expected);
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::from_bytes([7; 32])), "Secret(…)");
    }
}
