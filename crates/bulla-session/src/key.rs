//! Curve25519 keys and signatures.

use std::fmt;

use bulla_spqr::Secret;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::{KeyError, SignatureError};
use crate::x25519;

/// The only type of curve key there is.
const TYPE: u8 = 0x05;

/// A Curve25519 public key: 33 bytes, `0x05` and the u-coordinate.
///
/// Equality takes the same time whatever the keys are.
#[derive(Clone, Copy)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// How many bytes a serialised key has.
    pub const BYTES: usize = 33;

    /// Reads a key. Bytes beyond the 33rd are ignored, as every deployed client does.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] for fewer than 33 bytes, [`KeyError::Type`] for another first byte than `0x05`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::parse("public key", bytes)
    }

    pub(crate) fn parse(field: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        let short = KeyError::Length { field, expected: Self::BYTES, actual: bytes.len() };
        let (&found, rest) = bytes.split_first().ok_or(short)?;
        if found != TYPE {
            return Err(KeyError::Type { field, expected: TYPE, found });
        }
        rest.first_chunk().copied().map(Self).ok_or(short)
    }

    pub(crate) const fn from_raw(u: [u8; 32]) -> Self {
        Self(u)
    }

    /// The u-coordinate alone.
    #[must_use]
    pub const fn as_raw(&self) -> &[u8; 32] {
        &self.0
    }

    /// The serialised form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [TYPE; Self::BYTES];
        bytes[1..].copy_from_slice(&self.0);
        bytes
    }

    /// Checks a signature by this key over `message`.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if it is not one.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        self.verify_parts(&[message], signature)
    }

    pub(crate) fn verify_parts(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), SignatureError> {
        if bulla_xeddsa::verify(&self.0, parts, &signature.0) { Ok(()) } else { Err(SignatureError(())) }
    }

    /// Whether these bytes are the one proper encoding of a point in the prime-order group.
    pub(crate) fn is_canonical(&self) -> bool {
        x25519::is_canonical(&self.0)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        // In words: 32 bytes one by one take several times as long.
        let words = self.0.as_chunks::<8>().0.iter().zip(other.0.as_chunks::<8>().0);
        let different = words.fold(0, |all, (a, b)| all | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)));
        different.ct_eq(&0).into()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "PublicKey({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// A Curve25519 private key: 32 bytes, clamped.
pub struct PrivateKey(Secret<32>);

impl PrivateKey {
    /// How many bytes a serialised key has.
    pub const BYTES: usize = 32;

    /// Draws a new key: exactly 32 bytes of `rng`.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Secret::ZERO;
        rng.fill_bytes(bytes.expose_mut());
        Self(bytes).clamped()
    }

    /// Reads a key, clamping it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] unless there are exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::parse("private key", bytes)
    }

    pub(crate) fn parse(field: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| KeyError::Length {
            field,
            expected: Self::BYTES,
            actual: bytes.len(),
        })?;
        Ok(Self(Secret::new(bytes)).clamped())
    }

    /// The key, if it is clamped already.
    pub(crate) fn from_clamped(key: Secret<32>) -> Option<Self> {
        let [first, .., last] = key.expose();
        let is_clamped = first & 7 == 0 && last & 0xC0 == 0x40;
        is_clamped.then(|| Self(key))
    }

    fn clamped(mut self) -> Self {
        let bytes = self.0.expose_mut();
        bytes[0] &= 0xF8;
        bytes[31] = (bytes[31] & 0x7F) | 0x40;
        self
    }

    /// The serialised form, clamped.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        self.0.expose()
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519::public_of(&self.0))
    }

    /// The raw X25519 secret shared with the owner of `their`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Agreement`] if it would be all zeros.
    pub fn agree(&self, their: &PublicKey) -> Result<Secret<32>, KeyError> {
        x25519::agree(&self.0, &their.0).ok_or(KeyError::Agreement)
    }

    /// Signs `message` (XEdDSA), drawing 64 bytes of `rng`.
    #[must_use]
    pub fn sign(&self, message: &[u8], rng: &mut impl CryptoRng) -> Signature {
        self.sign_parts(&[message], rng)
    }

    pub(crate) fn sign_parts(&self, parts: &[&[u8]], rng: &mut impl CryptoRng) -> Signature {
        Signature(bulla_xeddsa::sign(self.0.expose(), parts, rng))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A private key with its public one, so that the latter is computed once.
pub(crate) struct KeyPair {
    pub(crate) private: PrivateKey,
    pub(crate) public: PublicKey,
}

impl KeyPair {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from(PrivateKey::generate(rng))
    }

    /// A second holder of the same pair: Bob's signed prekey is also his first ratchet key.
    pub(crate) fn duplicate(&self) -> Self {
        Self { private: PrivateKey(Secret::new(*self.private.expose())), public: self.public }
    }
}

impl From<PrivateKey> for KeyPair {
    fn from(private: PrivateKey) -> Self {
        let public = private.public();
        Self { private, public }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { private: _, public } = self;
        f.debug_struct("KeyPair").field("public", public).finish_non_exhaustive()
    }
}

/// An XEdDSA signature: 64 bytes.
///
/// # Security
///
/// One message has many valid signatures by one key, and anyone can turn one into another. Never use a
/// signature as an identifier; equality is left out on purpose.
#[derive(Clone, Copy)]
pub struct Signature([u8; 64]);

impl Signature {
    /// How many bytes a signature has.
    pub const BYTES: usize = 64;

    /// Reads a signature. Whether it is genuine shows when it is verified.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] unless there are exactly 64 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::parse("signature", bytes)
    }

    pub(crate) fn parse(field: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        <[u8; 64]>::try_from(bytes).map(Self).map_err(|_| KeyError::Length {
            field,
            expected: Self::BYTES,
            actual: bytes.len(),
        })
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also of keys that differ in several words by the same, which would cancel out if words were added up.
    #[test]
    fn keys_that_differ_anywhere_are_different() {
        let key = PublicKey([7; 32]);
        assert!(key == PublicKey([7; 32]));
        for first in 0..32 {
            for second in 0..32 {
                let mut other = [7; 32];
                other[first] = 6;
                other[second] = 6;
                assert!(key != PublicKey(other), "bytes {first} and {second}");
            }
        }
    }
}
