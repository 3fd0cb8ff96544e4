//! Keys on their own.

use bulla_session::{
    IdentityKeyPair, KyberPreKey, KyberPreKeyId, OneTimePreKey, OneTimePreKeyId, PrivateKey, PublicKey,
    SignedPreKey, SignedPreKeyId, UnixMillis,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::secret::{Chance, hidden, hide_private, reveal, reveal_shape};

/// The same private key twice, the second time secret.
fn pairs(seed: u8) -> impl Iterator<Item = (PrivateKey, PrivateKey)> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    std::iter::repeat_with(move || {
        let plain = PrivateKey::generate(&mut rng);
        let mut bytes = *plain.expose();
        hide_private(&mut bytes);
        let secret = PrivateKey::from_bytes(&bytes).unwrap();
        assert_eq!(hidden(secret.expose()), 32);
        (plain, secret)
    })
}

pub(super) fn public_key() -> usize {
    pairs(1)
        .take(8)
        .map(|(plain, secret)| {
            let public = secret.public();
            assert_eq!(hidden(public.as_raw()), 32, "it was not made from the secret");
            reveal(public.as_raw());
            assert_eq!(public, plain.public());
        })
        .count()
}

pub(super) fn agreement() -> usize {
    pairs(2)
        .zip(pairs(3))
        .take(8)
        .map(|((plain, secret), (other, _))| {
            let shared = reveal_shape(secret.agree(&other.public()).map(Box::new)).unwrap();
            assert_eq!(hidden(shared.expose()), 32, "it was not made from the secret");
            reveal(shared.expose());
            assert_eq!(shared.expose(), other.agree(&plain.public()).unwrap().expose());
        })
        .count()
}

/// With points of low order, which make the shared secret zero whatever the key is.
pub(super) fn agreement_refused() -> usize {
    let low = [0, 1].into_iter().flat_map(|low| [0, 0x80].map(|high| (low, high)));
    pairs(4)
        .zip(low)
        .map(|((_, secret), (low, high))| {
            let mut point = [0; 33];
            (point[0], point[1], point[32]) = (5, low, high);
            let point = PublicKey::from_bytes(&point).unwrap();
            assert!(reveal_shape(secret.agree(&point).map(drop)).is_err());
        })
        .count()
}

pub(super) fn signing() -> usize {
    let mut chance = Chance::new(5);
    pairs(5)
        .zip(0_u8..8)
        .map(|((plain, secret), number)| {
            let message = [number; 100];
            let signature = secret.sign(&message, &mut chance);
            assert_eq!(hidden(signature.as_bytes()), 64, "it was not made from the secret");
            reveal(signature.as_bytes());
            plain.public().verify(&message, &signature).unwrap();
        })
        .count()
}

/// All sorts of key, from secret chance.
pub(super) fn generation() -> usize {
    let mut chance = Chance::new(6);
    let made = UnixMillis::new(1);
    let identity = IdentityKeyPair::generate(&mut chance);
    let signed = SignedPreKey::generate(SignedPreKeyId::new(1), &identity, made, &mut chance);
    let kyber = KyberPreKey::generate(KyberPreKeyId::new(2), &identity, made, &mut chance);
    let one_time = OneTimePreKey::generate(OneTimePreKeyId::new(3), &mut chance);
    let ratchet = bulla_spqr::KeyPair::generate(&mut chance);

    assert_eq!(hidden(identity.private().expose()), 32);
    for public in [identity.public().public(), signed.public(), one_time.public()] {
        assert_eq!(hidden(public.as_raw()), 32);
        reveal(public.as_raw());
    }
    assert!(hidden(kyber.public().as_bytes()) > 1536);
    assert!(hidden(ratchet.expose()) > 2300);
    for bytes in [&kyber.public().as_bytes()[..], signed.signature().as_bytes(), kyber.signature().as_bytes()]
    {
        reveal(bytes);
    }
    identity.public().public().verify(&signed.public().to_bytes(), signed.signature()).unwrap();
    identity.public().public().verify(kyber.public().as_bytes(), kyber.signature()).unwrap();
    5
}
