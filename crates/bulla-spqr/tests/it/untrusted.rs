//! What a stranger, or a peer that does not follow the protocol, can do.

use bulla_spqr::Ratchet;
use bulla_spqr::Role;
use bulla_spqr::error::{MessageError, ReceiveError};
use proptest::prelude::*;

use crate::test_peer::TestPeer;

#[test]
fn a_message_without_the_ratchet_is_refused() {
    let (_, bob) = TestPeer::pair();
    assert_eq!(bob.ratchet.receive(&[]).unwrap_err(), ReceiveError::Malformed(MessageError::Absent));
}

#[test]
fn an_epoch_that_has_not_begun_is_refused() {
    let (alice, bob) = TestPeer::pair();
    for end in [alice, bob] {
        let refused = end.ratchet.receive(&[1, 2, 1, 0]).unwrap_err();
        assert_eq!(refused, ReceiveError::Future { epoch: 2, current: 1 });
    }
}

#[test]
fn a_header_of_someone_else_is_refused_when_it_is_complete() {
    let (_, mut bob) = TestPeer::pair();
    let (mut mallory, _) = TestPeer::pair();
    mallory.ratchet = Ratchet::new(Role::Initiator, &[8; 32]);
    for n in 0..3 {
        let (message, _) = mallory.send();
        let result = bob.ratchet.receive(message.as_bytes());
        if n < 2 {
            // The key is another one, so that what is sealed with it would not open; here nobody looks.
            assert!(bob.ratchet.accept(result.unwrap()));
        } else {
            assert_eq!(result.unwrap_err(), ReceiveError::Forged);
        }
    }
}

/// Alters the chunk of every message of one type: how the exchange stops, and in which epoch.
fn altered_in_type(code: u8) -> (ReceiveError, u64) {
    let (mut alice, mut bob) = TestPeer::pair();
    for _ in 0..100 {
        for _ in 0..2 {
            let (message, _) = alice.send();
            let mut bytes = message.as_bytes().to_vec();
            if bytes[3] == code {
                *bytes.last_mut().unwrap() ^= 1;
            }
            match bob.ratchet.receive(&bytes) {
                Ok(received) => assert!(bob.ratchet.accept(received)),
                Err(error) => return (error, bob.ratchet.epoch()),
            }
            std::mem::swap(&mut alice, &mut bob);
        }
    }
    panic!("altered chunks of type {code} were never noticed");
}

/// In the first epoch, where the altered piece is: were a ciphertext's MAC not looked at, the two would agree
/// on different secrets, and only the next epoch's header would tell.
#[test]
fn altered_headers_keys_and_ciphertexts_are_noticed_in_their_own_epoch() {
    for code in [1, 2, 3, 5, 6] {
        assert_eq!(altered_in_type(code), (ReceiveError::Forged, 1), "type {code}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), start in any::<bool>()) {
        let (mut alice, mut bob) = TestPeer::pair();
        alice.talk(&mut bob, 1);
        let mut bytes = bytes;
        if let (true, [version, epoch, ..]) = (start, bytes.as_mut_slice()) {
            (*version, *epoch) = (1, 1);
        }
        let before = alice.ratchet.to_bytes();
        let _ = alice.ratchet.receive(&bytes);
        prop_assert_eq!(alice.ratchet.to_bytes(), before);
    }
}
