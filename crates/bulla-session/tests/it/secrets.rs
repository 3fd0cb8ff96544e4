//! Secrets do not print.

use bulla_session::*;

use crate::test_device::{NOW, TestDevice};

#[test]
fn secrets_do_not_print() {
    let (mut alice, mut bob) = TestDevice::pair();
    let identity = format!("{:?}", alice.identity());
    assert!(identity.starts_with("IdentityKey(") && identity.len() == 23, "{identity}");

    let private = alice.party.identity().private();
    assert_eq!(format!("{private:?}"), "PrivateKey(..)");
    let shared = private.agree(bob.identity().public()).unwrap();
    assert_eq!(format!("{shared:?}"), "Secret<32>(..)");
    assert_eq!(
        format!("{:?}", alice.party),
        format!(
            "LocalIdentity {{ identity: IdentityKeyPair {{ public: {identity}, .. }}, \
             registration: RegistrationId(1) }}"
        )
    );
    let one_time = format!("{:?}", bob.prekeys.one_time.values().next().unwrap());
    assert!(
        one_time.starts_with("OneTimePreKey { id: OneTimePreKeyId(1), pair: KeyPair { public: PublicKey(")
    );
    assert!(one_time.ends_with("..), .. } }"), "{one_time}");
    let kyber = format!("{:?}", bob.prekeys.kyber);
    assert!(kyber.contains("pair: KyberKeyPair { public: KyberPublicKey("), "{kyber}");
    assert!(kyber.len() < 200, "{kyber}");

    let bob_prints = format!("{:?}", bob.identity());
    assert_eq!(
        format!("{:?}", alice.sessions),
        format!("Sessions {{ peer: Some({bob_prints}), unacknowledged: true, archived: 0, .. }}")
    );
    let sealed = std::mem::take(&mut alice.sessions).seal(b"hush", None, NOW, &mut alice.rng).unwrap();
    assert!(format!("{sealed:?}").ends_with("message: PreKey(1758 bytes) }"), "{sealed:?}");
    let opened = Sessions::new()
        .open(&bob.party, &sealed.message, None, Trust::Anyone, &bob.prekeys, &mut bob.rng)
        .unwrap();
    let prints = format!("{opened:?}");
    assert!(prints.contains("plaintext_bytes: 4") && !prints.contains("104, 117"), "{prints}");
}
