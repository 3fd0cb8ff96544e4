use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// A key as HMAC takes one of any length.
fn keyed(key: &[u8]) -> Keyed {
    let mut block = [0; 32];
    if key.len() > 64 {
        block.copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    Keyed::new(&block)
}

fn mac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    keyed(key).authenticate(message, &mut out);
    out
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty() && pairs.len() == N, "not so many bytes");
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    bytes
}

#[test]
fn the_salt_that_is_written_down_is_that_of_32_zeros() {
    let computed = Keyed::new(&[0; 32]);
    assert_eq!((computed.inner, computed.outer), (UNSALTED.inner, UNSALTED.outer));
}

#[test]
fn hmac_gives_what_rfc_4231_says() {
    let counted: Vec<u8> = (1..=25).collect();
    let long = b"This is a test using a larger than block-size key and a larger than block-size data. \
        The key needs to be hashed before being used by the HMAC algorithm.";
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], long, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, message, expected) in cases {
        assert_eq!(mac(key, &[message]), hex(expected));
    }
}

#[test]
fn hkdf_gives_what_rfc_5869_says() {
    let counted = |bytes: std::ops::RangeInclusive<u8>| bytes.collect::<Vec<u8>>();
    let mut out = [0; 42];
    keyed(&counted(0..=12)).derive(&[0x0b; 22], &[&counted(0xf0..=0xf9)], &mut out);
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(out, hex(expected));

    let mut out = [0; 82];
    keyed(&counted(0x60..=0xaf)).derive(&counted(0..=0x4f), &[&counted(0xb0..=0xff)], &mut out);
    let expected = "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
        59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87";
    assert_eq!(out, hex(expected));

    let mut out = [0; 42];
    UNSALTED.derive(&[0x0b; 22], &[], &mut out);
    let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(out, hex(expected));
}

#[test]
fn messages_of_every_length_are_padded_as_the_crate_pads_them() {
    let message = [0x5a; 300];
    for length in 0..message.len() {
        let expected = Hmac::<Sha256>::new_from_slice(&[3; 32]).unwrap().chain_update(&message[..length]);
        assert_eq!(mac(&[3; 32], &[&message[..length]])[..], expected.finalize().into_bytes()[..]);
    }
}

/// Lengths on both sides of where a second block begins, and outputs of one key, of two, and of parts of one.
#[test]
fn what_is_derived_for_known_lengths_is_what_is_derived_for_any() {
    fn check<const I: usize, const N: usize>() {
        let (salt, secret, info) = (Keyed::new(&[3; 32]), [0x5a; 32], [0xc3; I]);
        let (mut short, mut any) = ([0; N], [0; N]);
        salt.derive_short(&secret, &info, &mut short);
        salt.derive(&secret, &[&info], &mut any);
        assert_eq!(short, any, "{N} bytes for {I}");
    }
    check::<0, 16>();
    check::<22, 32>();
    check::<22, 33>();
    check::<23, 64>();
    check::<35, 80>();
    check::<54, 96>();

    fn mac<const N: usize>() {
        let (key, message) = (Keyed::new(&[3; 32]), [0x5a; N]);
        let (mut short, mut any) = ([0; 32], [0; 32]);
        key.authenticate_short(&message, &mut short);
        key.authenticate(&[&message], &mut any);
        assert_eq!(short, any, "{N} bytes");
    }
    mac::<0>();
    mac::<1>();
    mac::<32>();
    mac::<55>();
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_and_what_was_hashed_are_gone_when_they_are_dropped() {
    use crate::wiped_bytes::behind::{dropped, holds};

    assert!(!holds(&dropped(Keyed { inner: [0xa7a7_a7a7; 8], outer: [0xa7a7_a7a7; 8] }), 0xa7));
    let mut stream = Stream::new();
    stream.begin(&[0xa7a7_a7a7; 8]);
    stream.absorb(&[0xa7; 40]);
    assert!(!holds(&dropped(stream), 0xa7));
}

proptest! {
    #[test]
    fn hmac_is_the_crates_however_the_message_is_cut(
        key: [u8; 32], parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6),
    ) {
        let expected = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(parts.concat());
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(&mac(&key, &parts)[..], &expected.finalize().into_bytes()[..]);
    }

    #[test]
    fn hkdf_is_the_crates(
        salt: [u8; 32],
        secret in proptest::collection::vec(any::<u8>(), 0..200),
        info in proptest::collection::vec(any::<u8>(), 0..200),
        cut: prop::sample::Index,
    ) {
        let (mut expected, mut out) = ([0; 96], [0; 96]);
        Hkdf::<Sha256>::new(Some(&salt), &secret).expand(&info, &mut expected).unwrap();
        let (first, second) = info.split_at(cut.index(info.len() + 1));
        Keyed::new(&salt).derive(&secret, &[first, second], &mut out);
        prop_assert_eq!(out, expected);
        let (mut expected, mut out) = ([0; 80], [0; 80]);
        Hkdf::<Sha256>::new(None, &secret).expand(&info, &mut expected).unwrap();
        UNSALTED.derive(&secret, &[first, second], &mut out);
        prop_assert_eq!(out, expected);
    }
}
