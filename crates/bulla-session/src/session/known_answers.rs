//! What PQXDH and the first ratchet step agree on, beside what the official library agreed on.
//!
//! The rest of the vectors is checked from outside, in `tests/it/vectors.rs`.

use serde_json::Value;

use super::chain::RootKey;
use crate::identity::{IdentityKey, IdentityKeyPair};
use crate::key::{PrivateKey, PublicKey, Signature};
use crate::kyber::KyberKeyPair;
use crate::local_identity::LocalIdentity;
use crate::message::PreKeySignalMessage;
use crate::numeric_ids::{KyberPreKeyId, RegistrationId, SignedPreKeyId};
use crate::pqxdh;
use crate::prekey::{KyberPreKey, OneTimePreKey, SignedPreKey};
use crate::time::UnixMillis;

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/libsignal-client-0.103.0/vectors.json");

/// The file `SIGNAL_VECTORS` names, or the crate's own.
pub(super) fn vectors() -> Value {
    let path = std::env::var("SIGNAL_VECTORS").unwrap_or_else(|_| OWN.to_owned());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn bytes(value: &Value, field: &str) -> Vec<u8> {
    let (pairs, _) = value[field].as_str().unwrap_or_default().as_bytes().as_chunks::<2>();
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(super) fn private(value: &Value, field: &str) -> PrivateKey {
    PrivateKey::from_bytes(&bytes(value, field)).unwrap()
}

#[test]
fn the_responder_agrees_on_what_the_official_initiator_agreed_on() {
    let vectors = vectors();
    let cases = vectors["one_sided_sessions"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let (bob, state) = (&case["bob"], &case["alice_state_after_bundle"]);
        let wire = bytes(&case["messages"][0], "bytes");
        let message = PreKeySignalMessage::parse(&wire).unwrap();
        let ids = message.ids();

        let identity = IdentityKeyPair::from(private(bob, "identity_private"));
        let party = LocalIdentity::new(identity, RegistrationId::new(1));
        let unsigned = Signature::from_bytes(&[0; 64]).unwrap();
        let made = UnixMillis::new(0);
        let signed = private(bob, "signed_pre_key_private");
        let signed = SignedPreKey::from_private(SignedPreKeyId::new(1), signed, unsigned, made);
        let kyber = KyberKeyPair::from_secret_bytes(&bytes(bob, "kyber_pre_key_secret")).unwrap();
        let kyber = KyberPreKey::from_pair(KyberPreKeyId::new(1), kyber, unsigned, made);
        let one_time =
            ids.one_time.map(|id| OneTimePreKey::from_private(id, private(bob, "pre_key_private")));
        let alice = IdentityKey::from_bytes(&bytes(&case["alice"], "identity_public")).unwrap();

        let agreed = pqxdh::respond(
            &party,
            &signed,
            &kyber,
            one_time.as_ref(),
            &alice,
            &ids.base_key,
            message.kyber_ciphertext(),
        )
        .unwrap();
        assert_eq!(agreed.auth_key.expose().as_slice(), bytes(state, "spqr_auth_key"));

        let their = PublicKey::from_bytes(&bytes(state, "sender_ratchet_public")).unwrap();
        let shared = signed.pair().private.agree(&their).unwrap();
        let (root, chain) = RootKey(agreed.root).step(&shared);
        assert_eq!(root.0.expose().as_slice(), bytes(state, "root_key"));
        assert_eq!(chain.0.expose().as_slice(), bytes(state, "sender_chain_key"));
    }
    println!("one_sided_sessions: {} agreements checked", cases.len());
}
