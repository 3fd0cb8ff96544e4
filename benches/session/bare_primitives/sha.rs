//! HMAC and HKDF over SHA-256 with the fewest compressions.

use sha2::block_api::compress256;

const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A key of HMAC with its two blocks hashed already.
#[derive(Clone, Copy)]
pub(crate) struct Keyed {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Keyed {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { inner: padded(key, 0x36), outer: padded(key, 0x5c) }
    }

    /// The MAC of at most 119 bytes.
    pub(crate) fn short(&self, message: &[u8]) -> [u8; 32] {
        let mut blocks = [[0; 64]; 2];
        blocks.as_flattened_mut()[..message.len()].copy_from_slice(message);
        self.mac(&mut blocks, message.len())
    }

    /// The MAC of the first bytes of `blocks`, which have room for the padding behind them.
    pub(crate) fn mac(&self, blocks: &mut [[u8; 64]], length: usize) -> [u8; 32] {
        let count = (length + 9).div_ceil(64);
        let blocks = &mut blocks[..count];
        let bytes = blocks.as_flattened_mut();
        let end = bytes.len() - 8;
        bytes[length..end].fill(0);
        bytes[length] = 0x80;
        bytes[end..].copy_from_slice(&(8 * (64 + length as u64)).to_be_bytes());
        let mut state = self.inner;
        compress256(&mut state, blocks);

        let mut last = [0; 64];
        write(&mut last, &state);
        last[32] = 0x80;
        last[62..].copy_from_slice(&(8u16 * 96).to_be_bytes());
        let mut state = self.outer;
        compress256(&mut state, &[last]);
        let mut out = [0; 32];
        write(&mut out, &state);
        out
    }

    /// HKDF's second half, keyed with what its first half gave. `info` has at most 86 bytes.
    pub(crate) fn expand<const N: usize>(&self, info: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        let mut block = [0; 119];
        let end = 32 + info.len();
        block[32..end].copy_from_slice(info);
        for (number, part) in (1..).zip(out.chunks_mut(32)) {
            block[end] = number;
            let from = if number == 1 { 32 } else { 0 };
            let made = self.short(&block[from..=end]);
            block[..32].copy_from_slice(&made);
            part.copy_from_slice(&made[..part.len()]);
        }
        out
    }
}

/// The state after a key's block.
fn padded(key: &[u8; 32], pad: u8) -> [u32; 8] {
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = START;
    compress256(&mut state, &[block]);
    state
}

fn write(out: &mut [u8], state: &[u32; 8]) {
    out.chunks_exact_mut(4).zip(state).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_be_bytes()));
}

/// That these give what the crates give that everybody uses.
pub(crate) fn prove() {
    use hmac::{KeyInit, Mac};
    for length in [0, 1, 54, 55, 56, 119, 120, 1000] {
        let mut blocks = vec![[7; 64]; length / 64 + 2];
        let expected = hmac::Hmac::<sha2::Sha256>::new_from_slice(&[3; 32]).unwrap();
        let expected = expected.chain_update(&blocks.as_flattened()[..length]).finalize().into_bytes();
        assert_eq!(Keyed::new(&[3; 32]).mac(&mut blocks, length)[..], expected[..]);
    }
    let mut expected = [0; 80];
    hkdf::Hkdf::<sha2::Sha256>::new(Some(&[1; 32]), &[2; 32]).expand(b"what for", &mut expected).unwrap();
    let extracted = Keyed::new(&[1; 32]).short(&[2; 32]);
    assert_eq!(Keyed::new(&extracted).expand::<80>(b"what for"), expected);
}
