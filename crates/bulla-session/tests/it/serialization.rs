//! The stored form. That it is canonical, and that failures leave it alone, is checked at every step of every
//! test.

use bulla_session::error::StoredError;
use bulla_session::*;
use proptest::prelude::*;

use crate::test_device::TestDevice;

/// A record with everything in it: pending prekeys, skipped message keys in two chains, an archived session.
fn rich() -> Vec<u8> {
    let (mut alice, mut bob) = TestDevice::acquainted();
    for _ in 0..2 {
        let messages: Vec<_> = (0..4).map(|_| alice.say(b"")).collect();
        bob.hear(&messages[3]).unwrap();
        let answer = bob.say(b"");
        alice.hear(&answer).unwrap();
    }
    bob.meet(&alice);
    let message = alice.say(b"");
    let unanswered = bob.sessions.to_bytes().unwrap().to_vec();
    bob.hear(&message).unwrap();
    assert!(bob.sessions.archived_count() == 1 && !bob.sessions.is_unacknowledged());
    let mut both = unanswered;
    // Two records would do as well; one that has it all makes for shorter tests.
    let stored = bob.sessions.to_bytes().unwrap();
    let length = u32::from_be_bytes(stored[1..5].try_into().unwrap());
    let session = &stored[5..5 + usize::try_from(length).unwrap()];
    let count = 5 + usize::try_from(u32::from_be_bytes(both[1..5].try_into().unwrap())).unwrap();
    both[count] += 1;
    both.extend_from_slice(&length.to_be_bytes());
    both.extend_from_slice(session);
    let sessions = Sessions::from_bytes(&both).unwrap();
    assert!(sessions.is_unacknowledged() && sessions.archived_count() == 2);
    both
}

#[test]
fn no_sessions_take_six_bytes() {
    let stored = Sessions::new().to_bytes().unwrap();
    assert_eq!(stored.as_slice(), [2, 0, 0, 0, 0, 0]);
    assert!(Sessions::from_bytes(&stored).unwrap().is_empty());
}

#[test]
fn a_record_between_two_that_talk_is_small() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let mut sizes = Vec::new();
    // Four epochs of the post-quantum ratchet.
    for _ in 0..4 * 44 {
        let message = alice.say(b"");
        bob.hear(&message).unwrap();
        let message = bob.say(b"");
        alice.hear(&message).unwrap();
        sizes.extend([&alice, &bob].map(|side| side.sessions.to_bytes().unwrap().len()));
    }
    let (least, most) = (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    println!("record: {least} to {most} bytes, {mean} in the mean");
    assert_eq!((least, most), (646, 4_322));
}

#[test]
fn every_shorter_record_is_refused() {
    let stored = rich();
    for length in 0..stored.len() {
        assert!(
            matches!(Sessions::from_bytes(&stored[..length]), Err(StoredError::Truncated { .. })),
            "{length} of {} bytes",
            stored.len()
        );
    }
    let mut longer = stored;
    longer.push(0);
    assert_eq!(Sessions::from_bytes(&longer).unwrap_err(), StoredError::Trailing { surplus: 1 });
}

#[test]
fn what_is_never_written_is_refused() {
    let stored = rich();
    let refused = |at: usize, value: u8, field: &'static str| {
        let mut altered = stored.clone();
        altered[at] = value;
        assert_eq!(Sessions::from_bytes(&altered).unwrap_err(), StoredError::Value { field });
    };
    assert_eq!(
        Sessions::from_bytes(&[1, 0, 0, 0, 0, 0]).unwrap_err(),
        StoredError::Form { found: 1, newest: 2 }
    );
    refused(1, 1, "session in use");
    refused(5 + 140, stored[5 + 140] | 1, "ratchet key");
    refused(5 + 240, 6, "receiving chains");
    // Behind two chains, the pending prekeys and the length stands the form of the post-quantum ratchet.
    let chains = usize::from(stored[5 + 240]);
    let pending = 5 + 241 + chains * 70;
    assert_eq!(stored[pending], 1);
    refused(pending + 1 + 21 + 1569 + 4, 0, "post-quantum ratchet");
}

#[test]
fn an_archived_session_that_cannot_be_read_is_passed_over() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let late = alice.say(b"late");
    bob.meet(&alice);
    bob.meet(&alice);
    // The newest archived session, which is the last in the record, gets an impossible ratchet key.
    let mut stored = bob.sessions.to_bytes().unwrap().to_vec();
    let current = usize::try_from(u32::from_be_bytes(stored[1..5].try_into().unwrap())).unwrap();
    let first = 5 + current + 1;
    let oldest = usize::try_from(u32::from_be_bytes(stored[first..first + 4].try_into().unwrap())).unwrap();
    stored[first + 4 + oldest + 4 + 140] |= 1;
    bob.sessions = Sessions::from_bytes(&stored).unwrap();
    assert_eq!(bob.hear(&late).unwrap(), b"late");
}

proptest! {
    #[test]
    fn an_altered_record_is_refused_or_reads_as_what_it_says(
        alterations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut stored = rich();
        for (place, value) in alterations {
            let place = place.index(stored.len());
            stored[place] = value;
        }
        if let Ok(sessions) = Sessions::from_bytes(&stored) {
            let again = sessions.to_bytes().unwrap();
            prop_assert_eq!(again.as_slice(), stored.as_slice());
            // Whatever it holds now, using it does not panic.
            let (mut alice, mut bob) = TestDevice::acquainted();
            bob.sessions = sessions;
            let message = alice.say(b"");
            let _ = bob.hear(&message);
            let _ = bob.try_say(b"", crate::test_device::NOW);
        }
    }
}
