use std::fmt;

use bulla_base::{HASHING_STACK_BYTES, Rng, without_trace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub(crate) const OPENING_BYTES: usize = 32;

/// The key that opens a franking tag. It travels inside the message, and is shown when the message is
/// reported.
///
/// The tag is HMAC-SHA-256(opening key, padded plaintext), which commits to every byte of the content;
/// authenticated encryption alone does not.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Opening([u8; OPENING_BYTES]);

impl Opening {
    /// A fresh opening key.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        let mut bytes = [0; OPENING_BYTES];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The opening key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; OPENING_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; OPENING_BYTES] {
        &self.0
    }

    /// The franking tag of `plaintext`.
    #[must_use]
    pub fn tag(&self, plaintext: &[u8]) -> [u8; 32] {
        without_trace::<HASHING_STACK_BYTES, _>(|| self.mac(plaintext).finalize().into_bytes().into())
    }

    /// Checks, in constant time, that `tag` was made of `plaintext`.
    ///
    /// # Errors
    /// When it was not.
    pub fn verify(&self, plaintext: &[u8], tag: &[u8; 32]) -> Result<(), NotWhatWasSent> {
        without_trace::<HASHING_STACK_BYTES, _>(|| self.mac(plaintext).verify(tag.into()))
            .map_err(|_| NotWhatWasSent)
    }

    fn mac(&self, plaintext: &[u8]) -> Hmac<Sha256> {
        let mut key = [0; 64];
        key[..OPENING_BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        key.zeroize();
        mac.update(plaintext);
        mac
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(…)")
    }
}

/// A franking tag that does not belong to the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("the franking tag does not belong to the content")]
pub struct NotWhatWasSent;
