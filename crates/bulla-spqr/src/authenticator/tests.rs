//! Each MAC beside the same MAC by other people's HMAC, and what it must not verify.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const EPOCH: u64 = 0x0102_0304_0506_0708;

fn authenticator() -> Authenticator {
    Authenticator::new(&[7; 32])
}

/// HMAC-SHA256 of the `hmac` crate under the same key.
fn peer_mac(authenticator: &Authenticator, message: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(authenticator.mac_key.expose()).unwrap();
    message.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn ciphertext() -> (Box<[u8; CT1_BYTES]>, Box<[u8; CT2_BYTES]>) {
    let byte = |place: usize| u8::try_from(place % 251).unwrap();
    (Box::new(std::array::from_fn(byte)), Box::new(std::array::from_fn(|place| byte(place + 3))))
}

#[test]
fn macs_are_hmac_over_the_label_the_epoch_and_what_they_bind() {
    let (authenticator, (ct1, ct2)) = (authenticator(), ciphertext());
    let header = [5; HEADER_BYTES];
    let expected = peer_mac(&authenticator, &[PROTOCOL, b":ekheader", &EPOCH.to_be_bytes(), &header]);
    assert_eq!(authenticator.header_mac(EPOCH, &header).as_slice(), expected);

    let expected = peer_mac(&authenticator, &[PROTOCOL, b":ciphertext", &EPOCH.to_be_bytes(), &*ct1, &*ct2]);
    assert_eq!(authenticator.ciphertext_mac(EPOCH, &ct1, &ct2).as_slice(), expected);
}

#[test]
fn a_ciphertext_mac_verifies_nothing_else() {
    let (authenticator, (ct1, ct2)) = (authenticator(), ciphertext());
    let mac = authenticator.ciphertext_mac(EPOCH, &ct1, &ct2);
    assert!(authenticator.verifies_ciphertext(EPOCH, &ct1, &ct2, &mac));

    assert!(!authenticator.verifies_ciphertext(EPOCH + 1, &ct1, &ct2, &mac), "another epoch");
    assert!(!Authenticator::new(&[8; 32]).verifies_ciphertext(EPOCH, &ct1, &ct2, &mac), "another session");
    let later = authenticator.updated(2, &[9; 32]);
    assert!(!later.verifies_ciphertext(EPOCH, &ct1, &ct2, &mac), "after the next epoch");
    assert!(!authenticator.verifies_ciphertext(EPOCH, &ct1, &ct2, &[0; MAC_BYTES]), "zeros");
    assert!(!authenticator.verifies_ciphertext(EPOCH, &ct1, &ct2, &mac[..MAC_BYTES - 1]), "cut short");
    assert!(!authenticator.verifies_ciphertext(EPOCH, &ct1, &ct2, &[]), "none");
    for place in 0..MAC_BYTES {
        let mut altered = mac;
        altered[place] ^= 1;
        assert!(!authenticator.verifies_ciphertext(EPOCH, &ct1, &ct2, &altered), "byte {place} of the MAC");
    }
    for place in 0..CT1_BYTES {
        let mut altered = ct1.clone();
        altered[place] ^= 1;
        assert!(!authenticator.verifies_ciphertext(EPOCH, &altered, &ct2, &mac), "byte {place} of part 1");
    }
    for place in 0..CT2_BYTES {
        let mut altered = ct2.clone();
        altered[place] ^= 1;
        assert!(!authenticator.verifies_ciphertext(EPOCH, &ct1, &altered, &mac), "byte {place} of part 2");
    }
}

#[test]
fn a_header_mac_verifies_nothing_else() {
    let authenticator = authenticator();
    let header: [u8; HEADER_BYTES] = std::array::from_fn(|place| u8::try_from(place).unwrap());
    let mac = authenticator.header_mac(EPOCH, &header);
    assert!(authenticator.verifies_header(EPOCH, &header, &mac));

    assert!(!authenticator.verifies_header(EPOCH + 1, &header, &mac), "another epoch");
    assert!(!Authenticator::new(&[8; 32]).verifies_header(EPOCH, &header, &mac), "another session");
    assert!(!authenticator.verifies_header(EPOCH, &header, &[0; MAC_BYTES]), "zeros");
    assert!(!authenticator.verifies_header(EPOCH, &header, &mac[..MAC_BYTES - 1]), "cut short");
    for place in 0..MAC_BYTES {
        let mut altered = mac;
        altered[place] ^= 1;
        assert!(!authenticator.verifies_header(EPOCH, &header, &altered), "byte {place} of the MAC");
    }
    for place in 0..HEADER_BYTES {
        let mut altered = header;
        altered[place] ^= 1;
        assert!(!authenticator.verifies_header(EPOCH, &altered, &mac), "byte {place} of the header");
    }
}

#[test]
fn every_epoch_has_keys_of_its_own() {
    let first = authenticator();
    let (second, other_epoch, other_key) =
        (first.updated(2, &[9; 32]), first.updated(3, &[9; 32]), first.updated(2, &[10; 32]));
    let all = [&first, &second, &other_epoch, &other_key];
    for (n, one) in all.iter().enumerate() {
        assert_ne!(one.root.expose(), one.mac_key.expose(), "{n}");
        for other in &all[n + 1..] {
            assert_ne!(one.root.expose(), other.root.expose(), "{n}");
            assert_ne!(one.mac_key.expose(), other.mac_key.expose(), "{n}");
        }
    }
}
