//! Bytes that are wiped when dropped and never print.

use std::fmt;

use bulla_spqr::wiped_bytes::wipe;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

// `bulla-spqr` has one like it. It stands twice because `PrivateKey::agree` gives one out, and what the users
// of a session meet comes from this crate alone.

/// `N` secret bytes: wiped when dropped, compared in constant time, redacted in `Debug`.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    pub(crate) const ZERO: Self = Self([0; N]);

    pub(crate) fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        wipe(&mut self.0);
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_secret_is_gone_when_it_is_dropped() {
        use std::fs::File;
        use std::hint::black_box;
        use std::os::unix::fs::FileExt;

        /// The bytes in which a value lay, once it was dropped there. They belong to its vector still, so
        /// that nobody else writes there.
        fn dropped<T>(value: T) -> [u8; 32] {
            let mut place = vec![value];
            black_box(&mut place);
            let at = std::ptr::from_ref(&place[0]).addr();
            place.clear();
            black_box(&mut place);
            let mut left = [0; 32];
            File::open("/proc/self/mem").unwrap().read_exact_at(&mut left, at as u64).unwrap();
            left
        }

        assert_eq!(dropped([0xa7_u8; 32]), [0xa7; 32], "what is left is not seen");
        assert_eq!(dropped(Secret::new([0xa7; 32])), [0; 32]);
    }

    #[test]
    fn secrets_are_compared_in_every_byte() {
        let secret = Secret::new([7; 4]);
        assert!(bool::from(secret.ct_eq(&Secret::new([7; 4]))));
        for at in 0..4 {
            let mut other = [7; 4];
            other[at] ^= 1;
            assert!(!bool::from(secret.ct_eq(&Secret::new(other))));
        }
    }
}
