//! X25519 (RFC 7748), the one place that knows which implementation does it.

use curve25519_dalek::MontgomeryPoint;
use subtle::ConstantTimeEq;

use crate::secret::Secret;

/// The public u-coordinate of a private key.
pub(crate) fn public_of(private: &Secret<32>) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(*private.expose()).to_bytes()
}

/// The raw shared u-coordinate, or nothing if it is zero.
pub(crate) fn agree(private: &Secret<32>, public: &[u8; 32]) -> Option<Secret<32>> {
    let shared = Secret::new(MontgomeryPoint(*public).mul_clamped(*private.expose()).to_bytes());
    if bool::from(shared.ct_eq(&Secret::ZERO)) { None } else { Some(shared) }
}

/// Whether these bytes are the one proper encoding of a point in the prime-order group.
///
/// That is: below 2^255 - 19, top bit clear, on the curve rather than its twist, and without a torsion component.
pub(crate) fn is_canonical(public: &[u8; 32]) -> bool {
    // The round trip reduces, masks and drops what is not on the curve: only the proper encoding survives it.
    MontgomeryPoint(*public)
        .to_edwards(0)
        .is_some_and(|point| point.to_montgomery().as_bytes() == public && point.is_torsion_free())
}
