//! Two honest ends and an unreliable carrier.

use bulla_spqr::KeyPair;
use bulla_spqr::error::ReceiveError;
use proptest::prelude::*;

use crate::test_peer::{Sealed, TestPeer};

#[test]
fn epochs_pass_while_two_talk() {
    let (mut alice, mut bob) = TestPeer::pair();
    let messages = alice.talk(&mut bob, 7);
    println!("{messages} messages for six epochs");
    // The researchers of the official library measured about 87.
    assert!((80..=95).contains(&(messages / 6)), "{messages}");
}

#[test]
fn a_monologue_stays_in_the_first_epoch() {
    let (mut alice, mut bob) = TestPeer::pair();
    for _ in 0..300 {
        let sealed = alice.send();
        bob.receive(&sealed).unwrap();
    }
    assert_eq!((alice.ratchet.epoch(), bob.ratchet.epoch()), (1, 1));
    // It goes on from there as if nothing had happened.
    alice.talk(&mut bob, 3);
}

#[test]
fn long_bursts_take_four_changes_of_direction_an_epoch() {
    let (mut alice, mut bob) = TestPeer::pair();
    let mut changes = 0;
    while alice.ratchet.epoch() < 6 {
        for _ in 0..60 {
            let sealed = alice.send();
            bob.receive(&sealed).unwrap();
        }
        std::mem::swap(&mut alice, &mut bob);
        changes += 1;
    }
    assert!(changes <= 5 * 5, "{changes}");
}

#[test]
fn a_prepared_key_pair_changes_nothing_on_the_wire() {
    let (mut alice, mut bob) = TestPeer::pair();
    let (mut same, _) = TestPeer::pair();
    assert!(same.ratchet.wants_key_pair() && !bob.ratchet.wants_key_pair());
    let pair = KeyPair::generate(&mut same.rng);
    same.ratchet.prepare(pair);
    assert!(!same.ratchet.wants_key_pair());
    for _ in 0..5 {
        assert_eq!(alice.send(), same.send());
    }
    // Where none is needed it is dropped.
    let before = bob.ratchet.to_bytes();
    bob.ratchet.prepare(KeyPair::generate(&mut same.rng));
    assert_eq!(bob.ratchet.to_bytes(), before);
}

#[test]
fn messages_out_of_order_are_received_once() {
    let (mut alice, mut bob) = TestPeer::pair();
    let sealed: Vec<_> = (0..6).map(|_| alice.send()).collect();
    for n in [4, 0, 5, 2, 3, 1] {
        bob.receive(&sealed[n]).unwrap();
    }
    for (index, sealed) in (1..).zip(&sealed) {
        assert_eq!(bob.receive(sealed), Err(ReceiveError::UsedUp { index, counter: 6 }));
    }
}

#[test]
fn a_step_that_was_overtaken_is_not_taken() {
    let (mut alice, mut bob) = TestPeer::pair();
    let (first, second) = (alice.send(), alice.send());
    let late = bob.ratchet.receive(first.0.as_bytes()).unwrap();
    let received = bob.ratchet.receive(second.0.as_bytes()).unwrap();
    assert!(bob.ratchet.accept(received));
    let before = bob.ratchet.to_bytes();
    assert!(!bob.ratchet.accept(late));
    assert_eq!(bob.ratchet.to_bytes(), before);
    bob.receive(&first).unwrap();
}

/// What the carrier does next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// One end sends some messages; a loss happens to each with this chance in ten.
    Burst { from_alice: bool, messages: usize, losses: u8 },
    /// What is under way arrives, from the newest to the oldest.
    ArriveBackwards,
    /// What is under way arrives in order.
    Arrive,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (any::<bool>(), 1..40usize, 0..4u8)
            .prop_map(|(from_alice, messages, losses)| Event::Burst { from_alice, messages, losses }),
        1 => Just(Event::ArriveBackwards),
        3 => Just(Event::Arrive),
    ];
    prop::collection::vec(event, 10..40)
}

/// Delivers what is under way. Messages of epochs given up are the only ones that may be lost here.
fn arrive(
    under_way: Vec<(bool, Sealed)>,
    alice: &mut TestPeer,
    bob: &mut TestPeer,
) -> Result<usize, TestCaseError> {
    let mut lost = 0;
    for (from_alice, sealed) in under_way {
        let end = if from_alice { &mut *bob } else { &mut *alice };
        match end.receive(&sealed) {
            Ok(()) => {}
            Err(ReceiveError::Past { .. }) => lost += 1,
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
    Ok(lost)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Keys agree whatever happens, and however much went wrong, the epochs pass once it stops.
    #[test]
    fn keys_agree_whatever_the_carrier_does(events in events(), seed in any::<u8>()) {
        let (mut alice, mut bob) = TestPeer::pair();
        let mut under_way = Vec::new();
        let mut dice = seed;
        for round in 0..8u64 {
            for event in &events {
                match *event {
                    Event::Burst { from_alice, messages, losses } => {
                        for _ in 0..messages {
                            let end = if from_alice { &mut alice } else { &mut bob };
                            let sealed = end.send();
                            dice = dice.wrapping_mul(181).wrapping_add(97);
                            if dice / 26 >= losses { under_way.push((from_alice, sealed)); }
                        }
                    }
                    Event::ArriveBackwards => {
                        under_way.reverse();
                        arrive(std::mem::take(&mut under_way), &mut alice, &mut bob)?;
                    }
                    Event::Arrive => {
                        arrive(std::mem::take(&mut under_way), &mut alice, &mut bob)?;
                    }
                }
            }
            arrive(std::mem::take(&mut under_way), &mut alice, &mut bob)?;
            let (low, high) = (alice.ratchet.epoch().min(bob.ratchet.epoch()), alice.ratchet.epoch().max(bob.ratchet.epoch()));
            prop_assert!(high - low <= 1, "{low} and {high} after round {round}");
        }
        let reached = alice.ratchet.epoch();
        alice.talk(&mut bob, reached.max(4) + 2);
    }
}
