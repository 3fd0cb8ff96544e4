//! What the official library held and sent, beside what we hold and send.

use serde_json::Value;

use crate::erasure_code::Code;
use crate::kem::KeyPair;
use crate::ml_kem_braid::State;
use crate::ml_kem_braid::offerer::Offerer;
use crate::ratchet::Ratchet;
use crate::role::Role;

const VECTORS: &str = include_str!("../tests/data/libsignal-client-0.103.0/vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let (pairs, rest) = value.as_str().unwrap().as_bytes().as_chunks::<2>();
    assert!(rest.is_empty());
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn ratchet(role: Role, case: &Value) -> Ratchet {
    Ratchet::new(role, &unhex(&case["auth_key"]).try_into().unwrap())
}

/// One who must not be asked.
struct NoRng;

impl rand_core::TryRng for NoRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        panic!("randomness was drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        panic!("randomness was drawn")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        panic!("randomness was drawn")
    }
}

impl rand_core::TryCryptoRng for NoRng {}

#[test]
fn chunks_are_the_official_ones() {
    let mut checked = 0;
    for case in vectors()["erasure"].as_array().unwrap() {
        let text = unhex(&case["data"]);
        let chunks = case["chunks"].as_array().unwrap();
        for chunk in chunks {
            let index = u16::try_from(chunk[0].as_u64().unwrap()).unwrap();
            assert_eq!(Code::HEADER.encode(&text, index).data.as_slice(), unhex(&chunk[1]), "{index}");
            checked += 1;
        }
        let last: Vec<_> =
            (0..3).map(|n| Code::HEADER.encode(&text, u16::try_from(chunks.len()).unwrap() - n)).collect();
        assert_eq!(Code::HEADER.decode(&last).unwrap(), text);
    }
    assert!(checked >= 400);
    println!("erasure: {checked} chunks checked");
}

#[test]
fn both_ends_hold_what_the_official_ends_hold() {
    for case in vectors()["one_sided"].as_array().unwrap() {
        let mut bob = ratchet(Role::Responder, case);
        for ratchet in [&bob, &ratchet(Role::Initiator, case)] {
            let authenticator = &ratchet.braid.authenticator;
            assert_eq!(authenticator.root.expose().as_slice(), unhex(&case["authenticator_root"]));
            assert_eq!(authenticator.mac_key.expose().as_slice(), unhex(&case["authenticator_mac_key"]));
        }
        let first = bob.receive(&unhex(&case["messages"][0])).unwrap();
        assert!(bob.accept(first));
        let after = &case["responder_after_first"];
        assert_eq!(bob.chain.next_root.expose().as_slice(), unhex(&after["next_root"]));
        let link = bob.chain.links.iter().next().unwrap();
        let send = link.send.as_ref().unwrap();
        for (direction, counter, next) in
            [(send, "send_ctr", "send_next"), (&link.receive, "recv_ctr", "recv_next")]
        {
            assert_eq!(Some(u64::from(direction.counter)), after[counter].as_u64());
            assert_eq!(direction.next.expose().as_slice(), unhex(&after[next]));
        }
    }
}

#[test]
fn the_initiator_sends_what_the_official_one_sent() {
    let mut checked = 0;
    for case in vectors()["one_sided"].as_array().unwrap() {
        let mut alice = ratchet(Role::Initiator, case);
        assert!(alice.wants_key_pair());
        alice.prepare(KeyPair::from_bytes(unhex(&case["mlkem_dk"]).as_slice().try_into().unwrap()));
        let State::Offerer(Offerer::Header { pair, .. }) = &alice.braid.state else { panic!("no key pair") };
        assert_eq!(pair.key().as_slice(), unhex(&case["mlkem_ek_t_hat"]));
        for message in case["messages"].as_array().unwrap() {
            let sent = alice.send(&mut NoRng).unwrap();
            assert_eq!(sent.message.as_bytes(), unhex(message));
            checked += 1;
        }
    }
    assert!(checked >= 424);
    println!("one_sided: {checked} messages reproduced");
}

#[test]
fn the_responder_follows_the_official_initiator_in_any_order() {
    for case in vectors()["one_sided"].as_array().unwrap() {
        let (mut alice, mut bob) = (ratchet(Role::Initiator, case), ratchet(Role::Responder, case));
        alice.prepare(KeyPair::from_bytes(unhex(&case["mlkem_dk"]).as_slice().try_into().unwrap()));
        let keys: Vec<_> = (0..case["messages"].as_array().unwrap().len())
            .map(|_| alice.send(&mut NoRng).unwrap().key)
            .collect();
        for place in case["out_of_order"].as_array().unwrap() {
            let place = usize::try_from(place.as_u64().unwrap()).unwrap();
            let received = bob.receive(&unhex(&case["messages"][place])).unwrap();
            assert_eq!(received.key().expose(), keys[place].expose());
            assert!(bob.accept(received));
            assert!(bob.receive(&unhex(&case["messages"][place])).is_err());
        }
    }
}
