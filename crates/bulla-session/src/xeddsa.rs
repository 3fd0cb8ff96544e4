//! XEdDSA: Ed25519-like signatures by X25519 keys, as Signal deploys them.
//!
//! The deployed form differs from the published one in one point: the sign of the Edwards public key is not
//! forced to zero but travels in the top bit of the signature's last byte.

use bulla_spqr::Secret;
use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar};
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

/// Separates the nonce's hash from every other use of SHA-512 here: 0xFE, then 31 times 0xFF.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xFF; 32];
    prefix[0] = 0xFE;
    prefix
};

/// Signs the concatenation of `parts` with a clamped private key.
pub(crate) fn sign(private: &Secret<32>, parts: &[&[u8]], rng: &mut impl CryptoRng) -> [u8; 64] {
    let a = zeroize::Zeroizing::new(Scalar::from_bytes_mod_order(*private.expose()));
    let public = EdwardsPoint::mul_base(&a).compress();
    // Of the private key, the message and chance: a generator that repeats itself does not repeat a nonce
    // for two messages, which would give the key away.
    let mut nonce = Secret::<64>::ZERO;
    rng.fill_bytes(nonce.expose_mut());

    let mut hash = Sha512::new();
    hash.update(NONCE_PREFIX);
    hash.update(private.expose());
    parts.iter().for_each(|part| hash.update(part));
    hash.update(nonce.expose());
    let wide = Secret::<64>::new(hash.finalize().into());
    let r = zeroize::Zeroizing::new(Scalar::from_bytes_mod_order_wide(wide.expose()));
    let commitment = EdwardsPoint::mul_base(&r).compress();

    let h = challenge(commitment.as_bytes(), public.as_bytes(), parts);
    let s = *r + h * *a;

    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    first.copy_from_slice(commitment.as_bytes());
    second.copy_from_slice(s.as_bytes());
    signature[63] = (signature[63] & 0x7F) | (public.as_bytes()[31] & 0x80);
    signature
}

/// Whether `signature` is `public`'s over the concatenation of `parts`.
///
/// # Security
///
/// As deployed, `s` need not be reduced: a signature has more than one form. Never use one as an identifier.
pub(crate) fn verify(public: &[u8; 32], parts: &[&[u8]], signature: &[u8; 64]) -> bool {
    let mut commitment = [0; 32];
    let mut s = [0; 32];
    commitment.copy_from_slice(&signature[..32]);
    s.copy_from_slice(&signature[32..]);
    let sign = s[31] >> 7;
    s[31] &= 0x7F;
    // Below 2^253, which is all that the specification asks of it.
    if s[31] & 0xE0 != 0 {
        return false;
    }
    let Some(point) = MontgomeryPoint(*public).to_edwards(sign) else { return false };
    let h = challenge(&commitment, point.compress().as_bytes(), parts);
    let s = Scalar::from_bytes_mod_order(s);
    // A signature and whose it is are public, so that the time this takes tells nothing.
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&h, &-point, &s).compress();
    expected.as_bytes().ct_eq(&commitment).into()
}

fn challenge(commitment: &[u8; 32], public: &[u8; 32], parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    hash.update(commitment);
    hash.update(public);
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
