//! What is read besides messages and sessions: prekey records, identities, fingerprints, bundles.

use bulla_session::*;

use crate::test_device::{NOW, TestDevice};

thread_local! {
    static WORLD: std::cell::RefCell<(TestDevice, TestDevice, Fingerprint)> = {
        let (alice, bob) = (TestDevice::new(1), TestDevice::new(2));
        let fingerprint = Fingerprint::new(2, 2, (b"alice", &alice.identity()), (b"bob", &bob.identity())).unwrap();
        std::cell::RefCell::new((alice, bob, fingerprint))
    };
}

/// The first byte says what the others are.
pub(crate) fn check(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 6 {
        0 => {
            if let Ok(read) = OneTimePreKey::from_record(bytes) {
                let again = OneTimePreKey::from_record(&read.to_record()).unwrap();
                assert_eq!((again.id(), again.public()), (read.id(), read.public()));
                assert_eq!(again.to_record(), read.to_record());
            }
        }
        1 => {
            if let Ok(read) = SignedPreKey::from_record(bytes) {
                let again = SignedPreKey::from_record(&read.to_record()).unwrap();
                assert_eq!((again.id(), again.public()), (read.id(), read.public()));
                assert_eq!(again.signature().as_bytes(), read.signature().as_bytes());
                assert_eq!(again.to_record(), read.to_record());
            }
        }
        2 => {
            if let Ok(read) = KyberPreKey::from_record(bytes) {
                let again = KyberPreKey::from_record(&read.to_record()).unwrap();
                assert_eq!((again.id(), again.public()), (read.id(), read.public()));
                assert_eq!((again.created(), again.to_record()), (read.created(), read.to_record()));
            }
        }
        3 => {
            if let Ok(read) = IdentityKeyPair::from_bytes(bytes) {
                let again = IdentityKeyPair::from_bytes(&read.to_bytes()).unwrap();
                assert_eq!(again.public(), read.public());
            }
        }
        4 => WORLD.with_borrow(|(_, _, fingerprint)| {
            // The version is not hidden: that the keys are the right ones is what cannot be had by chance.
            if fingerprint.matches(bytes) == Ok(true) {
                let scannable = fingerprint.scannable();
                let (ours, theirs) = (&scannable[6..38], &scannable[42..74]);
                assert!(bytes.windows(32).any(|part| part == ours));
                assert!(bytes.windows(32).any(|part| part == theirs));
            }
        }),
        _ => bundle(bytes),
    }
}

/// A bundle that a stranger has made and properly signed: identity and keys are anything.
fn bundle(bytes: &[u8]) {
    let Some((identity, rest)) = bytes.split_first_chunk::<32>() else { return };
    let Some((signed, rest)) = rest.split_first_chunk::<32>() else { return };
    let Some((one_time, kyber)) = rest.split_first_chunk::<32>() else { return };
    let typed = |key: &[u8; 32]| [&[5], key.as_slice()].concat();
    let mallory = IdentityKeyPair::from(PrivateKey::from_bytes(identity).unwrap());
    let mut key = vec![8];
    key.extend_from_slice(kyber);
    key.resize(KyberPublicKey::BYTES, 0);
    WORLD.with_borrow_mut(|(alice, bob, _)| {
        let signatures = [typed(signed), key.clone()].map(|key| mallory.sign(&key, &mut alice.rng));
        let made = |signatures: &[Signature; 2]| {
            PreKeyBundle::from_parts(
                RegistrationId::new(1),
                DeviceId::new(1).unwrap(),
                Some((OneTimePreKeyId::new(1), &typed(one_time))),
                (SignedPreKeyId::new(1), &typed(signed), signatures[0].as_bytes()),
                (KyberPreKeyId::new(1), &key, signatures[1].as_bytes()),
                &mallory.public().to_bytes(),
            )
            .unwrap()
        };
        let genuine = made(&signatures);
        genuine.verify().unwrap();
        let begun = Sessions::new().initiate(&alice.party, &genuine, Trust::Anyone, NOW, &mut alice.rng);
        match begun {
            Ok(sessions) => {
                alice.sessions = sessions;
                let message = alice.say(b"hello");
                // It is for whoever made the bundle, not for Bob.
                assert!(bob.hear(&message).is_err());
            }
            Err(failed) => {
                assert!(matches!(failed.error(), InitiateError::Key(_)), "{failed}");
                assert!(failed.into_sessions().is_empty());
            }
        }
        // Signed by the same, but each for the other key.
        let [first, second] = signatures;
        assert!(made(&[second, first]).verify().is_err());
    });
}
