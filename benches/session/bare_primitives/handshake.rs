//! The handshake: agreements, two signatures, Kyber, and the first message.

use bulla_session::PrivateKey;
use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar};
use libcrux_ml_kem::mlkem1024::{MlKem1024Ciphertext, MlKem1024KeyPair};
use libcrux_ml_kem::{kyber1024, mlkem768};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha512};

use super::cipher::{Lane, Letter};
use super::sha::Keyed;
use super::turns::{Pair, root_step};

const INFO: &[u8] = b"WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024";
const START: &[u8] = b"Signal PQ Ratchet V1 Chain  Start";

/// Both identities and Bob's prekeys.
pub(crate) struct Handshake {
    alice: Pair,
    bob: Pair,
    signed: Pair,
    one_time: Pair,
    kyber: MlKem1024KeyPair,
    /// The serialised prekeys with their signatures.
    signatures: [(Vec<u8>, [u8; 64]); 2],
    zero: Keyed,
}

/// What Alice's first message carries.
pub(crate) struct First {
    base: [u8; 32],
    ratchet: [u8; 32],
    ciphertext: MlKem1024Ciphertext,
    letter: Letter,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha20Rng::from_seed([8; 32]);
        let [alice, bob, signed, one_time] = [21, 22, 23, 24].map(|byte| Pair::new([byte; 32]));
        let kyber = kyber1024::generate_key_pair([9; 64]);
        let identity = PrivateKey::from_bytes(&[22; 32]).unwrap();
        let serialised = [(5, signed.public().as_slice()), (8, kyber.pk().as_slice())];
        let signatures = serialised.map(|(kind, key)| {
            let message = [&[kind], key].concat();
            let signature = *identity.sign(&message, &mut rng).as_bytes();
            (message, signature)
        });
        Self { alice, bob, signed, one_time, kyber, signatures, zero: Keyed::new(&[0; 32]) }
    }

    /// Checks the prekeys, agrees, encapsulates, and seals the first message with its own ratchet key. The
    /// message also opens the post-quantum ratchet, which takes a key pair.
    pub(crate) fn start(&self, text: &[u8]) -> First {
        self.verify();
        let base = Pair::new([31; 32]);
        let signed = self.signed.public();
        let agreed = [
            self.alice.agree(signed),
            base.agree(self.bob.public()),
            base.agree(signed),
            base.agree(self.one_time.public()),
        ];
        let (ciphertext, shared) = kyber1024::encapsulate(self.kyber.public_key(), [5; 32]);
        let (root, auth) = self.derive(&agreed, &shared);
        let ratchet = Pair::new([32; 32]);
        let (_, chain) = root_step(&root, &ratchet.agree(signed));
        std::hint::black_box(mlkem768::generate_key_pair([6; 64]));
        let mut letter = Letter::room(text.len());
        Lane::new(chain, self.quantum(&auth)).step(&self.zero).seal(text, &mut letter);
        First { base: *base.public(), ratchet: *ratchet.public(), ciphertext, letter }
    }

    /// Agrees, decapsulates, opens the first message and makes the ratchet key of the answer.
    pub(crate) fn answer(&self, first: &mut First, out: &mut [u8]) -> usize {
        let First { base, ratchet, ciphertext, letter } = first;
        let agreed = [
            self.signed.agree(self.alice.public()),
            self.bob.agree(base),
            self.signed.agree(base),
            self.one_time.agree(base),
        ];
        let shared = kyber1024::decapsulate(self.kyber.private_key(), ciphertext);
        let (root, auth) = self.derive(&agreed, &shared);
        let (root, chain) = root_step(&root, &self.signed.agree(ratchet));
        let opened = Lane::new(chain, self.quantum(&auth)).step(&self.zero).open(letter, out);
        let own = Pair::new([33; 32]);
        std::hint::black_box(root_step(&root, &own.agree(ratchet)));
        opened
    }

    /// Both signatures, with the key mapped once.
    fn verify(&self) {
        let [(_, first), (_, second)] = &self.signatures;
        assert_eq!(first[63] >> 7, second[63] >> 7, "both are of one identity");
        let point = MontgomeryPoint(*self.bob.public()).to_edwards(first[63] >> 7).unwrap();
        let compressed = point.compress();
        for (message, signature) in &self.signatures {
            let (commitment, rest) = signature.split_at(32);
            let mut s = [0; 32];
            s.copy_from_slice(rest);
            s[31] &= 0x7F;
            let hash = Sha512::new_with_prefix(commitment).chain_update(compressed.as_bytes());
            let h = Scalar::from_bytes_mod_order_wide(&hash.chain_update(message).finalize().into());
            let s = Scalar::from_bytes_mod_order(s);
            let made = EdwardsPoint::vartime_double_scalar_mul_basepoint(&h, &-point, &s).compress();
            assert_eq!(made.as_bytes(), commitment, "a prekey's signature does not verify");
        }
    }

    /// The root and the key of the post-quantum ratchet.
    fn derive(&self, agreed: &[[u8; 32]; 4], shared: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
        let mut blocks = [[0; 64]; 4];
        let material = blocks.as_flattened_mut();
        material[..32].fill(0xFF);
        material[32..160].copy_from_slice(agreed.as_flattened());
        material[160..192].copy_from_slice(shared);
        let extracted = self.zero.mac(&mut blocks, 192);
        let all: [u8; 96] = Keyed::new(&extracted).expand(INFO);
        let (mut root, mut auth) = ([0; 32], [0; 32]);
        root.copy_from_slice(&all[..32]);
        auth.copy_from_slice(&all[64..]);
        (root, auth)
    }

    /// The post-quantum chain from the initiator to the responder.
    fn quantum(&self, auth: &[u8; 32]) -> [u8; 32] {
        let all: [u8; 96] = Keyed::new(&self.zero.short(auth)).expand(START);
        let mut chain = [0; 32];
        chain.copy_from_slice(&all[32..64]);
        chain
    }
}
