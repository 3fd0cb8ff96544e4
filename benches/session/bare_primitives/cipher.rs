//! One message: three key derivations, a cipher and a MAC.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes256Dec, Aes256Enc};

use super::sha::Keyed;

/// Two identity keys, then a header as long as ours.
const HEADER: usize = 66 + 84;
const MAC: usize = 8;

/// One direction of a dialogue: a chain of the Double Ratchet and one of the post-quantum ratchet.
#[derive(Clone, Copy)]
pub(crate) struct Lane {
    pub(crate) chain: [u8; 32],
    pub(crate) quantum: [u8; 32],
    counter: u32,
}

/// What seeds a message's keys.
pub(crate) struct Seed {
    seed: [u8; 32],
    salt: [u8; 32],
}

/// A message in its blocks, with room for the padding of SHA-256 behind it.
#[derive(Clone)]
pub(crate) struct Letter {
    blocks: Vec<[u8; 64]>,
    length: usize,
    mac: [u8; MAC],
}

impl Lane {
    pub(crate) const fn new(chain: [u8; 32], quantum: [u8; 32]) -> Self {
        Self { chain, quantum, counter: 0 }
    }

    /// Takes a step of both chains: six compressions and nine.
    pub(crate) fn step(&mut self, zero: &Keyed) -> Seed {
        let keyed = Keyed::new(&self.chain);
        let seed = keyed.short(&[0x01]);
        self.chain = keyed.short(&[0x02]);

        self.counter += 1;
        let mut info = [0; 35];
        info[..4].copy_from_slice(&self.counter.to_be_bytes());
        info[4..].copy_from_slice(b"Signal PQ Ratchet V1 Chain Next");
        // The salt is always zero, so the key schedule of the first half is known.
        let both: [u8; 64] = Keyed::new(&zero.short(&self.quantum)).expand(&info);
        let mut salt = [0; 32];
        self.quantum.copy_from_slice(&both[..32]);
        salt.copy_from_slice(&both[32..]);
        Seed { seed, salt }
    }
}

impl Seed {
    /// Cipher key, MAC key and initialisation vector: twelve compressions.
    fn keys(&self) -> ([u8; 32], [u8; 32], [u8; 16]) {
        let extracted = Keyed::new(&self.salt).short(&self.seed);
        let all: [u8; 80] = Keyed::new(&extracted).expand(b"WhisperMessageKeys");
        let (mut cipher, mut mac, mut iv) = ([0; 32], [0; 32], [0; 16]);
        cipher.copy_from_slice(&all[..32]);
        mac.copy_from_slice(&all[32..64]);
        iv.copy_from_slice(&all[64..]);
        (cipher, mac, iv)
    }

    pub(crate) fn seal(&self, text: &[u8], letter: &mut Letter) {
        let (cipher, mac, iv) = self.keys();
        let room = &mut letter.blocks.as_flattened_mut()[HEADER..letter.length];
        let cipher = cbc::Encryptor::<Aes256Enc>::new(&cipher.into(), &iv.into());
        cipher.encrypt_padded_b2b::<Pkcs7>(text, room).unwrap();
        letter.mac.copy_from_slice(&Keyed::new(&mac).mac(&mut letter.blocks, letter.length)[..MAC]);
    }

    /// How many bytes were sealed.
    pub(crate) fn open(&self, letter: &mut Letter, out: &mut [u8]) -> usize {
        let (cipher, mac, iv) = self.keys();
        let expected = Keyed::new(&mac).mac(&mut letter.blocks, letter.length);
        assert_eq!(expected[..MAC], letter.mac, "the floor does not open what it sealed");
        let sealed = &letter.blocks.as_flattened()[HEADER..letter.length];
        let cipher = cbc::Decryptor::<Aes256Dec>::new(&cipher.into(), &iv.into());
        cipher.decrypt_padded_b2b::<Pkcs7>(sealed, out).unwrap().len()
    }
}

impl Letter {
    /// Room for a message with a text this long.
    pub(crate) fn room(text: usize) -> Self {
        let length = HEADER + (text / 16 + 1) * 16;
        Self { blocks: vec![[0; 64]; (length + 9).div_ceil(64)], length, mac: [0; MAC] }
    }

    /// Room for what is opened.
    pub(crate) fn opened(text: usize) -> Vec<u8> {
        vec![0; (text / 16 + 1) * 16]
    }
}
