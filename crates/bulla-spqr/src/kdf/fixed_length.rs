//! HMAC and HKDF where every length is known when this is compiled, so that no byte is copied by a call.
//!
//! That is: for all keys of every message.

use sha2::block_api::compress256;

use super::Keyed;
use crate::wiped_bytes::wipe;

const BLOCK: usize = 64;

/// The most bytes that leave room for the padding in the block they stand in.
const IN_ONE: usize = BLOCK - 9;

/// Two blocks, which is as much as any message here fills, wiped when dropped.
struct Blocks([[u8; BLOCK]; 2]);

impl Blocks {
    const fn new() -> Self {
        Self([[0; BLOCK]; 2])
    }

    /// Writes bytes at a place.
    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: &[u8; N]) {
        self.0.as_flattened_mut()[at..at + N].copy_from_slice(bytes);
    }

    /// The HMAC of the first `length` bytes, at most 119.
    #[inline(always)]
    fn authenticate(&mut self, key: &Keyed, length: usize, out: &mut [u8; 32]) {
        let mut state = key.inner;
        self.hash(&mut state, length);
        for (bytes, word) in self.0.as_flattened_mut().as_chunks_mut().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        state = key.outer;
        self.hash(&mut state, 32);
        for (bytes, word) in out.as_chunks_mut().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        // It is what was derived.
        state = [0; 8];
        zeroize::optimization_barrier(&state);
    }

    /// Takes the state of one block before on by the first `length` bytes and the padding (FIPS 180-4,
    /// section 5.1.1).
    #[inline(always)]
    fn hash(&mut self, state: &mut [u32; 8], length: usize) {
        let blocks = if length <= IN_ONE { 1 } else { 2 };
        let flat = self.0.as_flattened_mut();
        flat[length] = 0x80;
        flat[length + 1..blocks * BLOCK - 8].fill(0);
        let bits = 8 * (BLOCK + length) as u64;
        flat[blocks * BLOCK - 8..blocks * BLOCK].copy_from_slice(&bits.to_be_bytes());
        compress256(state, &self.0[..blocks]);
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        wipe(self.0.as_flattened_mut());
    }
}

impl Keyed {
    /// HMAC over a short message (RFC 2104).
    #[inline]
    pub fn authenticate_short<const N: usize>(&self, message: &[u8; N], out: &mut [u8; 32]) {
        const { assert!(N <= IN_ONE, "longer than a block holds") };
        let mut blocks = Blocks::new();
        blocks.put(0, message);
        blocks.authenticate(self, N, out);
    }

    /// HKDF with this salt of a secret as long as a key, for a short `info` (RFC 5869).
    #[inline]
    pub fn derive_short<const I: usize, const N: usize>(
        &self,
        secret: &[u8; 32],
        info: &[u8; I],
        out: &mut [u8; N],
    ) {
        const { assert!(I < IN_ONE && N <= 255 * 32, "longer than a block holds, or more than HKDF gives") };
        let (mut blocks, mut block) = (Blocks::new(), [0; 32]);
        blocks.put(0, secret);
        blocks.authenticate(self, 32, &mut block);
        let extracted = Self::new(&block);
        // The first block follows no other.
        blocks.put(0, info);
        blocks.put(I, &[1]);
        blocks.authenticate(&extracted, I + 1, &mut block);
        for (number, part) in (1..=u8::MAX).zip(out.chunks_mut(32)) {
            if number > 1 {
                blocks.put(0, &block);
                blocks.put(32, info);
                blocks.put(32 + I, &[number]);
                blocks.authenticate(&extracted, 33 + I, &mut block);
            }
            match part.first_chunk_mut() {
                Some(whole) => *whole = block,
                None => part.copy_from_slice(&block[..part.len()]),
            }
        }
        wipe(&mut block);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::wiped_bytes::behind::{dropped, holds};

    #[test]
    fn what_was_hashed_is_gone_when_its_blocks_are_dropped() {
        let mut blocks = Blocks::new();
        blocks.put(0, &[0xa7; BLOCK]);
        blocks.put(BLOCK, &[0xa7; BLOCK]);
        assert!(!holds(&dropped(blocks), 0xa7));
    }
}
