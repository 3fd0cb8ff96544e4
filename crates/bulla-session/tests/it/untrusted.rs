//! What strangers can do, and what they learn.

use bulla_session::error::MessageError;
use bulla_session::*;
use proptest::prelude::*;

use crate::test_device::{NOW, TestDevice};

fn address(last: u8, device: u8) -> ServiceAddress {
    let mut uuid = [0; 16];
    uuid[15] = last;
    ServiceAddress::new(ServiceKind::Account, uuid, DeviceId::new(device).unwrap())
}

#[test]
fn no_session_starts_with_an_untrusted_identity() {
    let (mut alice, mut bob, mallory) = (TestDevice::new(1), TestDevice::new(2), TestDevice::new(3));
    alice.trusted = Some(mallory.identity());
    let failed = Sessions::new()
        .initiate(&alice.party, &bob.bundle(), Trust::Only(&mallory.identity()), NOW, &mut alice.rng)
        .unwrap_err();
    assert_eq!(*failed.error(), InitiateError::UntrustedIdentity);
    assert!(failed.into_sessions().is_empty());

    alice.trusted = None;
    alice.meet(&bob);
    let message = alice.say(b"hello");
    bob.trusted = Some(mallory.identity());
    assert_eq!(bob.hear(&message), Err(OpenError::UntrustedIdentity { identity: alice.identity() }));
    bob.trusted = Some(alice.identity());
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
}

#[test]
fn no_session_advances_for_an_identity_that_lost_its_trust() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let message = alice.say(b"hello");
    bob.trusted = Some(TestDevice::new(3).identity());
    assert_eq!(bob.hear(&message), Err(OpenError::UntrustedIdentity { identity: alice.identity() }));
}

#[test]
fn a_changed_identity_is_reported() {
    let (_, mut bob) = TestDevice::acquainted();
    let mut reinstalled = TestDevice::new(3);
    reinstalled.meet(&bob);
    let message = reinstalled.say(b"new phone");
    let heard = bob.hear_all(&message).unwrap();
    assert!(heard.identity_changed);
    assert_eq!(heard.identity, reinstalled.identity());
    assert_eq!(bob.sessions.peer_identity(), Some(&reinstalled.identity()));
    assert_eq!(bob.sessions.peer_registration(), Some(RegistrationId::new(3)));
}

#[test]
fn a_bundle_has_to_be_signed_by_its_identity() {
    let (alice, bob, mallory) = (TestDevice::new(1), TestDevice::new(2), TestDevice::new(3));
    let (genuine, forged) = (bob.bundle(), mallory.bundle());
    for (signed, kyber) in [(&forged, &genuine), (&genuine, &forged)] {
        let ((id, key, signature), (kyber_id, kyber_key, kyber_signature)) = (signed.signed(), kyber.kyber());
        let bundle = PreKeyBundle::from_parts(
            genuine.registration(),
            genuine.device(),
            None,
            (id, &key.to_bytes(), signature.as_bytes()),
            (kyber_id, kyber_key.as_bytes(), kyber_signature.as_bytes()),
            &genuine.identity().to_bytes(),
        )
        .unwrap();
        let mut rng = TestDevice::new(1).rng;
        let failed =
            Sessions::new().initiate(&alice.party, &bundle, Trust::Anyone, NOW, &mut rng).unwrap_err();
        assert!(matches!(failed.error(), InitiateError::Signature(_)));
    }
}

#[test]
fn a_bundles_part_of_the_wrong_length_is_named() {
    let bundle = TestDevice::new(2).bundle();
    let ((id, key, signature), (kyber_id, kyber, kyber_signature)) = (bundle.signed(), bundle.kyber());
    let error = PreKeyBundle::from_parts(
        bundle.registration(),
        bundle.device(),
        Some((OneTimePreKeyId::new(1), &[5; 32])),
        (id, &key.to_bytes(), signature.as_bytes()),
        (kyber_id, kyber.as_bytes(), kyber_signature.as_bytes()),
        &bundle.identity().to_bytes(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "one-time prekey has 32 bytes instead of 33");
}

#[test]
fn a_missing_prekey_is_named_and_tried_again_when_it_is_there() {
    let (mut alice, mut bob) = TestDevice::pair();
    let message = alice.say(b"hello");
    let kept = std::mem::take(&mut bob.prekeys.one_time);
    let missing = MissingPreKey::OneTime(OneTimePreKeyId::new(1));
    assert_eq!(bob.hear(&message), Err(OpenError::MissingPreKey(missing)));
    bob.prekeys.one_time = kept;
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
}

#[test]
fn messages_that_start_a_session_stay_between_the_addresses_they_were_sealed_for() {
    let bound = |local, remote| Some(Addresses::new(local, remote));
    let (mut alice, mut bob) = TestDevice::pair();
    alice.addresses = bound(address(1, 1), address(2, 1));
    let message = alice.say(b"hello");
    let view = message::PreKeySignalMessage::parse(&message.bytes).unwrap();
    assert_eq!(view.message().addresses().map(<[u8]>::len), Some(36));

    for wrong in [
        None,
        bound(address(1, 1), address(2, 1)),
        bound(address(2, 2), address(1, 1)),
        bound(address(2, 1), address(1, 2)),
        bound(address(2, 1), address(3, 1)),
    ] {
        bob.addresses = wrong;
        assert_eq!(bob.hear(&message), Err(OpenError::Undecipherable));
    }
    bob.addresses = bound(address(2, 1), address(1, 1));
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
    let answer = bob.say(b"hello yourself");
    let view = message::SignalMessage::parse(&answer.bytes).unwrap();
    assert_eq!(view.addresses(), None);
    assert_eq!(alice.hear(&answer).unwrap(), b"hello yourself");
    // Unbound messages are accepted by those who could check a binding.
    let (mut alice, mut bob) = TestDevice::pair();
    bob.addresses = bound(address(2, 1), address(1, 1));
    let message = alice.say(b"hello");
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
}

#[test]
fn a_message_outside_the_post_quantum_ratchet_is_refused_as_such() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let message = alice.say(b"hello");
    // Version, ratchet key, two numbers and one block of ciphertext precede field 5; the MAC is the last.
    let (field, mac) = (1 + 35 + 2 + 2 + 18, message.bytes.len() - 8);
    assert_eq!(message.bytes[field], 0x2A);
    let with = |bytes: &[u8]| {
        let mut altered = message.clone();
        altered.bytes.splice(field..mac, bytes.iter().copied());
        altered
    };
    for outside in [with(&[]), with(&[0x2A, 0]), with(&[0x2A, 4, 0, 1, 2, 0]), with(&[0x2A, 4, 2, 1, 2, 0])] {
        assert_eq!(bob.hear(&outside), Err(OpenError::PostQuantumRatchet));
    }
    // What is wrong with one that is inside is not told.
    for inside in [with(&[0x2A, 1, 1]), with(&[0x2A, 4, 1, 1, 0, 0]), with(&[0x2A, 4, 1, 9, 2, 0])] {
        assert_eq!(bob.hear(&inside), Err(OpenError::Undecipherable));
    }
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
}

#[test]
fn every_altered_bit_of_a_message_is_noticed() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let message = alice.say(b"hello");
    for bit in 0..message.bytes.len() * 8 {
        let mut altered = message.clone();
        altered.bytes[bit / 8] ^= 1 << (bit % 8);
        let error = bob.hear(&altered).unwrap_err();
        let silent = matches!(
            error,
            OpenError::Undecipherable
                | OpenError::Malformed(_)
                | OpenError::TooFarAhead { .. }
                | OpenError::PostQuantumRatchet
        );
        assert!(silent, "bit {bit}: {error:?}");
    }
    assert_eq!(bob.hear(&message).unwrap(), b"hello");
}

#[test]
fn versions_other_than_4_are_refused() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let mut message = alice.say(b"hello");
    for (byte, error) in [
        (0x24, MessageError::TooOld { found: 2 }),
        (0x34, MessageError::TooOld { found: 3 }),
        (0x54, MessageError::Unknown { found: 5 }),
    ] {
        message.bytes[0] = byte;
        assert_eq!(bob.hear(&message), Err(OpenError::Malformed(error)));
    }
    message.bytes[0] = 0x45;
    assert_eq!(bob.hear(&message), Err(OpenError::Undecipherable), "the MAC covers the low half");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in any::<bool>()) {
        let (_, mut bob) = TestDevice::acquainted();
        let mut bytes = bytes;
        if let (true, Some(first)) = (start, bytes.first_mut()) {
            *first = 0x44;
        }
        prop_assert!(PreKeyIds::peek(&bytes).is_err());
        for kind in [MessageKind::Signal, MessageKind::PreKey] {
            prop_assert!(bob.hear(CiphertextRef::new(kind, &bytes)).is_err());
        }
        prop_assert!(IdentityKeyPair::from_bytes(&bytes).is_err());
        prop_assert!(OneTimePreKey::from_record(&bytes).is_err());
    }
}
