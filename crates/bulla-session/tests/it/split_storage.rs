//! Sessions in parts. That they hold the same and do the same as in one record is checked at every step of
//! every test.

use bulla_session::error::StoredError;
use bulla_session::*;

use crate::part_store::PartStore;
use crate::test_device::{NOW, TestDevice};

/// What is written again and again, and not once for every key or ciphertext of the post-quantum exchange.
#[test]
fn a_message_rewrites_less_than_a_kibibyte() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let (mut most, mut total, mut count, mut exchanges) = (0, 0, 0, 0);
    let mut tally = |store: &PartStore| {
        most = most.max(store.rewritten());
        total += store.written.iter().filter_map(|(_, bytes)| *bytes).sum::<usize>();
        count += 1;
        exchanges += usize::from(
            store.written.iter().any(|(part, bytes)| *part == StoredPart::Exchange && bytes.is_some()),
        );
    };
    // Four epochs of the post-quantum ratchet.
    for _ in 0..4 * 44 {
        let message = alice.say(b"");
        tally(&alice.store);
        bob.hear(&message).unwrap();
        tally(&bob.store);
        std::mem::swap(&mut alice, &mut bob);
    }
    println!(
        "{count} steps: at most {most} bytes rewritten, {exchanges} also wrote an exchange, {} bytes in the mean",
        total / count
    );
    assert!(most < 1_024, "{most}");
    assert!(exchanges * 10 < count, "{exchanges} of {count}");
    assert!(total / count < 1_024, "{total} bytes in {count} steps");
}

#[test]
fn with_500_skipped_a_message_still_rewrites_less_than_a_kibibyte() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let late: Vec<_> = (0..500).map(|_| alice.say(b"late")).collect();
    let message = alice.say(b"");
    bob.hear(&message).unwrap();
    let skipped =
        |part: &StoredPart| matches!(part, StoredPart::MessageKey { .. } | StoredPart::PostQuantumKey { .. });
    assert_eq!(bob.store.written.iter().filter(|(part, _)| skipped(part)).count(), 1_000);
    for message in late {
        let next = alice.say(b"next");
        bob.hear(&next).unwrap();
        assert!(bob.store.rewritten() < 1_024);
        assert_eq!(bob.store.written.iter().filter(|(part, _)| skipped(part)).count(), 0);
        // Of a message that was skipped nothing is left but that it was.
        bob.hear(&message).unwrap();
        assert!(bob.store.rewritten() < 1_024);
        let deleted =
            bob.store.written.iter().filter(|(part, bytes)| skipped(part) && bytes.is_none()).count();
        assert_eq!(deleted, 2);
        bob.say(b"not heard yet");
        assert!(bob.store.rewritten() < 1_024);
    }
}

#[test]
fn a_fresh_session_is_below_a_kibibyte_without_what_the_protocol_makes_it_keep() {
    let (mut alice, mut bob) = TestDevice::pair();
    let bytes = |store: &PartStore| store.written.iter().filter_map(|(_, bytes)| *bytes).sum::<usize>();
    // Until the answer, every message carries a Kyber ciphertext; from the first on, a key pair is offered.
    assert!(bytes(&alice.store) > 1_569);
    let message = alice.say(b"");
    bob.hear(&message).unwrap();
    println!("the responder's fresh session: {} bytes", bytes(&bob.store));
    assert!(bytes(&bob.store) < 1_024);
}

#[test]
fn what_is_lacking_is_named_and_nothing_is_lost_for_lack_of_it() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let late = alice.say(b"late");
    let message = alice.say(b"");
    bob.hear(&message).unwrap();
    let partial = bob.store.working();
    assert!(!partial.is_whole());
    assert!(partial.to_bytes().is_err(), "the skipped seed would have been lost");
    assert!(partial.archive_current().is_err());
    let open = |sessions: Sessions, bob: &mut TestDevice| {
        sessions.open(&bob.party, &late, None, Trust::Anyone, &bob.prekeys, &mut bob.rng)
    };
    let (mut sessions, error) = open(bob.store.working(), &mut bob).unwrap_err().into_parts();
    let OpenError::NotLoaded(part @ StoredPart::MessageKey { .. }) = error else { panic!("{error}") };
    // Had it been used up, there would be none.
    sessions.load(part, None).unwrap();
    let (_, error) = open(sessions, &mut bob).unwrap_err().into_parts();
    assert!(matches!(error, OpenError::Duplicate { .. }));

    bob.meet(&alice);
    let late = alice.say(b"of the session before");
    let result = bob
        .store
        .working()
        .open(&bob.party, &late, None, Trust::Anyone, &bob.prekeys, &mut bob.rng)
        .unwrap_err();
    assert_eq!(result.error(), &OpenError::NotLoaded(StoredPart::Archive));
    assert_eq!(bob.hear(&late).unwrap(), b"of the session before");
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let _late = alice.say(b"late");
    let message = alice.say(b"");
    bob.hear(&message).unwrap();
    let mut parts = Vec::new();
    Sessions::from_bytes(&bob.sessions.to_bytes().unwrap())
        .unwrap()
        .into_changes(|part, bytes| parts.extend(bytes.map(|bytes| (part, bytes.to_vec()))));
    parts.sort();
    let read = |parts: &[(StoredPart, Vec<u8>)]| {
        let parts = parts.iter().map(|(part, bytes)| (*part, bytes.as_slice()));
        Sessions::from_all_parts(parts).map(|sessions| sessions.to_bytes().unwrap())
    };
    assert_eq!(read(&parts).unwrap(), bob.sessions.to_bytes().unwrap());
    assert_eq!(read(&[]).unwrap_err(), StoredError::Absent { part: StoredPart::Head });
    let mut altered = parts.clone();
    altered.reverse();
    assert_eq!(read(&altered).unwrap_err(), StoredError::Absent { part: StoredPart::Head });
    let mut altered = parts.clone();
    altered[1..].reverse();
    assert!(read(&altered).is_err(), "in another order");
    for without in 1..parts.len() {
        if matches!(parts[without].0, StoredPart::MessageKey { .. } | StoredPart::PostQuantumKey { .. }) {
            // That one is gone cannot be told from its having been used up; it must be stored where nothing
            // goes by itself.
            continue;
        }
        let mut altered = parts.clone();
        altered.remove(without);
        assert!(read(&altered).is_err(), "without {}", parts[without].0);
    }
    for surplus in [
        StoredPart::Pending,
        StoredPart::Exchange,
        StoredPart::Chunk(200),
        StoredPart::MessageKey { chain: 77, index: 0 },
        StoredPart::Archive,
    ] {
        let mut altered = parts.clone();
        if altered.iter().all(|(part, _)| *part != surplus) {
            altered.push((surplus, vec![1; 32]));
            altered.sort();
            assert!(read(&altered).is_err(), "with {surplus}");
        }
    }
    for at in 0..parts.len() {
        for length in 0..parts[at].1.len() {
            let mut altered = parts.clone();
            altered[at].1.truncate(length);
            assert!(read(&altered).is_err(), "{} cut to {length}", parts[at].0);
        }
        let mut altered = parts.clone();
        altered[at].1.push(0);
        assert!(read(&altered).is_err(), "{} and one more byte", parts[at].0);
    }
}

/// A head names its chains from byte 243 on: 76 bytes each, which end with the chain's index and the bounds.
#[test]
fn a_head_that_places_skipped_seeds_where_none_can_be_is_refused() {
    let (_, bob) = TestDevice::acquainted();
    let parts: Vec<_> = bob.store.parts().map(|(part, bytes)| (*part, bytes.clone())).collect();
    let read = |index: u32, start: u32, end: u32| {
        let mut parts = parts.clone();
        let head = &mut parts[0].1;
        assert!(head[243] > 0);
        let at = 245 + 64;
        for (at, value) in [(at, index), (at + 4, start), (at + 8, end)] {
            head[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        Sessions::from_parts(parts.iter().map(|(part, bytes)| (*part, bytes.as_slice())))
            .map(|sessions| sessions.is_whole())
    };
    assert_eq!(read(0, 0, 0), Ok(true));
    assert_eq!(read(3_000, 0, 0), Ok(true));
    assert_eq!(read(3_001, 1_000, 3_000), Ok(false));
    assert_eq!(read(10, 0, 9), Ok(false));
    for (index, start, end) in
        [(3_001, 999, 3_000), (3_001, 1_000, 3_001), (10, 5, 5), (10, 6, 5), (10, 5, 10), (0, 0, 1)]
    {
        let refused = StoredError::Value { field: "skipped message keys" };
        assert_eq!(read(index, start, end), Err(refused), "{start} to {end} at {index}");
    }
}

#[test]
fn the_newest_of_the_oldest_chains_keeps_its_name() {
    // More chains than there are names for.
    let (mut alice, mut bob) = TestDevice::acquainted();
    for _ in 0..300 {
        let late = alice.say(b"late");
        let message = alice.say(b"");
        bob.hear(&message).unwrap();
        let answer = bob.say(b"");
        alice.hear(&answer).unwrap();
        bob.hear(&late).unwrap();
    }
    let _skipped = alice.try_say(b"", NOW).unwrap();
}
