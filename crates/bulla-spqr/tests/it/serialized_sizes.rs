//! What a stored ratchet measures, and how much of it a message changes.

use bulla_spqr::error::ReceiveError;
use bulla_spqr::limits::MAX_STORED_BYTES;
use bulla_spqr::serialization::{HEAD_BYTES, WHOLE_HEAD_BYTES};

use crate::test_peer::TestPeer;

#[test]
fn a_ratchet_between_two_that_talk_stays_small() {
    let (mut alice, mut bob) = TestPeer::pair();
    let (mut most, mut head) = (0, 0);
    while alice.ratchet.epoch() < 5 {
        let sealed = alice.send();
        bob.receive(&sealed).unwrap();
        let sealed = bob.send();
        alice.receive(&sealed).unwrap();
        for end in [&alice, &bob] {
            most = most.max(end.ratchet.stored_len());
            head = head.max(end.ratchet.head_len());
        }
    }
    println!("stored: at most {most} bytes, of which {head} change with every message");
    assert!(most <= 4_096, "{most}");
    assert!(head == WHOLE_HEAD_BYTES && WHOLE_HEAD_BYTES < 1_024, "{head}");
}

#[test]
fn a_message_rewrites_the_head_and_adds_at_most_one_chunk() {
    let (mut alice, mut bob) = TestPeer::pair();
    alice.talk(&mut bob, 5);
    for end in [alice, bob] {
        let most = end.row_store.most_rewritten;
        assert!((HEAD_BYTES..=HEAD_BYTES + 34).contains(&most), "{most}");
    }
}

#[test]
fn a_ratchet_is_whole_when_its_skipped_keys_are_loaded() {
    let (mut alice, mut bob) = TestPeer::pair();
    bob.receive(&alice.send()).unwrap();
    assert!(bob.row_store.partial().is_whole(), "there is nothing to load");
    let (late, next) = (alice.send(), alice.send());
    bob.receive(&next).unwrap();
    let mut partial = bob.row_store.partial();
    assert!(!partial.is_whole());
    assert!(matches!(
        partial.receive(late.0.as_bytes()),
        Err(ReceiveError::NotLoaded { epoch: 0, index: 2 })
    ));
    assert_eq!(partial.load_keys(&[(0, 2, &late.1)]), 1);
    assert!(partial.is_whole());
    assert_eq!(partial.receive(late.0.as_bytes()).unwrap().key().expose(), &late.1);
}

/// Behind the head a message appends one chunk, or nothing, as long as the state stays the same.
#[test]
fn most_messages_change_the_head_only() {
    let (mut alice, mut bob) = TestPeer::pair();
    let (mut messages, mut rewritten) = (0, 0);
    while alice.ratchet.epoch() < 5 {
        for _ in 0..2 {
            let sealed = alice.send();
            let before = bob.ratchet.to_bytes();
            let head = bob.ratchet.head_len();
            bob.receive(&sealed).unwrap();
            let after = bob.ratchet.to_bytes();
            messages += 1;
            let (old, new) = (&before[head..], &after[bob.ratchet.head_len()..]);
            let appended = new.len().checked_sub(old.len()).is_some_and(|more| more == 0 || more == 34);
            if !appended || !new.starts_with(old) {
                rewritten += 1;
            }
            std::mem::swap(&mut alice, &mut bob);
        }
    }
    println!("{rewritten} of {messages} messages rewrote more than the head");
    assert!(rewritten * 10 < messages, "{rewritten} of {messages}");
}

#[test]
fn the_fullest_ratchet_is_within_its_bound() {
    let (mut alice, mut bob) = TestPeer::pair();
    for epoch in 1..4 {
        alice.talk(&mut bob, epoch);
        // More than are kept go missing in each direction, and one arrives.
        for _ in 0..2 {
            let last = (0..2_100).map(|_| alice.send()).last().unwrap();
            bob.receive(&last).unwrap();
            std::mem::swap(&mut alice, &mut bob);
        }
    }
    let most = alice.ratchet.stored_len().max(bob.ratchet.stored_len());
    println!("with keys skipped in every epoch: {most} bytes");
    assert!(most > 2_000 * 36 && most <= MAX_STORED_BYTES);
}
