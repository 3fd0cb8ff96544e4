//! ML-KEM-768 (FIPS 203) in instalments: the public key in two parts, the ciphertext in two parts.
//!
//! ```text
//! header      rho (32) ‖ SHA3-256(t ‖ rho) (32)      all it takes for the ciphertext's first part
//! key         t (1152)                               what it takes for the second
//! ciphertext  u (960) ‖ v (128)                      together an ordinary ML-KEM-768 ciphertext
//! ```

use std::fmt;

use libcrux_ml_kem::mlkem768::{self, MlKem768PublicKey, incremental};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const KEY_BYTES: usize = 1152;
pub(crate) const CT1_BYTES: usize = 960;
pub(crate) const CT2_BYTES: usize = 128;

/// An ML-KEM-768 key pair: FIPS 203's decapsulation key, which contains the encapsulation key.
pub struct KeyPair(Box<Secret<{ Self::BYTES }>>);

impl KeyPair {
    /// How many bytes a pair has.
    pub const BYTES: usize = 2400;

    /// Draws a new pair, using 64 bytes of `rng`.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 64]);
        rng.fill_bytes(seed.as_mut_slice());
        let mut pair = Self(Box::new(Secret::ZERO));
        incremental::generate_key_pair_compressed(*seed, pair.0.expose_mut());
        pair
    }

    /// The pair with these bytes: s (1152), t (1152), rho (32), the hash of t and rho (32), z (32).
    ///
    /// They are not examined: a pair that is none agrees with nobody.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Secret::boxed(bytes))
    }

    /// The bytes themselves. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        self.0.expose()
    }

    pub(crate) fn header(&self) -> &[u8; HEADER_BYTES] {
        self.part::<{ 2 * KEY_BYTES }, _>()
    }

    pub(crate) fn key(&self) -> &[u8; KEY_BYTES] {
        self.part::<KEY_BYTES, _>()
    }

    fn part<const START: usize, const N: usize>(&self) -> &[u8; N] {
        const { assert!(START + N <= Self::BYTES, "beyond the key") };
        // The bounds were checked when this was compiled.
        self.expose()[START..].first_chunk().unwrap_or(&[0; N])
    }

    /// The secret that a ciphertext carries; for an altered one, some other secret.
    pub(crate) fn decapsulate(&self, ct1: &[u8; CT1_BYTES], ct2: &[u8; CT2_BYTES]) -> Secret<32> {
        Secret::new(incremental::decapsulate_compressed_key(
            self.expose(),
            &incremental::Ciphertext1 { value: *ct1 },
            &incremental::Ciphertext2 { value: *ct2 },
        ))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

/// The ciphertext's first part and the secret it carries, from the header and 32 random bytes.
pub(crate) fn encapsulate_first(
    header: &[u8; HEADER_BYTES],
    m: &Secret<32>,
) -> Option<(Box<[u8; CT1_BYTES]>, Secret<32>)> {
    // The state would save half of the second part's work, but measures 2080 bytes: `m` is what is kept.
    let mut state = Secret::<{ incremental::encaps_state_len() }>::ZERO;
    let mut shared = Secret::ZERO;
    let ct1 = incremental::encapsulate1(header, *m.expose(), state.expose_mut(), shared.expose_mut()).ok()?;
    Some((Box::new(ct1.value), shared))
}

/// The ciphertext's second part, once the key is here; nothing if it is not the header's, or not a key.
pub(crate) fn encapsulate_second(
    header: &[u8; HEADER_BYTES],
    m: &Secret<32>,
    key: &[u8],
) -> Option<[u8; CT2_BYTES]> {
    // The header was authenticated, the key was not: it has to be the one whose hash the header has.
    incremental::validate_pk_bytes(header, key).ok()?;
    let mut public = [0; KEY_BYTES + 32];
    public[..KEY_BYTES].copy_from_slice(key);
    public[KEY_BYTES..].copy_from_slice(&header[..32]);
    // The whole of it again, of which the first part has long been sent: what that costs is said above.
    let (ciphertext, mut shared) = mlkem768::encapsulate(&MlKem768PublicKey::from(public), *m.expose());
    shared.zeroize();
    ciphertext.as_slice().last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn both_parts_carry_the_secret_of_the_first() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let pair = KeyPair::generate(&mut rng);
        let m = Secret::new([7; 32]);
        let (ct1, shared) = encapsulate_first(pair.header(), &m).unwrap();
        let ct2 = encapsulate_second(pair.header(), &m, pair.key()).unwrap();
        assert_eq!(pair.decapsulate(&ct1, &ct2).expose(), shared.expose());
        let again = KeyPair::from_bytes(pair.expose());
        assert_eq!(again.decapsulate(&ct1, &ct2).expose(), shared.expose());
    }

    #[test]
    fn a_key_of_another_header_is_refused() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (pair, other) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let m = Secret::new([7; 32]);
        assert!(encapsulate_second(pair.header(), &m, other.key()).is_none());
        let mut altered = *pair.key();
        altered[0] ^= 1;
        assert!(encapsulate_second(pair.header(), &m, &altered).is_none());
    }
}
