//! Secrets do not print.

use bulla_spqr::KeyPair;

use crate::test_peer::TestPeer;

#[test]
fn secrets_do_not_print() {
    let (mut alice, bob) = TestPeer::pair();
    assert_eq!(format!("{:?}", alice.ratchet), "Ratchet { role: Initiator, epoch: 1, .. }");
    assert_eq!(format!("{:?}", KeyPair::generate(&mut alice.rng)), "KeyPair(..)");
    let sent = alice.ratchet.send(&mut alice.rng).unwrap();
    assert_eq!(format!("{sent:?}"), "Sent { message: Message(37 bytes), key: Secret<32>(..) }");
    let received = bob.ratchet.receive(sent.message.as_bytes()).unwrap();
    assert_eq!(format!("{received:?}"), "Received { key: Secret<32>(..), .. }");
}
