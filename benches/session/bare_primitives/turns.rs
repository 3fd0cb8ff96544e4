//! Two that answer each other: every message brings a new ratchet key.

use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
use libcrux_ml_kem::mlkem768;

use super::cipher::{Lane, Letter};
use super::sha::Keyed;

/// Messages in an epoch of the post-quantum ratchet, when each answers one.
pub(crate) const EPOCH: usize = 87;

/// One party after the other, starting from what a handshake gives.
pub(crate) struct Turns {
    ends: [End; 2],
    next: usize,
    zero: Keyed,
    drawn: u64,
}

/// One end of the dialogue.
struct End {
    root: [u8; 32],
    pair: Pair,
    send: Lane,
    receive: Lane,
}

/// A private key as bytes and the public one.
pub(crate) struct Pair {
    private: [u8; 32],
    public: [u8; 32],
}

impl Turns {
    pub(crate) fn new() -> Self {
        let [first, second] = [[1; 32], [2; 32]].map(|quantum| Lane::new([0; 32], quantum));
        let mut alice = End { root: [5; 32], pair: Pair::new([11; 32]), send: first, receive: second };
        let bob = End { root: [5; 32], pair: Pair::new([12; 32]), send: second, receive: first };
        alice.send.chain = alice.root_step(&bob.pair.public);
        Self { ends: [alice, bob], next: 0, zero: Keyed::new(&[0; 32]), drawn: 0 }
    }

    /// One says something and the other hears it and makes a new ratchet key.
    pub(crate) fn turn(&mut self, text: &[u8], letter: &mut Letter, out: &mut [u8]) {
        let [alice, bob] = &mut self.ends;
        let (from, to) = if self.next == 0 { (alice, bob) } else { (bob, alice) };
        self.next = 1 - self.next;
        from.send.step(&self.zero).seal(text, letter);

        to.receive.chain = to.root_step(&from.pair.public);
        let opened = to.receive.step(&self.zero).open(letter, out);
        assert_eq!(opened, text.len(), "the floor lost its text");
        self.drawn += 1;
        let mut private = [7; 32];
        private[..8].copy_from_slice(&self.drawn.to_le_bytes());
        to.pair = Pair::new(private);
        to.send.chain = to.root_step(&from.pair.public);
    }

    /// What the post-quantum ratchet costs once in an epoch, without its erasure code.
    pub(crate) fn exchange(&self) {
        let pair = mlkem768::generate_key_pair([3; 64]);
        let (ciphertext, shared) = mlkem768::encapsulate(pair.public_key(), [4; 32]);
        let again = mlkem768::decapsulate(pair.private_key(), &ciphertext);
        assert_eq!(shared, again, "the exchange disagrees");
    }
}

impl End {
    /// Stirs the root; returns the chain that grows from it.
    fn root_step(&mut self, their: &[u8; 32]) -> [u8; 32] {
        let (root, chain) = root_step(&self.root, &self.pair.agree(their));
        self.root = root;
        chain
    }
}

impl Pair {
    pub(crate) fn new(private: [u8; 32]) -> Self {
        let public = StaticPrivateKey::from_array(&private).public_key().as_bytes();
        Self { private, public }
    }

    pub(crate) fn agree(&self, their: &[u8; 32]) -> [u8; 32] {
        let private = StaticPrivateKey::from_array(&self.private);
        private.diffie_hellman(&PublicKey::from_array(their)).unwrap().0
    }

    pub(crate) const fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

/// The next root and the chain that grows from it: ten compressions.
pub(crate) fn root_step(root: &[u8; 32], agreed: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let extracted = Keyed::new(root).short(agreed);
    let both: [u8; 64] = Keyed::new(&extracted).expand(b"WhisperRatchet");
    let (mut root, mut chain) = ([0; 32], [0; 32]);
    root.copy_from_slice(&both[..32]);
    chain.copy_from_slice(&both[32..]);
    (root, chain)
}
