//! What is stored, loaded and stored again.

use bulla_session::{IdentityKeyPair, KyberPreKey, OneTimePreKey, Sessions, SignedPreKey};

use super::device::{Device, Plain};
use crate::layout::{Layout, hide_kyber};
use crate::secret::{hidden, hide_private, reveal, reveal_shape};

/// An identity and the three sorts of prekey.
pub(super) fn keys() -> usize {
    let Device { local, signed, kyber, one_time } = Device::plain(40);
    let curve = |bytes: &mut [u8]| hide_private(bytes.first_chunk_mut().unwrap());
    let identity = local.identity();
    again(&identity.to_bytes(), identity.private().expose(), 32, curve, |bytes| {
        reveal_shape(IdentityKeyPair::from_bytes(bytes).map(Box::new)).unwrap().to_bytes().to_vec()
    });
    // A prekey's record says {id, public key, private key, …}: its private key stands behind the public one.
    let record = signed.to_record();
    again(&record, &behind(&record, &signed.public().to_bytes(), 2, 32), 32, curve, |bytes| {
        reveal_shape(SignedPreKey::from_record(bytes).map(Box::new)).unwrap().to_record().to_vec()
    });
    let record = one_time.to_record();
    again(&record, &behind(&record, &one_time.public().to_bytes(), 2, 32), 32, curve, |bytes| {
        reveal_shape(OneTimePreKey::from_record(bytes).map(Box::new)).unwrap().to_record().to_vec()
    });
    let record = kyber.to_record();
    let secret = behind(&record, kyber.public().as_bytes(), 3, 3169);
    let lattice = |bytes: &mut [u8]| hide_kyber(bytes.first_chunk_mut().unwrap());
    again(&record, &secret, 1536 + 32, lattice, |bytes| {
        reveal_shape(KyberPreKey::from_record(bytes).map(Box::new)).unwrap().to_record().to_vec()
    });
    4
}

/// What follows a public key after tag and length.
fn behind(record: &[u8], public: &[u8], prefix: usize, length: usize) -> Vec<u8> {
    let start = place(record, public) + public.len() + prefix;
    record[start..start + length].to_vec()
}

/// Loads and stores a record with its private key hidden.
fn again(
    record: &[u8],
    private: &[u8],
    secret: usize,
    hide: impl Fn(&mut [u8]),
    load_and_store: impl Fn(&[u8]) -> Vec<u8>,
) {
    let mut bytes = record.to_vec();
    let start = place(record, private);
    hide(&mut bytes[start..]);
    let stored = load_and_store(&bytes);
    assert!(hidden(&stored) >= secret, "the key was not stored");
    reveal(&stored);
    assert_eq!(stored, record);
}

fn place(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

/// A session that waits for an answer, one that talks, one with messages passed over, and one in the archive.
pub(super) fn sessions() -> usize {
    let (mut alice, mut bob) = (Plain::new(1), Plain::new(2));
    alice.meet(&bob.party.bundle(true));
    let hello = alice.seal(b"hello");
    let waiting = alice.sessions.to_bytes().unwrap();
    bob.open(&hello).unwrap();
    let answers: Vec<_> = (0..5).map(|_| bob.seal(b"hello yourself")).collect();
    alice.open(&answers[0]).unwrap();
    let talking = alice.sessions.to_bytes().unwrap();
    alice.open(&answers[4]).unwrap();
    let passed_over = alice.sessions.to_bytes().unwrap();
    let archived = Sessions::from_bytes(&passed_over).unwrap().archive_current().unwrap().to_bytes().unwrap();

    [waiting, talking, passed_over, archived]
        .iter()
        .map(|record| {
            let mut bytes = record.to_vec();
            let layout = Layout::of_sessions(&bytes);
            layout.hide(&mut bytes);
            let stored = reveal_shape(Sessions::from_bytes(&bytes)).unwrap().to_bytes().unwrap();
            layout.assert_hidden(&stored);
            assert_eq!(hidden(&stored), layout.bytes(), "more is hidden than what is secret");
            reveal(&stored);
            assert_eq!(stored.as_slice(), record.as_slice());
        })
        .count()
}
