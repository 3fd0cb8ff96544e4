//! What a message may allocate, loading and storing included.

use bulla_session::*;

use crate::test_device::{NOW, TestDevice};

/// The parts that every message takes, in buffers that are there already, as a cache or a journal would have
/// them.
struct StoredParts(Vec<(StoredPart, Vec<u8>)>);

impl StoredParts {
    fn of(side: &TestDevice) -> Self {
        let working = |part: &StoredPart| part.name().as_ref()[0] == StoredPart::WORKING;
        Self(side.store.parts().filter(|(part, _)| working(part)).map(|(p, b)| (*p, b.clone())).collect())
    }

    fn sessions(&self) -> Sessions {
        Sessions::from_parts(self.0.iter().map(|(part, bytes)| (*part, bytes.as_slice()))).unwrap()
    }

    fn put(&mut self, sessions: Sessions) {
        sessions.into_changes(|part, bytes| {
            let place = self.0.iter_mut().find(|(there, _)| *there == part);
            let ((_, stored), bytes) = (place.expect("a steady message adds no part"), bytes.unwrap());
            stored.clear();
            stored.extend_from_slice(bytes);
        });
    }
}

/// Most messages of a dialogue: those that add no chunk and complete no step of the post-quantum
/// exchange.
#[test]
fn a_steady_message_allocates_three_times_at_most() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    // Until everything that one of them can send without an answer has arrived.
    for _ in 0..50 {
        let message = alice.say(b"");
        bob.hear(&message).unwrap();
    }
    let (mut ours, mut theirs) = (StoredParts::of(&alice), StoredParts::of(&bob));
    for length in [0, 100, 1024, 16 * 1024] {
        let text = vec![b'x'; length];
        let mut message = None;
        let sealing = allocation_counter::measure(|| {
            let sealed = ours.sessions().seal(&text, None, NOW, &mut alice.rng).unwrap();
            ours.put(sealed.sessions);
            message = Some(sealed.message);
        });
        let message = message.unwrap();
        let opening = allocation_counter::measure(|| {
            let sessions = theirs.sessions();
            let opened =
                sessions.open(&bob.party, &message, None, Trust::Anyone, &NoPreKeys, &mut bob.rng).unwrap();
            theirs.put(opened.sessions);
            assert_eq!(opened.plaintext, text);
        });
        println!("{length} bytes: {} to seal, {} to open", sealing.count_total, opening.count_total);
        assert!(sealing.count_total <= 3, "{} to seal {length}", sealing.count_total);
        assert!(opening.count_total <= 3, "{} to open {length}", opening.count_total);
    }
}

/// A first message of an unknown session makes all parts be loaded before it can be authenticated. Each was
/// put in its place by itself, and all that were there were copied for it: 144 MB for two thousand skipped
/// messages.
#[test]
fn loading_what_was_skipped_copies_it_once() {
    let (mut alice, mut bob) = TestDevice::acquainted();
    let message = (0..2_001).map(|_| alice.say(b"")).last().unwrap();
    bob.hear(&message).unwrap();
    let rest: Vec<_> =
        bob.store.parts().filter(|(part, _)| part.name().as_ref()[0] != StoredPart::WORKING).collect();
    let rest: Vec<_> = rest.into_iter().map(|(part, bytes)| (*part, bytes.as_slice())).collect();
    assert_eq!(rest.len(), 4_000);
    let mut sessions = bob.store.working();
    let loading = allocation_counter::measure(|| sessions.load_rest(&rest).unwrap());
    assert!(sessions.is_whole());
    let bytes: usize = rest.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("{} bytes in {} allocations to load {bytes}", loading.bytes_total, loading.count_total);
    assert!(loading.bytes_total <= 2 * bytes as u64, "{} bytes to load {bytes}", loading.bytes_total);
    assert!(loading.count_total <= 8, "{} allocations", loading.count_total);
}
