use aes_gcm::Aes256Gcm;
use bulla_base::SeededRng;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::open_leaving_a_trace as open;
use super::*;

fn under<'a>(key: &'a Secret, salt: Option<&'a Secret>, bound: &'a Bound) -> Under<'a> {
    Under { key, salt, bound }
}

/// The key of a value from its sealed form, without its head.
pub(crate) fn key_of(under: Under<'_>, sealed: &[u8]) -> Vec<u8> {
    let salt = sealed.first_chunk().unwrap();
    Keyed::new(under.key).prefix(under.salt, salt).keys(&under.bound.bytes).key().to_vec()
}

/// A proof, without its head.
fn prove(under: Under<'_>) -> [u8; PROOF_BYTES] {
    let once = Once::draw(&SeededRng::new(9));
    let proof = Sealer::new(under.key, under.salt, &once).prove_empty(under.bound);
    proof[under.bound.head().len()..].try_into().unwrap()
}

#[test]
fn a_value_opens_under_what_it_was_sealed_under_and_under_nothing_else() {
    let rng = SeededRng::new(1);
    let (key, salt, other) = (Secret::draw(&rng), Secret::draw(&rng), Secret::draw(&rng));
    let bound = Bound::new(b"head", b"context");
    let others = [(&b"heat"[..], &b"context"[..]), (b"head", b"contexts"), (b"head", b"contex"), (b"", b"")];
    let others = others.map(|(head, context)| Bound::new(head, context));
    let right = under(&key, Some(&salt), &bound);
    let wrong = [
        under(&other, Some(&salt), &bound),
        under(&key, Some(&other), &bound),
        under(&key, None, &bound),
        under(&salt, Some(&key), &bound),
    ];
    let wrong: Vec<_> =
        wrong.into_iter().chain(others.iter().map(|bound| under(&key, Some(&salt), bound))).collect();
    for length in [0, 1, 15, 16, 17, 1000] {
        let value = vec![0x5a; length];
        let sealed = seal(right, &value, &rng).unwrap();
        assert_eq!((&sealed[..4], sealed.len()), (&b"head"[..], 4 + OVERHEAD_BYTES + length));
        assert_eq!(open(right, &sealed[4..]), Ok(value));
        for wrong in &wrong {
            assert_eq!(open(*wrong, &sealed[4..]), Err(Refused));
        }
    }
    let proof = prove(right);
    assert_eq!(check_empty(right, &proof), Ok(()));
    for wrong in wrong {
        assert_eq!(check_empty(wrong, &proof), Err(Refused));
    }
}

#[test]
fn every_bit_and_every_length_counts() {
    let rng = SeededRng::new(2);
    let (key, bound) = (Secret::draw(&rng), Bound::new(b"", b"context"));
    let under = under(&key, None, &bound);
    let sealed = seal(under, b"a value of some length", &rng).unwrap();
    for at in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert_eq!(open(under, &flipped), Err(Refused), "bit {at}");
    }
    for length in 0..sealed.len() {
        assert_eq!(open(under, &sealed[..length]), Err(Refused), "{length} bytes");
    }
    assert_eq!(open(under, &[&sealed[..], &[0]].concat()), Err(Refused));
    let proof = prove(under);
    for at in 0..proof.len() * 8 {
        let mut flipped = proof;
        flipped[at / 8] ^= 1 << (at % 8);
        assert_eq!(check_empty(under, &flipped), Err(Refused), "bit {at}");
    }
}

#[test]
fn a_value_sealed_twice_looks_different() {
    let rng = SeededRng::new(3);
    let (key, bound) = (Secret::draw(&rng), Bound::default());
    let under = under(&key, None, &bound);
    assert_ne!(seal(under, b"same", &rng), seal(under, b"same", &rng));
}

#[test]
fn values_of_one_batch_have_keys_of_their_own() {
    let rng = SeededRng::new(5);
    let (key, salt, once) = (Secret::draw(&rng), Secret::draw(&rng), Once::draw(&rng));
    let mut sealer = Sealer::new(&key, Some(&salt), &once);
    let bounds = [b"one", b"two"].map(|context| Bound::new(b"", context));
    let [one, two] = bounds.each_ref().map(|bound| sealer.seal(bound, b"same").unwrap());
    assert_eq!(one[..SALT_BYTES], two[..SALT_BYTES]);
    for (part, length) in [(SALT_BYTES, COMMITMENT_BYTES), (OVERHEAD_BYTES - TAG_BYTES, 4)] {
        assert_ne!(one[part..][..length], two[part..][..length]);
    }
    let [first, second] = bounds.each_ref().map(|bound| sealer.prove_empty(bound));
    assert_ne!(first, second);
    // What was sealed among others opens alone.
    for (bound, sealed, proof) in [(&bounds[0], one, first), (&bounds[1], two, second)] {
        let under = under(&key, Some(&salt), bound);
        assert_eq!(open(under, &sealed).unwrap(), b"same");
        assert_eq!(check_empty(under, &proof[..].try_into().unwrap()), Ok(()));
    }
}

/// By the page of the module, with nothing of what implements it.
#[test]
fn keys_follow_as_the_page_says() {
    let (key, second) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    let block = |second: [u8; 32], salt: &[u8], number: u8| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&[1; 32]).unwrap();
        mac.update(&[&second[..], salt, b"bulla vault seal", b"\x02", b"context", &[number]].concat());
        mac.finalize().into_bytes()
    };
    let bound = Bound::new(b"\x02", b"context");
    for (salt, bytes) in [(Some(&second), [2; 32]), (None, [0; 32])] {
        let under = under(&key, salt, &bound);
        let sealed = seal(under, b"hello", &SeededRng::new(7)).unwrap();
        let (salt, rest) = sealed[1..].split_at(16);
        assert_eq!(rest[..16], block(bytes, salt, 2)[..16]);
        let mut value = b"hello".to_vec();
        let tag = Aes256Gcm::new_from_slice(&block(bytes, salt, 1))
            .unwrap()
            .encrypt_inout_detached(&Nonce::default(), b"\x02context", InOutBuf::from(&mut value[..]))
            .unwrap();
        assert_eq!(rest[16..], [&value[..], &tag].concat());
        assert_eq!(prove(under), block(bytes, &[0; 16], 3)[..16]);
    }
}

/// Pins the form: what was sealed once must open for ever.
#[test]
fn the_sealed_form_stays_as_it_is() {
    let (key, salt) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    let bound = Bound::new(b"\x02", b"context");
    let under = under(&key, Some(&salt), &bound);
    let sealed = seal(under, b"hello", &SeededRng::new(7)).unwrap();
    let printed = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(printed(&sealed), PINNED);
    assert_eq!(open(under, &sealed[1..]).unwrap(), b"hello");
    assert_eq!(printed(&prove(under)), PINNED_PROOF);
}

const PINNED: &str = concat!(
    "02",
    "e8dd943d366caae7beb706c6ae668eff",
    "6a9ef6ea32c37625eb7cb26eb244fece",
    "fa7505e2c6",
    "09812d3db521c37425d19737735b23a8",
);

const PINNED_PROOF: &str = "ed38db06992f5dbf16a00c1d31c09728";

#[test]
#[cfg(target_os = "linux")]
fn a_key_that_is_used_once_is_not_left_on_the_stack() {
    use crate::stack_inspection::{after, holds};

    let rng = SeededRng::new(1);
    let (key, bound) = (Secret::draw(&rng), Bound::new(b"head", b"context"));
    let (under, mut sealed) = (under(&key, None, &bound), Vec::new());
    let sealing = after(|| sealed = seal(under, b"a secret", &rng).unwrap());
    let opening = after(|| super::open(under, &sealed[4..], <[u8]>::len).unwrap());
    let opening_with_a_trace = after(|| open(under, &sealed[4..]).unwrap());
    let itself = key_of(under, &sealed[4..]);
    assert!(!holds(&sealing, &itself) && !holds(&opening, &itself));
    // Elsewhere the compiler may leave nothing by itself.
    let seen = holds(&opening_with_a_trace, &itself);
    assert!(seen || !cfg!(target_arch = "x86_64"), "what is left is not seen");
}

#[test]
fn hash_state_of_a_key_does_not_print() {
    let keyed = Keyed::new(&Secret::from_bytes([7; 32]));
    assert_eq!(format!("{:?} {keyed:?}", keyed.prefix(None, &NO_SALT)), "Prefix(…) Keyed(…)");
}
