//! Messages of a peer that is let in and does not follow the protocol.

use bulla_spqr::Ratchet;
use bulla_spqr::limits::{MAX_MESSAGE_BYTES, MAX_STORED_BYTES};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::test_peer::TestPeer;

thread_local! {
    /// One stored ratchet for each state of the exchange, in the order of the states.
    static STATES: Vec<Vec<u8>> = states();
}

/// Where the state stands in the stored form.
const STATE: usize = 10;

/// How many states there are.
const ALL: u8 = 11;

/// The first byte chooses the state, every other piece is its length and a message.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&state, mut rest)) = bytes.split_first() else { return };
    let stored = STATES.with(|states| states[usize::from(state % ALL)].clone());
    let mut ratchet = Ratchet::from_bytes(&stored).unwrap();
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    while let Some((&length, after)) = rest.split_first() {
        let (message, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let before = ratchet.to_bytes();
        let received = ratchet.receive(message);
        assert_eq!(ratchet.to_bytes(), before, "receiving left a trace before it was accepted");
        let Ok(received) = received else { continue };
        assert!(ratchet.accept(received));
        // The same once more is refused: its key is used up.
        assert!(ratchet.receive(message).is_err(), "a key was given out twice");
        ratchet = reloaded(&ratchet);
    }
    if let Ok(sent) = ratchet.send(&mut rng) {
        assert!(sent.message.as_bytes().len() <= MAX_MESSAGE_BYTES);
    }
    reloaded(&ratchet);
}

/// What is stored fits its bound and reads as what it was.
pub(crate) fn reloaded(ratchet: &Ratchet) -> Ratchet {
    let stored = ratchet.to_bytes();
    assert!(stored.len() == ratchet.stored_len() && stored.len() <= MAX_STORED_BYTES);
    let read = Ratchet::from_bytes(&stored).unwrap();
    assert_eq!(read.to_bytes(), stored, "the stored form is not canonical");
    read
}

/// Who offers and who talks more decides which states occur, so it changes with the epoch.
fn states() -> Vec<Vec<u8>> {
    let mut found = vec![Vec::new(); usize::from(ALL)];
    let (mut alice, mut bob) = TestPeer::pair();
    while alice.ratchet.epoch() < 5 {
        let epoch = alice.ratchet.epoch();
        let alice_talks = (epoch % 2 == 1) == (epoch <= 2);
        for (from_alice, messages) in
            [(true, 1 + 2 * u8::from(alice_talks)), (false, 3 - 2 * u8::from(alice_talks))]
        {
            for _ in 0..messages {
                let (sender, receiver) =
                    if from_alice { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
                let sealed = sender.send();
                receiver.receive(&sealed).unwrap();
            }
        }
        for end in [&alice, &bob] {
            let stored = end.ratchet.to_bytes().to_vec();
            let state = usize::from(stored[STATE]);
            found[state] = stored;
        }
    }
    let (alice, bob) = TestPeer::pair();
    for end in [alice, bob] {
        let stored = end.ratchet.to_bytes().to_vec();
        let state = usize::from(stored[STATE]);
        found[state] = stored;
    }
    assert!(found.iter().all(|stored| !stored.is_empty()), "a state does not occur");
    found
}
