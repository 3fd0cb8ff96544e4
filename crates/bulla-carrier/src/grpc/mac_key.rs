use std::fmt;

use bulla_base::Rng;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// With what this start of a carrier makes sure that what comes back is what it gave.
pub(crate) struct MacKey(Zeroizing<[u8; 64]>);

impl MacKey {
    /// Draws a new one: 64 bytes of `rng`.
    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        rng.fill(&mut *key);
        Self(key)
    }

    /// The mark of `parts`, for this purpose and no other.
    pub(crate) fn mark(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new((&*self.0).into());
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            // Each with its length before it: no two lists of parts are the same bytes.
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The first half of the mark: enough to tell things apart, where another mark vouches for it.
    pub(crate) fn tag(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 16] {
        let mark = self.mark(purpose, parts);
        let (halves, _) = mark.as_chunks::<16>();
        halves[0]
    }
}

/// Whether two marks are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}
