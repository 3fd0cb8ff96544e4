//! HMAC and HKDF over SHA-256 with no compression that can be spared.
//!
//! The crates everybody uses are general: they buffer, copy and wipe more than they hash where a message is a
//! byte and a key 32. For `bulla-session`, which derives in the same way; nobody else should need it.

use sha2::block_api::compress256;

use crate::secret::Secret;
use crate::wiped_bytes::wipe;

mod fixed_length;
mod sha256_stream;
#[cfg(test)]
mod tests;

use sha256_stream::Stream;

/// A key of HMAC-SHA256 with its two blocks hashed already, or HKDF's salt.
pub struct Keyed {
    inner: [u32; 8],
    outer: [u32; 8],
}

/// The salt where the protocol names none, which is 32 zeros (RFC 5869, section 2.2).
pub static UNSALTED: Keyed = Keyed {
    inner: [
        0xf454_dead,
        0x9725_214f,
        0x90da_f2a0,
        0xdf12_28ea,
        0x64e5_750f,
        0xa392_4181,
        0x824a_932b,
        0xf8e0_4e32,
    ],
    outer: [
        0xd385_480f,
        0x7abb_6477,
        0x37c9_c538,
        0x5dd8_2467,
        0x8e04_3a72,
        0x7534_34b0,
        0xdeb8_2818,
        0x361d_45a6,
    ],
};

impl Keyed {
    /// # Cost
    ///
    /// Two compressions. Every MAC takes two more, and one for each 64 bytes that do not fit beside the
    /// padding.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { inner: padded(key, 0x36), outer: padded(key, 0x5c) }
    }

    /// HMAC over a message given in parts (RFC 2104).
    pub fn authenticate(&self, message: &[&[u8]], out: &mut [u8; 32]) {
        let mut stream = Stream::new();
        self.hash(&mut stream, message, out);
    }

    #[inline]
    fn hash(&self, stream: &mut Stream, message: &[&[u8]], out: &mut [u8; 32]) {
        stream.begin(&self.inner);
        message.iter().for_each(|part| stream.absorb(part));
        stream.finish();
        // The outer hash's message is the inner hash.
        stream.begin_with_own(&self.outer);
        stream.finish();
        stream.write(out);
    }

    /// HKDF with this salt; `info` is given in parts (RFC 5869).
    pub fn derive<const N: usize>(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8; N]) {
        const { assert!(N <= 255 * 32, "more than HKDF gives") };
        let (mut stream, mut block) = (Stream::new(), [0; 32]);
        self.hash(&mut stream, &[secret], &mut block);
        let extracted = Self::new(&block);
        // The first block follows no other.
        let mut before = 0;
        for (number, part) in (1..=u8::MAX).zip(out.chunks_mut(32)) {
            stream.begin(&extracted.inner);
            stream.absorb(&block[..before]);
            info.iter().for_each(|part| stream.absorb(part));
            stream.absorb(&[number]);
            stream.finish();
            stream.begin_with_own(&extracted.outer);
            stream.finish();
            stream.write(&mut block);
            part.copy_from_slice(&block[..part.len()]);
            before = 32;
        }
        wipe(&mut block);
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        (self.inner, self.outer) = ([0; 8], [0; 8]);
        // Or the compiler leaves the zeros out, since nobody reads them any more.
        zeroize::optimization_barrier(self);
    }
}

impl zeroize::ZeroizeOnDrop for Keyed {}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed(..)")
    }
}

/// What is derived with this salt.
pub(crate) fn derived<const N: usize>(salt: &Keyed, secret: &[u8], info: &[&[u8]]) -> Secret<N> {
    let mut out = Secret::ZERO;
    salt.derive(secret, info, out.expose_mut());
    out
}

/// The state after the key's block.
fn padded(key: &[u8; 32], pad: u8) -> [u32; 8] {
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = sha256_stream::START;
    compress256(&mut state, std::slice::from_ref(&block));
    wipe(&mut block);
    state
}
