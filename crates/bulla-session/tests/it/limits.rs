//! Each bound, at its edge and one past it. (Forty archived sessions are in `archive`.)

use bulla_session::limits::*;
use bulla_session::*;

use crate::test_device::{NOW, TestDevice};

#[test]
fn a_message_may_be_25_000_ahead_and_no_further() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    for _ in 1..MAX_SKIP {
        alice.say(b"");
    }
    let (edge, one_beyond, two_beyond) = (alice.say(b""), alice.say(b""), alice.say(b""));
    // The post-quantum ratchet counts from the last message heard, the chain from its own start.
    assert_eq!(bob.hear(&one_beyond), Err(OpenError::Undecipherable));
    let refused = OpenError::TooFarAhead { index: 0, counter: MAX_SKIP + 1, limit: MAX_SKIP };
    assert_eq!(bob.hear(&two_beyond), Err(refused));
    assert_eq!(bob.hear(&edge).unwrap(), b"");
    assert_eq!(bob.hear(&two_beyond).unwrap(), b"");
    assert_eq!(bob.hear(&one_beyond).unwrap(), b"");
}

#[test]
fn the_newest_2000_skipped_messages_still_open() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let first = alice.say(b"0");
    bob.hear(&first).unwrap();
    let messages: Vec<_> = (1..=2102u32).map(|n| alice.say(&n.to_be_bytes())).collect();
    let message = |n: usize| &messages[n - 1];
    assert!(bob.hear(message(2102)).is_ok());
    // 1 to 2101 were skipped, so that 102 is the oldest of the newest 2000.
    assert_eq!(MAX_SKIPPED_KEYS, 2000);
    assert_eq!(bob.hear(message(101)), Err(OpenError::Duplicate { index: 2103, counter: 101 }));
    assert_eq!(bob.hear(message(102)).unwrap(), 102u32.to_be_bytes());
    assert_eq!(bob.hear(message(2101)).unwrap(), 2101u32.to_be_bytes());
}

#[test]
fn keys_skipped_at_different_times_share_one_bound() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let messages: Vec<_> = (0..=2001u32).map(|n| alice.say(&n.to_be_bytes())).collect();
    bob.hear(&messages[1000]).unwrap();
    bob.hear(&messages[2000]).unwrap();
    // 0 is 2000 behind, though only 1999 are missing.
    let full = bob.sessions.to_bytes().unwrap();
    assert_eq!(bob.hear(&messages[0]).unwrap(), 0u32.to_be_bytes());

    bob.sessions = Sessions::from_bytes(&full).unwrap();
    bob.hear(&messages[2001]).unwrap();
    assert_eq!(bob.hear(&messages[0]), Err(OpenError::Duplicate { index: 2002, counter: 0 }));
    assert!(bob.hear(&messages[1]).is_ok());
}

#[test]
fn the_newest_5_chains_still_open() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let mut late = Vec::new();
    let round = |alice: &mut TestDevice, bob: &mut TestDevice, late: &mut Vec<CiphertextMessage>| {
        let message = alice.say(b"now");
        late.push(alice.say(b"late"));
        bob.hear(&message).unwrap();
        let answer = bob.say(b"now");
        alice.hear(&answer).unwrap();
    };
    for _ in 0..MAX_RECEIVING_CHAINS {
        round(&mut alice, &mut bob, &mut late);
    }
    let full = bob.sessions.to_bytes().unwrap();
    assert_eq!(bob.hear(&late[0]).unwrap(), b"late");

    bob.sessions = Sessions::from_bytes(&full).unwrap();
    round(&mut alice, &mut bob, &mut late);
    assert_eq!(bob.hear(&late[0]), Err(OpenError::Undecipherable));
    assert_eq!(bob.hear(&late[1]).unwrap(), b"late");
}

#[test]
fn an_unanswered_session_seals_for_30_days() {
    let (mut alice, mut bob) = TestDevice::pair();
    let edge = UnixSeconds::new(NOW.value() + MAX_UNACKNOWLEDGED_SECONDS);
    let beyond = UnixSeconds::new(edge.value() + 1);
    assert!(!alice.sessions.needs_session(edge));
    let message = alice.try_say(b"still waiting", edge).unwrap();
    assert!(alice.sessions.needs_session(beyond));
    assert_eq!(alice.try_say(b"", beyond), Err(SealError::Stale));

    // An answer ends the waiting, however late it is.
    bob.hear(&message).unwrap();
    let answer = bob.say(b"back");
    alice.hear(&answer).unwrap();
    assert!(!alice.sessions.needs_session(beyond));
    assert!(alice.try_say(b"welcome", beyond).is_ok());
}

#[test]
fn a_record_longer_than_any_is_refused_unread() {
    let short = vec![9; MAX_RECORD_BYTES];
    assert_eq!(Sessions::from_bytes(&short).unwrap_err(), error::StoredError::Form { found: 9, newest: 2 });
    let long = vec![9; MAX_RECORD_BYTES + 1];
    assert!(matches!(Sessions::from_bytes(&long), Err(error::StoredError::TooLong { .. })));
}

#[test]
fn archived_sessions_may_have_600_kib_together_and_no_more() {
    // What an archived session holds is examined when it is tried, so any bytes will do here.
    let archive = |bytes: usize| {
        let (first, second) = (bytes / 2 - 4, bytes - bytes / 2 - 4);
        let mut stored = vec![2, 0, 0, 0, 0, 2];
        for length in [first, second] {
            stored.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            stored.resize(stored.len() + length, 0);
        }
        Sessions::from_bytes(&stored).map(|sessions| sessions.archived_count())
    };
    assert_eq!(archive(MAX_ARCHIVE_BYTES).unwrap(), 2);
    let (most, actual) = (MAX_ARCHIVE_BYTES, MAX_ARCHIVE_BYTES + 1);
    assert_eq!(archive(actual).unwrap_err(), error::StoredError::TooLong { most, actual });

    // A session that does not fit beside the others takes the place of the oldest.
    let (mut alice, mut bob) = TestDevice::acquainted();
    let mut counts = Vec::new();
    for _ in 0..6 {
        let skipped: Vec<_> = (0..=2_000).map(|_| alice.say(b"")).collect();
        bob.hear(&skipped[2_000]).unwrap();
        bob.meet(&alice);
        let first = bob.say(b"");
        alice.hear(&first).unwrap();
        let answer = alice.say(b"");
        bob.hear(&answer).unwrap();
        counts.push(bob.sessions.archived_count());
        assert!(bob.sessions.stored_len() <= 6 + 4_500 + MAX_ARCHIVE_BYTES);
    }
    // Each has two keys of 36 bytes for each of 2000 messages, so that four of them fit.
    assert_eq!(counts, [1, 2, 3, 4, 4, 4]);
}

#[test]
fn fingerprints_take_2_to_a_million_rounds() {
    let key = TestDevice::new(1).identity();
    let with = |rounds| Fingerprint::new(rounds, 1, (b"a", &key), (b"b", &key));
    assert!(matches!(
        with(1),
        Err(FingerprintError::Iterations { found: 1, most: MAX_FINGERPRINT_ITERATIONS })
    ));
    assert!(with(2).is_ok());
    assert!(with(MAX_FINGERPRINT_ITERATIONS).is_ok());
    assert!(with(MAX_FINGERPRINT_ITERATIONS + 1).is_err());
}
