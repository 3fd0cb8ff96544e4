//! Stored sessions, as a store might give them back.

use bulla_session::{CiphertextMessage, Sessions, Trust};

use crate::test_device::{NOW, TestDevice};

thread_local! {
    /// Whom the corpus' records belong to, whoever talks to them, and what is said.
    static WORLD: std::cell::RefCell<(TestDevice, TestDevice, Vec<CiphertextMessage>)> = {
        let (mut alice, mut bob) = TestDevice::pair();
        let mut said = vec![alice.say(b"first")];
        bob.hear(&said[0]).unwrap();
        let answer = bob.say(b"answer");
        alice.hear(&answer).unwrap();
        said.extend([alice.say(b"1"), alice.say(b"2")]);
        std::cell::RefCell::new((alice, bob, said))
    };
}

/// What reads is written back to the byte, and whatever it holds, everything can be done with it without
/// panic.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(sessions) = Sessions::from_bytes(bytes) else { return };
    assert_eq!(sessions.to_bytes().unwrap().as_slice(), bytes, "the stored form is not canonical");
    assert!(sessions.archived_count() <= bulla_session::limits::MAX_ARCHIVED_SESSIONS);
    assert!(sessions.is_empty() || sessions.to_bytes().unwrap().len() > 6);
    assert!(!format!("{sessions:?}").is_empty());

    WORLD.with_borrow_mut(|(alice, bob, said)| {
        // Sealing and opening store and load what they lead to, and compare what a failure leaves.
        bob.sessions = sessions;
        let sealable = !bob.sessions.needs_session(NOW);
        let sealed = bob.try_say(b"sealed", NOW);
        assert!(sealable || sealed.is_err());
        for message in said.iter() {
            let _ = bob.hear(message);
        }
        if let Ok(message) = sealed {
            // A copy of Alice listens, so that one input does not change what the next one meets.
            let listening = Sessions::from_bytes(&alice.sessions.to_bytes().unwrap()).unwrap();
            let loaded =
                listening.open(&alice.party, &message, None, Trust::Anyone, &alice.prekeys, &mut alice.rng);
            if let Ok(opened) = loaded {
                assert_eq!(opened.plaintext, b"sealed");
            }
        }
        // A record that holds anything at all makes way for a new session.
        let archived = Sessions::from_bytes(bytes).unwrap().archive_current().unwrap();
        assert!(archived.needs_session(NOW));
        bob.sessions = archived;
        bob.meet(alice);
        bob.say(b"in the new session");
    });
}
