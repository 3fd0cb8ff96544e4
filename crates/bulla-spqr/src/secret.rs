//! Bytes that are wiped when dropped and never print.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wiped_bytes::wipe;

/// `N` secret bytes: wiped when dropped, compared in constant time, redacted in `Debug`.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Nothing but zeros, to be filled.
    pub const ZERO: Self = Self([0; N]);

    /// Takes `bytes` over. Whoever has made them wipes what is left of them.
    #[must_use]
    pub fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The first `N` of at least as many bytes.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        let mut out = Self::ZERO;
        out.0.copy_from_slice(&bytes[..N]);
        out
    }

    /// A copy on the heap that is made in one go.
    pub(crate) fn boxed(bytes: &[u8; N]) -> Box<Self> {
        // Of `Box::new(Self::ZERO)` the zeros are made on the stack first, and then copied.
        Box::write(Box::new_uninit(), Self(*bytes))
    }

    /// The bytes themselves. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes themselves, to be filled.
    pub fn expose_mut(&mut self) -> &mut [u8; N] {
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
