//! Messages of sessions that run.

use bulla_session::message::SignalMessage;
use bulla_session::{OpenError, Sessions, Trust};

use super::device::{Plain, Secret};

/// Two acquainted devices, the first of them with all its secrets hidden.
fn secret_alice() -> (Secret, Plain) {
    let (alice, bob) = Plain::acquainted();
    (Secret::with_sessions(1, &alice.sessions), bob)
}

pub(super) fn sealing() -> usize {
    let (mut alice, mut bob) = secret_alice();
    (0..8_u8)
        .map(|number| {
            let text = vec![number; 7 * usize::from(number)];
            let message = alice.seal(&text);
            assert_eq!(bob.open(&message).unwrap(), text);
            if number % 2 == 1 {
                // So that the next is sealed in a new chain.
                let answer = bob.seal(b"go on");
                assert_eq!(alice.open(&answer, Trust::Only(bob.party.identity())).unwrap(), b"go on");
            }
        })
        .count()
}

pub(super) fn opening() -> usize {
    let (mut alice, mut bob) = secret_alice();
    (0..8_u8)
        .map(|number| {
            let text = vec![number; 7 * usize::from(number)];
            let message = bob.seal(&text);
            assert_eq!(alice.open(&message, Trust::Only(bob.party.identity())).unwrap(), text);
            if number % 2 == 1 {
                bob.open(&alice.seal(b"go on")).unwrap();
            }
        })
        .count()
}

/// With seeds that are passed over, kept, found and taken out again, in two chains.
pub(super) fn opening_out_of_order() -> usize {
    let (mut alice, mut bob) = secret_alice();
    let mut messages: Vec<_> = (0..4_u8).map(|number| bob.seal(&[number; 40])).collect();
    bob.open(&alice.seal(b"go on")).unwrap();
    messages.extend((4..8_u8).map(|number| bob.seal(&[number; 40])));
    [3_u8, 7, 0, 5, 1, 4, 2, 6]
        .into_iter()
        .map(|number| {
            let text = alice.open(&messages[usize::from(number)], Trust::Only(bob.party.identity())).unwrap();
            assert_eq!(text, [number; 40]);
        })
        .count()
}

pub(super) fn opening_in_archived() -> usize {
    let (mut alice, mut bob) = secret_alice();
    (0..2_u8)
        .map(|number| {
            let archived = Sessions::from_bytes(&alice.record).unwrap().archive_current().unwrap();
            alice.record = archived.to_bytes().unwrap().to_vec();
            let message = bob.seal(&[number; 40]);
            assert_eq!(alice.open(&message, Trust::Only(bob.party.identity())).unwrap(), [number; 40]);
        })
        .count()
}

/// Every byte of the MAC, and places in what it is over.
pub(super) fn opening_forged() -> usize {
    let (mut alice, mut bob) = secret_alice();
    let message = bob.seal(&[7; 40]);
    let body = SignalMessage::parse(&message.bytes).unwrap().ciphertext();
    let start = message.bytes.windows(body.len()).position(|bytes| bytes == body).unwrap();
    let mac = message.bytes.len() - 8..message.bytes.len();
    let forged = mac
        .chain([start, start + 20, start + body.len() - 1])
        .map(|place| {
            let mut forged = message.clone();
            forged.bytes[place] ^= 0x10;
            let opened = alice.open(&forged, Trust::Only(bob.party.identity()));
            assert_eq!(opened, Err(OpenError::Undecipherable));
        })
        .count();
    assert_eq!(alice.open(&message, Trust::Only(bob.party.identity())).unwrap(), [7; 40]);
    forged
}

/// Two devices that know nothing but secrets, from the handshake on and through more than two epochs.
pub(super) fn dialogue() -> usize {
    let (mut alice, mut bob) = (Secret::new(30), Secret::new(31));
    alice.meet(&bob.party.bundle(true), Trust::Only(bob.party.identity()));
    let said = (0..240_u8)
        .map(|number| {
            let text = [number; 20];
            let message = alice.seal(&text);
            assert_eq!(bob.open(&message, Trust::Only(alice.party.identity())).unwrap(), text);
            std::mem::swap(&mut alice, &mut bob);
        })
        .count();
    assert!(alice.epoch() >= 3, "the post-quantum ratchet stands still");
    said
}
