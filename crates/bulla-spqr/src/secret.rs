//! Bytes that are wiped when dropped and never print.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wiped_bytes::wipe;

/// `N` secret bytes: wiped when dropped, compared in constant time, redacted in `Debug`.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    pub(crate) const ZERO: Self = Self([0; N]);

    pub(crate) fn new(bytes: [u8; N]) -> Self {
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
