//! How bytes are sealed: the one place where the cipher is called.
//!
//! ```text
//! a value        head ‖ salt (16) ‖ commitment (16) ‖ ciphertext (as long as the value) ‖ tag (16)
//! an empty one   head ‖ proof (16)
//!
//! block(i)         = HMAC-SHA256(the key, second salt (32) ‖ salt (16) ‖ "bulla vault seal" (16) ‖ head ‖ context ‖ i (1))
//! key (32)         = block(1)
//! commitment       = the first 16 bytes of block(2)
//! ciphertext ‖ tag = AES-256-GCM(key, nonce: zeros, associated data: head ‖ context, value)
//! proof            = the first 16 bytes of block(3), with zeros for the salt; zeros also stand for a second salt that there is not
//! ```
//!
//! That is a key derivation in counter mode (NIST SP 800-108r1, section 4.1) with the counter behind the
//! data. What the values of a batch share comes first and fills one block of SHA-256, so that it is hashed
//! once. Under one key the first byte of a head tells how long the head is, or all are equally long, so head
//! and context can be taken apart in one way only.
//!
//! # Security
//! * *A key is used once*, so the nonce may stand still. The values of one batch share a salt, and no two of
//!   them are bound to the same head and context; values that are, those of one record written again and
//!   again, meet the same salt with a chance of 2^-33 after 2^48 writings.
//! * *The commitment binds the key*: what opens under one key opens under no other, and a wrong key is known
//!   before the cipher is used. To find two keys with the same commitment takes 2^64 tries by somebody who
//!   may choose keys, and nobody outside does.
//! * *A proof is a MAC*: to forge one is to guess 128 bits. It is the same whenever the same is proven, which
//!   tells nothing: that the value is empty is seen anyway.
//! * *The second salt stands in what is hashed, not in the key*, as the secret does in HKDF-Extract (RFC
//!   5869, section 2.2). So when it is destroyed, who holds the key has 256 bits to guess, as has who holds
//!   the second salt without the key.

mod keys;

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256Enc;
use aes_gcm::{AesGcm, Nonce, Tag};
use bulla_base::{Rng, without_trace};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

pub(crate) use keys::PROOF_BYTES;
use keys::{COMMITMENT_BYTES, Keyed, Prefix, SALT_BYTES};

/// AES-256-GCM. Counter mode encrypts in both directions, so round keys for decrypting are not made.
type Cipher = AesGcm<Aes256Enc, U12>;

const TAG_BYTES: usize = 16;

/// How deep sealing and opening go on the stack: 12 KiB where the cipher is at its widest, and deeper where
/// nothing is optimised. To be wiped where it can be afforded: whoever found the key of a record there could
/// open it after its hour, or after it was erased.
pub(crate) const DEEP: usize = 16 << 10;

/// What stands in the place of the salt where there is none.
const NO_SALT: [u8; SALT_BYTES] = [0; SALT_BYTES];

/// How much longer than its value and its head a sealed form is.
pub(crate) const OVERHEAD_BYTES: usize = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES;

/// It does not open. Why is not said: whoever tries keys learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("does not open")]
pub(crate) struct Refused;

/// What a value is bound to: the head, which stands in the clear before its sealed form, and the context,
/// which tells where it belongs. It opens nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    bytes: Vec<u8>,
    head_bytes: usize,
}

impl Bound {
    pub(crate) fn new(head: &[u8], context: &[u8]) -> Self {
        Self { bytes: [head, context].concat(), head_bytes: head.len() }
    }

    /// Is bound to something else from now on, in the same memory.
    pub(crate) fn rewrite(&mut self, head: impl FnOnce(&mut Vec<u8>), context: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.clear();
        head(&mut self.bytes);
        self.head_bytes = self.bytes.len();
        context(&mut self.bytes);
    }

    fn head(&self) -> &[u8] {
        &self.bytes[..self.head_bytes]
    }
}

/// What a value is sealed under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Under<'a> {
    pub(crate) key: &'a Secret,
    /// A second salt, kept elsewhere, without which the key is of no use.
    pub(crate) salt: Option<&'a Secret>,
    pub(crate) bound: &'a Bound,
}

/// The salt of one batch: drawn for it, and gone with it. It cannot be copied.
#[derive(Debug)]
pub(crate) struct Once([u8; SALT_BYTES]);

impl Once {
    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        Self(salt)
    }
}

/// Seals the values of one batch that have the same key. No two of them may be bound to the same.
#[derive(Debug)]
pub(crate) struct Sealer<'a> {
    keyed: Keyed,
    second: Option<&'a Secret>,
    once: &'a Once,
    values: Prefix,
    /// Made when the first empty value comes.
    proofs: Option<Prefix>,
}

impl<'a> Sealer<'a> {
    pub(crate) fn new(key: &Secret, second: Option<&'a Secret>, once: &'a Once) -> Self {
        let keyed = Keyed::new(key);
        let values = keyed.prefix(second, &once.0);
        Self { keyed, second, once, values, proofs: None }
    }

    /// The sealed form of `value`, with its head.
    pub(crate) fn seal(&self, bound: &Bound, value: &[u8]) -> Result<Vec<u8>, Refused> {
        let keys = self.values.keys(&bound.bytes);
        let mut sealed = Vec::with_capacity(bound.head().len() + OVERHEAD_BYTES + value.len());
        sealed.extend_from_slice(bound.head());
        sealed.extend_from_slice(&self.once.0);
        sealed.extend_from_slice(keys.commitment());
        let start = sealed.len();
        sealed.extend_from_slice(value);
        let cipher = Cipher::new_from_slice(keys.key()).map_err(|_| Refused)?;
        let buffer = InOutBuf::from(&mut sealed[start..]);
        let tag =
            cipher.encrypt_inout_detached(&Nonce::default(), &bound.bytes, buffer).map_err(|_| Refused)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// The proof that a value is empty, after its head.
    pub(crate) fn prove_empty(&mut self, bound: &Bound) -> Vec<u8> {
        let proofs = self.proofs.get_or_insert_with(|| self.keyed.prefix(self.second, &NO_SALT));
        [bound.head(), &proofs.proof(&bound.bytes)].concat()
    }
}

/// The sealed form of `value`, with its head. Leaves no key on the stack.
pub(crate) fn seal(under: Under<'_>, value: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, Refused> {
    without_trace::<DEEP, _>(|| Sealer::new(under.key, under.salt, &Once::draw(rng)).seal(under.bound, value))
}

/// What `read` makes of the value in `sealed`, which is a sealed form without its head; nothing of either is
/// left on the stack.
pub(crate) fn open<T>(under: Under<'_>, sealed: &[u8], read: impl FnOnce(&[u8]) -> T) -> Result<T, Refused> {
    without_trace::<DEEP, _>(|| Ok(read(&Zeroizing::new(open_leaving_a_trace(under, sealed)?))))
}

/// The value in `sealed`, which is a sealed form without its head. Its key is left on the stack.
pub(crate) fn open_leaving_a_trace(under: Under<'_>, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
    let (salt, rest) = sealed.split_first_chunk::<SALT_BYTES>().ok_or(Refused)?;
    let (commitment, rest) = rest.split_first_chunk::<COMMITMENT_BYTES>().ok_or(Refused)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Refused)?;
    let keys = Keyed::new(under.key).prefix(under.salt, salt).keys(&under.bound.bytes);
    // The cipher alone would not do: of GCM there are ciphertexts that open under two keys.
    if !bool::from(keys.commitment().ct_eq(commitment)) {
        return Err(Refused);
    }
    let mut value = ciphertext.to_vec();
    let cipher = Cipher::new_from_slice(keys.key()).map_err(|_| Refused)?;
    let buffer = InOutBuf::from(&mut value[..]);
    cipher
        .decrypt_inout_detached(&Nonce::default(), &under.bound.bytes, buffer, &Tag::from(*tag))
        .map_err(|_| Refused)?;
    Ok(value)
}

/// Checks the proof that a value is empty. What it proves by is left on the stack.
pub(crate) fn check_empty(under: Under<'_>, proof: &[u8; PROOF_BYTES]) -> Result<(), Refused> {
    let expected = Keyed::new(under.key).prefix(under.salt, &NO_SALT).proof(&under.bound.bytes);
    if bool::from(expected.ct_eq(proof)) { Ok(()) } else { Err(Refused) }
}

#[cfg(test)]
pub(crate) mod tests;
