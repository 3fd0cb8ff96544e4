//! Keys, signatures, records and fingerprints.

use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use super::bytes::{bytes, number, text};

pub(crate) fn xeddsa(case: &Value) {
    let public = PublicKey::from_bytes(&bytes(case, "public")).unwrap();
    let message = bytes(case, "message");
    let valid = Signature::from_bytes(&bytes(case, "signature"))
        .is_ok_and(|signature| public.verify(&message, &signature).is_ok());
    assert_eq!(valid, case["valid"].as_bool().unwrap(), "{}", case["note"]);

    if case.get("private").is_some() {
        let private = PrivateKey::from_bytes(&bytes(case, "private")).unwrap();
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let signature = private.sign(&message, &mut rng);
        assert!(private.public().verify(&message, &signature).is_ok());
        assert!(private.public().verify(b"another message", &signature).is_err());
    }
}

pub(crate) fn agreement(case: &Value) {
    for (mine, theirs) in [("a", "b"), ("b", "a")] {
        let private = PrivateKey::from_bytes(&bytes(case, &format!("private_{mine}"))).unwrap();
        assert_eq!(private.public().to_bytes().as_slice(), bytes(case, &format!("public_{mine}")));
        let public = PublicKey::from_bytes(&bytes(case, &format!("public_{theirs}"))).unwrap();
        assert_eq!(private.agree(&public).unwrap().expose().as_slice(), bytes(case, "shared"));
    }
}

pub(crate) fn private_key_import(case: &Value) {
    let private = PrivateKey::from_bytes(&bytes(case, "input")).unwrap();
    assert_eq!(private.expose().as_slice(), bytes(case, "serialized"));
    assert_eq!(private.public().to_bytes().as_slice(), bytes(case, "public"));
}

pub(crate) fn identity(case: &Value) {
    let pair = IdentityKeyPair::from_bytes(&bytes(case, "serialized")).unwrap();
    assert_eq!(pair.to_bytes().as_slice(), bytes(case, "serialized"));
    assert_eq!(pair.public().to_bytes().as_slice(), bytes(case, "public"));
    assert_eq!(pair.private().expose().as_slice(), bytes(case, "private"));

    let other = IdentityKey::from_bytes(&bytes(case, "alternate_public")).unwrap();
    let signature = Signature::from_bytes(&bytes(case, "alternate_signature")).unwrap();
    assert!(pair.public().verify_alternate(&other, &signature).is_ok());
    assert!(pair.public().verify_alternate(pair.public(), &signature).is_err());
    let signature = pair.sign_alternate(&other, &mut ChaCha20Rng::from_seed([9; 32]));
    assert!(pair.public().verify_alternate(&other, &signature).is_ok());
}

pub(crate) fn records(case: &Value) {
    for (kind, case) in case.as_object().unwrap() {
        let stored = bytes(case, "serialized");
        let again = match kind.as_str() {
            "pre_key" => {
                let prekey = OneTimePreKey::from_record(&stored).unwrap();
                assert_eq!(prekey.id().value(), number::<u32>(case, "id"));
                assert_eq!(prekey.public().to_bytes().as_slice(), bytes(case, "public"));
                let private = PrivateKey::from_bytes(&bytes(case, "private")).unwrap();
                let made = OneTimePreKey::from_private(prekey.id(), private);
                assert_eq!(made.to_record().as_slice(), stored);
                prekey.to_record()
            }
            "signed_pre_key" => {
                let prekey = SignedPreKey::from_record(&stored).unwrap();
                assert_eq!(prekey.id().value(), number::<u32>(case, "id"));
                assert_eq!(prekey.created().value(), number::<u64>(case, "timestamp"));
                assert_eq!(prekey.signature().as_bytes().as_slice(), bytes(case, "signature"));
                prekey.to_record()
            }
            "kyber_pre_key" => {
                let prekey = KyberPreKey::from_record(&stored).unwrap();
                assert_eq!(prekey.id().value(), number::<u32>(case, "id"));
                assert_eq!(prekey.created().value(), number::<u64>(case, "timestamp"));
                assert_eq!(prekey.signature().as_bytes().as_slice(), bytes(case, "signature"));
                assert_eq!(prekey.public().as_bytes().as_slice(), bytes(case, "public"));
                let pair = KyberKeyPair::from_secret_bytes(&bytes(case, "secret")).unwrap();
                assert_eq!(pair.public(), prekey.public());
                prekey.to_record()
            }
            other => panic!("nothing is known of records of kind {other}"),
        };
        assert_eq!(again.as_slice(), stored);
    }
}

pub(crate) fn fingerprint(case: &Value) {
    let party = |side: &str| {
        let key = IdentityKey::from_bytes(&bytes(case, &format!("{side}_key"))).unwrap();
        (bytes(case, &format!("{side}_id")), key)
    };
    let ((local_id, local_key), (remote_id, remote_key)) = (party("local"), party("remote"));
    let (local, remote) = ((local_id.as_slice(), &local_key), (remote_id.as_slice(), &remote_key));
    let (iterations, version) = (number(case, "iterations"), number(case, "version"));
    let ours = Fingerprint::new(iterations, version, local, remote).unwrap();
    let theirs = Fingerprint::new(iterations, version, remote, local).unwrap();
    assert_eq!(ours.digits(), text(case, "displayable"));
    assert_eq!(theirs.digits(), ours.digits());
    assert_eq!(ours.scannable(), bytes(case, "scannable_local"));
    let same = ours.matches(&bytes(case, "scannable_remote")).unwrap();
    assert_eq!(same, case["compare"].as_bool().unwrap());
    assert!(!ours.matches(&ours.scannable()).unwrap(), "our own code is not the other side's");
}
