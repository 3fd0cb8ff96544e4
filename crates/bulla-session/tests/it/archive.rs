//! Sessions that were replaced.

use bulla_session::limits::MAX_ARCHIVED_SESSIONS;
use bulla_session::*;

use crate::test_device::{NOW, TestDevice, inner};

#[test]
fn a_message_of_a_replaced_session_puts_it_back_in_use() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let late = bob.say(b"late");
    alice.meet(&bob);
    assert_eq!(alice.sessions.archived_count(), 1);
    assert_eq!(alice.say(b"in the new session").kind, MessageKind::PreKey);

    assert_eq!(alice.hear(&late).unwrap(), b"late");
    assert_eq!(alice.sessions.archived_count(), 1);
    let message = alice.say(b"in the old session");
    assert_eq!(message.kind, MessageKind::Signal);
    assert_eq!(bob.hear(&message).unwrap(), b"in the old session");
}

#[test]
fn a_message_that_starts_a_replaced_session_puts_it_back_in_use() {
    let (mut alice, mut bob) = TestDevice::pair();
    let (first, second) = (alice.say(b"1"), alice.say(b"2"));
    bob.hear(&first).unwrap();
    alice.meet(&bob);
    let third = alice.say(b"3");
    assert!(bob.hear_all(&third).unwrap().used.is_some());
    assert_eq!(bob.sessions.archived_count(), 1);

    // Its one-time prekey is gone by now, and is not needed.
    let heard = bob.hear_all(&second).unwrap();
    assert_eq!((heard.plaintext.as_slice(), heard.used), (&b"2"[..], None));
    assert_eq!(bob.sessions.archived_count(), 1);
    let answer = bob.say(b"in the first session");
    assert_eq!(alice.hear(&answer).unwrap(), b"in the first session");
}

#[test]
fn a_failed_message_does_not_put_its_session_back_in_use() {
    let (mut alice, mut bob) = TestDevice::pair();
    let (first, mut second) = (alice.say(b"1"), alice.say(b"2"));
    bob.hear(&first).unwrap();
    alice.meet(&bob);
    let third = alice.say(b"3");
    bob.hear(&third).unwrap();

    // The inner message's MAC ends right before fields 5 to 8: registration, ids and Kyber ciphertext.
    let inner = inner(&second);
    let mac = second.bytes.windows(inner.len()).position(|window| window == inner).unwrap() + inner.len() - 1;
    second.bytes[mac] ^= 1;
    // That the sessions are unchanged to the byte is checked for every failure.
    assert_eq!(bob.hear(&second), Err(OpenError::Undecipherable));
    second.bytes[mac] ^= 1;
    assert_eq!(bob.hear(&second).unwrap(), b"2");
}

#[test]
fn a_duplicate_in_an_archived_session_is_reported_as_one() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let message = alice.say(b"once");
    bob.hear(&message).unwrap();
    bob.meet(&alice);
    assert!(matches!(bob.hear(&message), Err(OpenError::Duplicate { .. })));
}

#[test]
fn an_archived_session_opens_but_does_not_seal() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    alice.sessions = std::mem::take(&mut alice.sessions).archive_current().unwrap();
    assert!(alice.sessions.needs_session(NOW) && !alice.sessions.is_empty());
    assert_eq!(alice.try_say(b"", NOW), Err(SealError::NoSession));
    let message = bob.say(b"still there?");
    assert_eq!(alice.hear(&message).unwrap(), b"still there?");
    assert!(!alice.sessions.needs_session(NOW));
}

#[test]
fn forty_replaced_sessions_are_kept_and_the_forty_first_costs_the_oldest() {
    let (mut alice, mut bob) = (TestDevice::new(1), TestDevice::new(2));
    let mut late = Vec::new();
    for n in 0..=MAX_ARCHIVED_SESSIONS {
        alice.meet(&bob);
        let message = alice.say(b"now");
        late.push(inner(&alice.say(&n.to_be_bytes())));
        bob.hear(&message).unwrap();
    }
    assert_eq!(bob.sessions.archived_count(), MAX_ARCHIVED_SESSIONS);
    let signal = |bytes| CiphertextRef::new(MessageKind::Signal, bytes);

    let full = bob.sessions.to_bytes().unwrap();
    assert_eq!(bob.hear(signal(&late[0])).unwrap(), 0usize.to_be_bytes(), "the oldest of forty is lost");

    bob.sessions = Sessions::from_bytes(&full).unwrap();
    alice.meet(&bob);
    let message = alice.say(b"one more");
    bob.hear(&message).unwrap();
    assert_eq!(bob.sessions.archived_count(), MAX_ARCHIVED_SESSIONS);
    assert_eq!(bob.hear(signal(&late[0])), Err(OpenError::Undecipherable));
    assert_eq!(bob.hear(signal(&late[1])).unwrap(), 1usize.to_be_bytes());
}

#[test]
fn a_retired_session_opens_and_is_never_put_in_use_again() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let late = [bob.say(b"late"), bob.say(b"later"), bob.say(b"latest")];
    alice.meet(&bob);
    alice.retire();
    // Out of order too, and with the peer's next ratchet key after that.
    for (message, text) in [(&late[1], &b"later"[..]), (&late[0], b"late"), (&late[2], b"latest")] {
        assert_eq!(alice.hear(message).unwrap(), text);
        assert_eq!((alice.sessions.archived_count(), alice.sessions.is_unacknowledged()), (1, true));
        assert!(matches!(alice.hear(message), Err(OpenError::Duplicate { .. })));
    }
    let message = alice.say(b"in the new session");
    assert_eq!(message.kind, MessageKind::PreKey);
    assert_eq!(bob.hear(&message).unwrap(), b"in the new session");
    let answer = bob.say(b"gladly");
    assert_eq!(alice.hear(&answer).unwrap(), b"gladly");
    assert_eq!(alice.say(b"on it goes").kind, MessageKind::Signal);

    // One that is archived later is not retired.
    let late = bob.say(b"late again");
    alice.meet(&bob);
    assert_eq!(alice.hear(&late).unwrap(), b"late again");
    assert_eq!(alice.say(b"in the session before").kind, MessageKind::Signal);
}

#[test]
fn a_message_that_starts_a_retired_session_opens_in_it_and_no_more() {
    let (mut alice, mut bob) = TestDevice::pair();
    let (first, second) = (alice.say(b"1"), alice.say(b"2"));
    bob.hear(&first).unwrap();
    bob.meet(&alice);
    bob.retire();
    assert_eq!(bob.hear(&second).unwrap(), b"2");
    assert!(bob.sessions.is_unacknowledged(), "the new session is still in use");
    assert_eq!(bob.say(b"in the new session").kind, MessageKind::PreKey);
}

#[test]
fn retiring_takes_the_whole_of_the_sessions() {
    let (mut alice, bob) = TestDevice::acquainted();
    alice.meet(&bob);
    let parts = crate::part_store::PartStore::of(&alice.sessions);
    let mut working = parts.working();
    assert!(working.retire_archived().is_err());
    assert!(parts.whole().retire_archived().is_ok());
}
