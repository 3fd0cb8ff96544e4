//! SHA-256 from the block of an HMAC key on.

use sha2::block_api::compress256;

/// What SHA-256 starts from (FIPS 180-4, section 5.3.3).
pub(super) const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const BLOCK: usize = 64;
/// Where the length stands in the last block.
const LENGTH: usize = BLOCK - 8;

/// Bytes being hashed; one after the other, several messages, so that there is one buffer to be wiped.
pub(super) struct Stream {
    state: [u32; 8],
    /// Of it, the first `used` bytes; always fewer than all.
    block: [u8; BLOCK],
    used: usize,
    /// Bytes in blocks that are hashed.
    hashed: u64,
}

impl Stream {
    pub(super) const fn new() -> Self {
        Self { state: [0; 8], block: [0; BLOCK], used: 0, hashed: 0 }
    }

    /// Begins a message whose first block has led to this state.
    #[inline]
    pub(super) fn begin(&mut self, state: &[u32; 8]) {
        self.state = *state;
        (self.used, self.hashed) = (0, BLOCK as u64);
    }

    /// Begins a message whose first block has led to this state, and whose next bytes are the hash of the
    /// message before.
    #[inline]
    pub(super) fn begin_with_own(&mut self, state: &[u32; 8]) {
        let own = self.state;
        self.begin(state);
        let (words, _) = self.block.as_chunks_mut();
        words.iter_mut().zip(own).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
        self.used = 32;
    }

    #[inline]
    pub(super) fn absorb(&mut self, mut bytes: &[u8]) {
        // A block that is full is hashed at once, so that there is always room for the padding's first
        // byte.
        if self.used + bytes.len() >= BLOCK {
            bytes = self.fill(bytes);
        }
        let end = self.used + bytes.len();
        self.block[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }

    /// Hashes the started block and all whole ones behind it; what is left of the bytes is less than one.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (first, rest) = bytes.split_at(BLOCK - self.used);
        self.block[self.used..].copy_from_slice(first);
        compress256(&mut self.state, std::slice::from_ref(&self.block));
        let (blocks, rest) = rest.as_chunks();
        compress256(&mut self.state, blocks);
        self.hashed += ((1 + blocks.len()) * BLOCK) as u64;
        self.used = 0;
        rest
    }

    /// Pads and hashes the last block.
    #[inline]
    pub(super) fn finish(&mut self) {
        let bits = 8 * (self.hashed + self.used as u64);
        self.block[self.used..].fill(0);
        self.block[self.used] = 0x80;
        if self.used >= LENGTH {
            compress256(&mut self.state, std::slice::from_ref(&self.block));
            self.block.fill(0);
        }
        self.block[LENGTH..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, std::slice::from_ref(&self.block));
    }

    /// Writes the hash of a message that is finished.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8; 32]) {
        let (words, _) = out.as_chunks_mut();
        words.iter_mut().zip(self.state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.state = [0; 8];
        self.block = [0; BLOCK];
        zeroize::optimization_barrier(self);
    }
}
