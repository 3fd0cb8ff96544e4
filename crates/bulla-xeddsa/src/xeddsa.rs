//! XEdDSA: Ed25519-like signatures by X25519 keys, as Signal deploys them.
//!
//! The deployed form differs from the published one in one point: the sign of the Edwards public key is not
//! forced to zero but travels in the top bit of the signature's last byte.

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar};
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How many bytes a private key has.
pub const PRIVATE_KEY_BYTES: usize = 32;

/// How many bytes a public key has: the u-coordinate alone.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// How many bytes a signature has.
pub const SIGNATURE_BYTES: usize = 64;

/// Separates the nonce's hash from every other use of SHA-512 here: 0xFE, then 31 times 0xFF.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xFF; 32];
    prefix[0] = 0xFE;
    prefix
};

/// Signs the concatenation of `parts` with a private key, which need not be clamped (RFC 7748, section 5),
/// drawing 64 bytes of `rng`.
///
/// # Security
/// It takes the same time whatever the key is, and leaves nothing of it in memory.
#[must_use]
pub fn sign(
    private: &[u8; PRIVATE_KEY_BYTES],
    parts: &[&[u8]],
    rng: &mut impl CryptoRng,
) -> [u8; SIGNATURE_BYTES] {
    let mut clamped = Zeroizing::new(*private);
    clamped[0] &= 0xF8;
    clamped[31] = (clamped[31] & 0x7F) | 0x40;
    let a = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
    let public = EdwardsPoint::mul_base(&a).compress();
    // Of the private key, the message and chance: a generator that repeats itself does not repeat a nonce
    // for two messages, which would give the key away.
    let mut nonce = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *nonce);

    let mut hash = Sha512::new();
    hash.update(NONCE_PREFIX);
    hash.update(private);
    parts.iter().for_each(|part| hash.update(part));
    hash.update(*nonce);
    let wide = Zeroizing::<[u8; 64]>::new(hash.finalize().into());
    let r = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
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
/// As deployed, `s` need not be reduced: a signature has more than one form. Never use one as an identifier.
#[must_use]
pub fn verify(public: &[u8; PUBLIC_KEY_BYTES], parts: &[&[u8]], signature: &[u8; SIGNATURE_BYTES]) -> bool {
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

/// The public key of a private one, which need not be clamped.
#[must_use]
pub fn public_key(private: &[u8; PRIVATE_KEY_BYTES]) -> [u8; PUBLIC_KEY_BYTES] {
    MontgomeryPoint::mul_base_clamped(*private).to_bytes()
}

fn challenge(commitment: &[u8; 32], public: &[u8; 32], parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    hash.update(commitment);
    hash.update(public);
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn clamped(mut key: [u8; 32]) -> [u8; 32] {
        key[0] &= 0xF8;
        key[31] = (key[31] & 0x7F) | 0x40;
        key
    }

    /// Of keys whose Edwards point has either sign, which travels in the signature.
    #[test]
    fn a_signature_is_its_keys_over_its_message_and_nothing_else() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let mut signs = [0; 2];
        for seed in 1..=16 {
            let private = clamped([seed; 32]);
            let public = public_key(&private);
            let signature = sign(&private, &[b"one ", b"two"], &mut rng);
            signs[usize::from(signature[63] >> 7)] += 1;
            assert!(verify(&public, &[b"one two"], &signature), "{seed}");
            assert!(!verify(&public, &[b"one  two"], &signature), "{seed}");
            assert!(!verify(&public_key(&clamped([seed + 1; 32])), &[b"one two"], &signature), "{seed}");
            for at in 0..SIGNATURE_BYTES {
                let mut spoilt = signature;
                spoilt[at] ^= 1;
                assert!(!verify(&public, &[b"one two"], &spoilt), "{seed}: {at}");
            }
        }
        assert!(signs[0] > 0 && signs[1] > 0, "{signs:?}");
    }

    #[test]
    fn a_key_off_the_curve_and_a_scalar_beyond_its_bound_verify_nothing() {
        let private = clamped([9; 32]);
        let mut signature = sign(&private, &[b"one"], &mut ChaCha20Rng::from_seed([4; 32]));
        // Minus one is the u-coordinate of no point.
        let mut minus_one = [0xFF; 32];
        (minus_one[0], minus_one[31]) = (0xEC, 0x7F);
        assert!(!verify(&minus_one, &[b"one"], &signature));
        signature[63] |= 0x20;
        assert!(!verify(&public_key(&private), &[b"one"], &signature));
    }
}
