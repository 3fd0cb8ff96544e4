//! How bytes are sealed: the one place where the cipher is called.
//!
//! ```text
//! head ‖ salt (20) ‖ commitment (32) ‖ ciphertext (as long as the value) ‖ tag (16)
//!
//! key (32) ‖ commitment (32) = HKDF-SHA256(salt: salt ‖ second salt, secret: the key, info: label ‖ length of head ‖ head ‖ context)
//! ciphertext ‖ tag           = AES-256-GCM(key, nonce: zeros, associated data: head ‖ context, value)
//! ```
//!
//! Every value has a key of its own, used once, so the nonce may stand still and there is no number of values after which a key is worn
//! out: two of 2^64 values have the same salt with a chance of 2^-33, and even those have one key only if their contexts are the same.
//! The commitment binds the key: what opens under one key opens under no other, and a wrong key is known before the cipher is used.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use bulla_base::Rng;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

const LABEL: &[u8] = b"bulla vault seal 1";
const SALT_BYTES: usize = 20;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// How much longer than its value and its head a sealed form is.
pub(crate) const OVERHEAD_BYTES: usize = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES;

/// It does not open. Why is not said: whoever tries keys learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("does not open")]
pub(crate) struct Refused;

/// What a value is sealed under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Under<'a> {
    pub(crate) key: &'a Secret,
    /// A second salt, kept elsewhere, without which the key is of no use.
    pub(crate) salt: Option<&'a Secret>,
    /// What stands in the clear before the sealed form, and is sealed with it.
    pub(crate) head: &'a [u8],
    /// Where the value belongs; it opens nowhere else.
    pub(crate) context: &'a [u8],
}

/// Random bytes that make the key of one value its own. There is no way to use them twice.
#[derive(Debug)]
pub(crate) struct Once([u8; SALT_BYTES]);

impl Once {
    /// So many, drawn at once: each draw is a call of the system.
    pub(crate) fn draw(count: usize, rng: &dyn Rng) -> impl Iterator<Item = Self> {
        let mut bytes = vec![[0; SALT_BYTES]; count];
        rng.fill(bytes.as_flattened_mut());
        bytes.into_iter().map(Self)
    }
}

/// The sealed form of `value`, with its head.
pub(crate) fn seal(under: Under<'_>, value: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, Refused> {
    let mut salt = [0; SALT_BYTES];
    rng.fill(&mut salt);
    seal_once(under, value, Once(salt))
}

/// The sealed form of `value`, with its head, under a key that `salt` makes its own.
pub(crate) fn seal_once(under: Under<'_>, value: &[u8], salt: Once) -> Result<Vec<u8>, Refused> {
    let Once(salt) = salt;
    let keys = keys(under, &salt)?;
    let (key, commitment) = keys.split_at(Secret::BYTES);

    let mut sealed = Vec::with_capacity(under.head.len() + OVERHEAD_BYTES + value.len());
    sealed.extend_from_slice(under.head);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(commitment);
    let start = sealed.len();
    sealed.extend_from_slice(value);
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Refused)?;
    let buffer = InOutBuf::from(&mut sealed[start..]);
    let tag =
        cipher.encrypt_inout_detached(&Nonce::default(), &associated(under), buffer).map_err(|_| Refused)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// The value in `sealed`, which is a sealed form without its head.
pub(crate) fn open(under: Under<'_>, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
    let (salt, rest) = sealed.split_first_chunk::<SALT_BYTES>().ok_or(Refused)?;
    let (committed, rest) = rest.split_first_chunk::<COMMITMENT_BYTES>().ok_or(Refused)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Refused)?;
    let keys = keys(under, salt)?;
    let (key, commitment) = keys.split_at(Secret::BYTES);
    if !bool::from(commitment.ct_eq(committed)) {
        return Err(Refused);
    }
    let mut value = ciphertext.to_vec();
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Refused)?;
    let buffer = InOutBuf::from(&mut value[..]);
    cipher
        .decrypt_inout_detached(&Nonce::default(), &associated(under), buffer, &Tag::from(*tag))
        .map_err(|_| Refused)?;
    Ok(value)
}

/// The key of one value and the commitment to it.
fn keys(under: Under<'_>, salt: &[u8; SALT_BYTES]) -> Result<Zeroizing<[u8; 64]>, Refused> {
    let mut salts = Zeroizing::new([0; SALT_BYTES + Secret::BYTES]);
    salts[..SALT_BYTES].copy_from_slice(salt);
    if let Some(second) = under.salt {
        salts[SALT_BYTES..].copy_from_slice(second.expose());
    }
    let head_bytes = u8::try_from(under.head.len()).map_err(|_| Refused)?;
    let mut keys = Zeroizing::new([0; 64]);
    Hkdf::<Sha256>::new(Some(&salts[..]), under.key.expose())
        .expand_multi_info(&[LABEL, &[head_bytes], under.head, under.context], &mut keys[..])
        .map_err(|_| Refused)?;
    Ok(keys)
}

fn associated(under: Under<'_>) -> Vec<u8> {
    [under.head, under.context].concat()
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    fn under<'a>(key: &'a Secret, salt: Option<&'a Secret>, head: &'a [u8], context: &'a [u8]) -> Under<'a> {
        Under { key, salt, head, context }
    }

    #[test]
    fn a_value_opens_under_what_it_was_sealed_under_and_under_nothing_else() {
        let rng = SeededRng::new(1);
        let (key, salt, other) = (Secret::draw(&rng), Secret::draw(&rng), Secret::draw(&rng));
        let right = under(&key, Some(&salt), b"head", b"context");
        for length in [0, 1, 15, 16, 17, 1000] {
            let value = vec![0x5a; length];
            let sealed = seal(right, &value, &rng).unwrap();
            assert_eq!(sealed.len(), 4 + OVERHEAD_BYTES + length);
            assert_eq!(open(right, &sealed[4..]), Ok(value));
            for wrong in [
                under(&other, Some(&salt), b"head", b"context"),
                under(&key, Some(&other), b"head", b"context"),
                under(&key, None, b"head", b"context"),
                under(&key, Some(&salt), b"heat", b"context"),
                under(&key, Some(&salt), b"head", b"contexts"),
                under(&key, Some(&salt), b"headc", b"ontext"),
            ] {
                assert_eq!(open(wrong, &sealed[4..]), Err(Refused));
            }
        }
    }

    #[test]
    fn every_bit_and_every_length_counts() {
        let rng = SeededRng::new(2);
        let key = Secret::draw(&rng);
        let under = under(&key, None, b"", b"context");
        let sealed = seal(under, b"a value of some length", &rng).unwrap();
        for at in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(open(under, &flipped), Err(Refused), "bit {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(under, &sealed[..length]), Err(Refused), "{length} bytes");
        }
    }

    #[test]
    fn a_value_sealed_twice_looks_different() {
        let rng = SeededRng::new(3);
        let key = Secret::draw(&rng);
        let under = under(&key, None, b"", b"");
        assert_ne!(seal(under, b"same", &rng), seal(under, b"same", &rng));
    }

    /// Pins the form: what was sealed once must open for ever.
    #[test]
    fn the_sealed_form_stays_as_it_is() {
        let key = Secret::from_bytes([1; 32]);
        let salt = Secret::from_bytes([2; 32]);
        let under = under(&key, Some(&salt), b"\x02", b"context");
        let sealed = seal(under, b"hello", &SeededRng::new(7)).unwrap();
        let printed: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(printed, PINNED);
        assert_eq!(open(under, &sealed[1..]).unwrap(), b"hello");
    }

    const PINNED: &str = concat!(
        "02",
        "e8dd943d366caae7beb706c6ae668eff0a257fc5",
        "52deb1ae615be0000084169857b29992b9793b2a96799888ba9b316935101479",
        "44ee89f165",
        "114b30c8e9b6b9f5a19676f177b37fa8",
    );
}
