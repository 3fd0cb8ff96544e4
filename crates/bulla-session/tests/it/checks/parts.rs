//! Sessions stored in parts, as a store might give them back.
//!
//! Each part is its name behind the name's length in a byte, and its bytes behind their length in two.

use bulla_session::{CiphertextMessage, OpenError, Sessions, StoredPart, Trust};

use crate::part_store::PartStore;
use crate::test_device::{NOW, TestDevice};

thread_local! {
    /// Whom the corpus' parts belong to, whoever talks to them, and what is said.
    static WORLD: std::cell::RefCell<(TestDevice, Vec<CiphertextMessage>)> = std::cell::RefCell::new(world());
}

/// Two who have talked, one of whom has missed two messages, and what comes next.
fn world() -> (TestDevice, Vec<CiphertextMessage>) {
    let (mut alice, mut bob) = TestDevice::acquainted();
    bob.meet(&alice);
    let mut said = vec![alice.say(b"in the session before")];
    let first = bob.say(b"in the new one");
    alice.hear(&first).unwrap();
    let answer = alice.say(b"answer");
    bob.hear(&answer).unwrap();
    said.extend([alice.say(b"late"), alice.say(b"later")]);
    let heard = alice.say(b"now");
    bob.hear(&heard).unwrap();
    said.push(alice.say(b"next"));
    (bob, said)
}

/// What the corpus starts from.
pub(crate) fn sample() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (part, stored) in world().0.store.parts() {
        let name = part.name();
        bytes.push(u8::try_from(name.as_ref().len()).unwrap());
        bytes.extend_from_slice(name.as_ref());
        bytes.extend_from_slice(&u16::try_from(stored.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(stored);
    }
    bytes
}

fn read(mut bytes: &[u8]) -> Option<Vec<(StoredPart, &[u8])>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        parts.push((StoredPart::named(name)?, part));
        bytes = rest;
    }
    Some(parts)
}

/// What reads is used for all there is, with all parts and with few, without panic, and is written back.
pub(crate) fn check(bytes: &[u8]) {
    let Some(parts) = read(bytes) else { return };
    let working = parts.iter().take_while(|(part, _)| part.name().as_ref()[0] == StoredPart::WORKING).count();
    WORLD.with_borrow_mut(|(bob, said)| {
        if let Ok(mut partial) = Sessions::from_parts(parts[..working].iter().copied()) {
            assert!(!format!("{partial:?}").is_empty());
            for message in said.iter() {
                partial = opened(partial, message, &parts, bob);
            }
            let partial = match partial.seal(b"sealed", None, NOW, &mut bob.rng) {
                Ok(sealed) => sealed.sessions,
                Err(failed) => failed.into_sessions(),
            };
            partial.into_changes(|_, _| ());
        }
        let Ok(whole) = Sessions::from_all_parts(parts.iter().copied()) else { return };
        let record = whole.to_bytes().unwrap();
        // What is whole can be written as one record, and from that record as parts that say the same.
        let again = Sessions::from_bytes(&record).unwrap();
        assert_eq!(PartStore::of(&again).whole().to_bytes().unwrap(), record);
        let mut archived = whole.archive_current().unwrap();
        for message in said.iter() {
            archived = opened(archived, message, &parts, bob);
        }
        archived.into_changes(|_, _| ());
    });
}

/// The sessions after a message, whatever comes of it.
fn opened(
    mut sessions: Sessions,
    message: &CiphertextMessage,
    parts: &[(StoredPart, &[u8])],
    bob: &mut TestDevice,
) -> Sessions {
    // What can be lacking: a seed, a key, the archive, and then the rest.
    for _ in 0..4 {
        let failed = match sessions.open(&bob.party, message, None, Trust::Anyone, &bob.prekeys, &mut bob.rng)
        {
            Ok(opened) => return opened.sessions,
            Err(failed) => failed,
        };
        let (rest, error) = failed.into_parts();
        sessions = rest;
        let rest: Vec<_> = parts
            .iter()
            .copied()
            .filter(|(part, _)| part.name().as_ref()[0] != StoredPart::WORKING)
            .collect();
        let loaded = match error {
            OpenError::NotLoaded(part) => {
                let found = rest.iter().find(|(there, _)| *there == part);
                sessions.load(part, found.map(|(_, bytes)| *bytes))
            }
            OpenError::NotWhole(_) => sessions.load_rest(&rest),
            _ => break,
        };
        if loaded.is_err() {
            break;
        }
    }
    sessions
}
