//! Dialogues of two official devices, played again as one of them.
//!
//! What the device drew is handed out in place of randomness, so everything it sent has to come out byte for
//! byte. Of a key pair of the post-quantum ratchet the drawn seed is not known, only the pair, which is
//! handed in itself.

use std::collections::VecDeque;

use bulla_spqr::KeyPair;
use serde_json::Value;

use super::Sessions;
use super::known_answers::{bytes, private, vectors};
use crate::identity::IdentityKeyPair;
use crate::key::Signature;
use crate::kyber::KyberKeyPair;
use crate::local_identity::LocalIdentity;
use crate::message::{CiphertextRef, MessageKind};
use crate::numeric_ids::{DeviceId, KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
use crate::prekey::{KyberPreKey, LoadedPreKeys, OneTimePreKey, SignedPreKey};
use crate::service_address::{Addresses, ServiceAddress, ServiceKind};
use crate::time::{UnixMillis, UnixSeconds};
use crate::trust::Trust;

/// Hands out what was drawn once, in pieces of the size they were drawn in.
struct Recorded(VecDeque<Vec<u8>>);

impl rand_core::TryRng for Recorded {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        panic!("a number was drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        panic!("a number was drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        let drawn = self.0.pop_front().expect("more was drawn than is recorded");
        out.copy_from_slice(&drawn);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Recorded {}

fn number(value: &Value, field: &str) -> u32 {
    u32::try_from(value[field].as_u64().unwrap()).unwrap()
}

fn address(party: &Value) -> Option<ServiceAddress> {
    let uuid = u128::from_str_radix(&party["address"].as_str()?.replace('-', ""), 16).ok()?;
    let device = DeviceId::new(u8::try_from(number(party, "device_id")).unwrap()).unwrap();
    Some(ServiceAddress::new(ServiceKind::Account, uuid.to_be_bytes(), device))
}

fn owner(bob: &Value) -> (LocalIdentity, LoadedPreKeys) {
    let identity = IdentityKeyPair::from(private(bob, "identity_private"));
    let unsigned = Signature::from_bytes(&[0; 64]).unwrap();
    let made = UnixMillis::new(0);
    let signed = private(bob, "signed_pre_key_private");
    let kyber = KyberKeyPair::from_secret_bytes(&bytes(bob, "kyber_pre_key_secret")).unwrap();
    let mut prekeys = LoadedPreKeys::default();
    let id = SignedPreKeyId::new(number(bob, "signed_pre_key_id"));
    prekeys.signed = Some(SignedPreKey::from_private(id, signed, unsigned, made));
    let id = KyberPreKeyId::new(number(bob, "kyber_pre_key_id"));
    prekeys.kyber = Some(KyberPreKey::from_pair(id, kyber, unsigned, made));
    if bob["pre_key_private"].is_string() {
        let id = OneTimePreKeyId::new(number(bob, "pre_key_id"));
        prekeys.one_time = Some(OneTimePreKey::from_private(id, private(bob, "pre_key_private")));
    }
    (LocalIdentity::new(identity, RegistrationId::new(number(bob, "registration_id"))), prekeys)
}

#[test]
fn the_official_dialogues_come_out_byte_for_byte() {
    let vectors = vectors();
    let cases = vectors["two_sided"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let (party, prekeys) = owner(&case["bob"]);
        let addresses =
            address(&case["bob"]).and_then(|local| Some(Addresses::new(local, address(&case["alice"])?)));
        let mut sessions = Sessions::new();
        let (mut sent, mut received, mut most) = (0, 0, 0);
        for (place, event) in case["events"].as_array().unwrap().iter().enumerate() {
            // Some events, such as a loss, carry no message.
            if event.get("bytes").is_none() {
                continue;
            }
            let (wire, text) = (bytes(event, "bytes"), bytes(event, "plaintext"));
            let drawn = ["new_ratchet_private", "mlkem_m"];
            let drawn = drawn.iter().filter(|field| event[**field].is_string());
            let mut rng = Recorded(drawn.map(|field| bytes(event, field)).collect());
            if event["op"] == "recv" {
                let kind = MessageKind::from_code(u8::try_from(number(event, "type")).unwrap()).unwrap();
                let message = CiphertextRef::new(kind, &wire);
                let opened = sessions
                    .open(&party, message, addresses.as_ref(), Trust::Anyone, &prekeys, &mut rng)
                    .unwrap_or_else(|failed| panic!("event {place}: {failed}"));
                assert_eq!(opened.plaintext, text, "event {place}");
                sessions = opened.sessions;
                received += 1;
            } else {
                if event["mlkem_dk"].is_string() {
                    let ratchet = sessions.current.as_mut().unwrap().post_quantum.ratchet_mut();
                    assert!(ratchet.wants_key_pair(), "event {place}");
                    ratchet.prepare(KeyPair::from_bytes(
                        bytes(event, "mlkem_dk").as_slice().try_into().unwrap(),
                    ));
                }
                let sealed = sessions
                    .seal(&text, addresses.as_ref(), UnixSeconds::new(0), &mut rng)
                    .unwrap_or_else(|failed| panic!("event {place}: {failed}"));
                assert_eq!(u32::from(sealed.message.kind.code()), number(event, "type"), "event {place}");
                assert_eq!(sealed.message.bytes, wire, "event {place}");
                sessions = sealed.sessions;
                sent += 1;
            }
            assert!(rng.0.is_empty(), "event {place}: less was drawn than is recorded");
            if let Some(epoch) = event["after"]["spqr_epoch"].as_u64() {
                let ratchet = sessions.current.as_mut().unwrap().post_quantum.ratchet_mut();
                assert_eq!(ratchet.epoch(), epoch, "event {place}");
            }
            let stored = sessions.to_bytes().unwrap();
            most = most.max(stored.len());
            sessions = Sessions::from_bytes(&stored).unwrap();
        }
        assert!(sent > 0 && received > 0);
        println!(
            "two_sided, {}: {received} opened, {sent} sealed byte for byte, record at most {most} bytes",
            case["name"]
        );
    }
}
