//! X25519 (RFC 7748), the one place that knows which implementation does it.
//!
//! Where the processor allows it, graviola does: the routines of s2n-bignum, proven correct and in constant
//! time, at less than half the time. Everywhere else, and for what is not X25519, curve25519-dalek does.

use bulla_spqr::Secret;
use curve25519_dalek::MontgomeryPoint;
use subtle::ConstantTimeEq;

/// The public u-coordinate of a private key.
pub(crate) fn public_of(private: &Secret<32>) -> [u8; 32] {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if assembled::runs_here() {
        return assembled::public_of(private);
    }
    portable::public_of(private)
}

/// The raw shared u-coordinate, or nothing if it is zero.
pub(crate) fn agree(private: &Secret<32>, public: &[u8; 32]) -> Option<Secret<32>> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if assembled::runs_here() {
        return assembled::agree(private, public);
    }
    portable::agree(private, public)
}

/// Whether these bytes are the one proper encoding of a point in the prime-order group.
///
/// That is: below 2^255 - 19, top bit clear, on the curve rather than its twist, and without a torsion
/// component.
pub(crate) fn is_canonical(public: &[u8; 32]) -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if assembled::runs_here() {
        return assembled::is_canonical(public);
    }
    portable::is_canonical(public)
}

/// For every processor.
mod portable {
    use super::{ConstantTimeEq, MontgomeryPoint, Secret};

    pub(super) fn public_of(private: &Secret<32>) -> [u8; 32] {
        MontgomeryPoint::mul_base_clamped(*private.expose()).to_bytes()
    }

    pub(super) fn agree(private: &Secret<32>, public: &[u8; 32]) -> Option<Secret<32>> {
        let shared = Secret::new(MontgomeryPoint(*public).mul_clamped(*private.expose()).to_bytes());
        if bool::from(shared.ct_eq(&Secret::ZERO)) { None } else { Some(shared) }
    }

    pub(super) fn is_canonical(public: &[u8; 32]) -> bool {
        // The round trip reduces, masks and drops what is not on the curve: only the proper encoding survives
        // it.
        MontgomeryPoint(*public)
            .to_edwards(0)
            .is_some_and(|point| point.to_montgomery().as_bytes() == public && point.is_torsion_free())
    }
}

/// For processors that have what the assembly wants; on others its every call would panic.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod assembled {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};

    use super::Secret;

    /// 5 L - 1, where L is the order of the prime-order group: a multiple of 8 with the bits that clamping
    /// sets, so a private key like any other.
    const MINUS_ONE: [u8; 32] = [
        0xA0, 0x23, 0xCD, 0xD0, 0x83, 0xEF, 0x5B, 0xB8, 0x2F, 0x10, 0xD6, 0x2E, 0x59, 0xE1, 0x5A, 0x68, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50,
    ];

    pub(super) fn runs_here() -> bool {
        // The library takes BMI2 for granted where there is ADX; a hypervisor need not.
        #[cfg(target_arch = "x86_64")]
        if !std::arch::is_x86_feature_detected!("bmi2") {
            return false;
        }
        graviola::util::is_cpu_supported()
    }

    pub(super) fn public_of(private: &Secret<32>) -> [u8; 32] {
        StaticPrivateKey::from_array(private.expose()).public_key().as_bytes()
    }

    /// Refuses nothing but the zero.
    pub(super) fn agree(private: &Secret<32>, public: &[u8; 32]) -> Option<Secret<32>> {
        let private = StaticPrivateKey::from_array(private.expose());
        let shared = private.diffie_hellman(&PublicKey::from_array(public)).ok()?;
        Some(Secret::new(shared.0))
    }

    /// One agreement, which takes less than mapping the point to Edwards form and multiplying it by L.
    ///
    /// A point keeps its u-coordinate under n if and only if its order divides n - 1 or n + 1, here 5 L - 2
    /// or 5 L. The curve has 8 L points and its twist 4 times another prime: of their divisors only L divides
    /// either of the two. What an agreement gives is properly encoded, so what comes out as it went in was
    /// too; the zero never comes out.
    pub(super) fn is_canonical(public: &[u8; 32]) -> bool {
        agree(&Secret::new(MINUS_ONE), public).is_some_and(|same| same.expose() == public)
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::EdwardsPoint;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    type PublicOf = fn(&Secret<32>) -> [u8; 32];
    type Agree = fn(&Secret<32>, &[u8; 32]) -> Option<Secret<32>>;

    /// Every implementation that runs here.
    fn implementations() -> Vec<(PublicOf, Agree)> {
        let mut all: Vec<(PublicOf, Agree)> =
            vec![(portable::public_of, portable::agree), (public_of, agree)];
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if assembled::runs_here() {
            all.push((assembled::public_of, assembled::agree));
        }
        all
    }

    /// The points of low order, in every encoding of them, that RFC 7748 section 6.1 has one look out for.
    fn low_order() -> Vec<[u8; 32]> {
        let mut prime = [0xFF_u8; 32];
        (prime[0], prime[31]) = (0xED, 0x7F);
        let near = |offset: i8| {
            let mut point = prime;
            point[0] = prime[0].wrapping_add_signed(offset);
            point
        };
        let mut one = [0; 32];
        one[0] = 1;
        let eight = [
            [
                0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4,
                0x6A, 0xDA, 0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49,
                0xB8, 0x00,
            ],
            [
                0x5F, 0x9C, 0x95, 0xBC, 0xA3, 0x50, 0x8C, 0x24, 0xB1, 0xD0, 0xB1, 0x55, 0x9C, 0x83, 0xEF,
                0x5B, 0x04, 0x44, 0x5C, 0xC4, 0x58, 0x1C, 0x8E, 0x86, 0xD8, 0x22, 0x4E, 0xDD, 0xD0, 0x9F,
                0x11, 0x57,
            ],
        ];
        let mut all = vec![[0; 32], one, near(-1), near(0), near(1)];
        all.extend(eight);
        let with_top_bit: Vec<_> = all
            .iter()
            .map(|point| {
                let mut point = *point;
                point[31] |= 0x80;
                point
            })
            .collect();
        all.extend(with_top_bit);
        all
    }

    #[test]
    fn points_of_low_order_allow_no_agreement() {
        let private = Secret::new([0x48; 32]);
        for (_, agree) in implementations() {
            for point in low_order() {
                assert!(agree(&private, &point).is_none(), "{point:02x?}");
            }
        }
    }

    /// With every torsion component, off the curve, beyond the prime, with the top bit set.
    #[test]
    fn only_the_proper_encoding_of_a_prime_order_point_is_canonical() {
        let mut rng = ChaCha20Rng::from_seed([26; 32]);
        let canonical = |bytes: &[u8; 32]| {
            let verdict = portable::is_canonical(bytes);
            assert_eq!(is_canonical(bytes), verdict, "{bytes:02x?}");
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            if assembled::runs_here() {
                assert_eq!(assembled::is_canonical(bytes), verdict, "{bytes:02x?}");
            }
            verdict
        };
        for _ in 0..100 {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            canonical(&bytes);
            let point = EdwardsPoint::mul_base_clamped(bytes);
            for (order, torsion) in (0..8).zip(EIGHT_TORSION) {
                let mut bytes = (point + torsion).to_montgomery().to_bytes();
                assert_eq!(canonical(&bytes), order == 0, "{bytes:02x?}");
                bytes[31] |= 0x80;
                assert!(!canonical(&bytes), "{bytes:02x?}");
            }
        }
        for point in low_order() {
            assert!(!canonical(&point), "{point:02x?}");
        }
        let small = |low: u8| {
            let mut bytes = [0; 32];
            bytes[0] = low;
            bytes
        };
        for low in 0..=255 {
            canonical(&small(low));
        }
        assert!(canonical(&small(9)), "the base point");
        for low in 0xED..=0xFF {
            let mut beyond = [0xFF; 32];
            (beyond[0], beyond[31]) = (low, 0x7F);
            assert!(!canonical(&beyond), "{beyond:02x?}");
        }
    }

    /// Any 32 bytes are a public key and a private one: off the curve, above the prime, with the top bit set,
    /// unclamped.
    #[test]
    fn all_implementations_agree_on_anything() {
        let mut rng = ChaCha20Rng::from_seed([25; 32]);
        for number in 0..500_u32 {
            let (mut private, mut public) = ([0; 32], [0; 32]);
            rng.fill_bytes(&mut private);
            rng.fill_bytes(&mut public);
            if number.is_multiple_of(5) {
                public[1..].fill(0xFF);
            }
            let private = Secret::new(private);
            let expected = portable::agree(&private, &public).map(|shared| *shared.expose());
            for (public_of, agree) in implementations() {
                assert_eq!(agree(&private, &public).map(|shared| *shared.expose()), expected);
                assert_eq!(public_of(&private), portable::public_of(&private));
            }
        }
    }
}
