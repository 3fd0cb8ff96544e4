//! The stored form. That it is canonical, and that failures leave it alone, is checked at every step of every
//! test.

use bulla_spqr::error::StoredError;
use bulla_spqr::limits::MAX_STORED_BYTES;
use bulla_spqr::{Ratchet, Role};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::test_peer::TestPeer;

/// Stored ratchets in all eleven states, some with skipped keys.
fn samples() -> Vec<Vec<u8>> {
    let (mut alice, mut bob) = TestPeer::pair();
    let mut samples = vec![alice.ratchet.to_bytes().to_vec(), bob.ratchet.to_bytes().to_vec()];
    let mut turn = 0u32;
    while alice.ratchet.epoch() < 5 {
        turn += 1;
        // Whether the one who offers talks more decides if key or ciphertext is complete first, and so the
        // states.
        let epoch = alice.ratchet.epoch();
        let (alice_offers, offerer_talks) = (epoch % 2 == 1, epoch <= 2);
        let (from_alice, from_bob) = if alice_offers == offerer_talks { (3, 1) } else { (1, 3) };
        for _ in 0..from_alice {
            let sealed = alice.send();
            if !turn.is_multiple_of(7) {
                bob.receive(&sealed).unwrap();
            }
        }
        for _ in 0..from_bob {
            let sealed = bob.send();
            if !turn.is_multiple_of(5) {
                alice.receive(&sealed).unwrap();
            }
        }
        for end in [&alice, &bob] {
            let stored = end.ratchet.to_bytes();
            let known = samples.iter().filter(|sample| sample[10] == stored[10]).count();
            if known < 2 {
                samples.push(stored.to_vec());
            }
        }
    }
    for state in 0..=10 {
        assert!(samples.iter().any(|sample| sample[10] == state), "state {state} does not occur");
    }
    samples
}

#[test]
fn every_shorter_or_longer_form_is_refused() {
    for stored in samples() {
        for length in 0..stored.len() {
            let refused = Ratchet::from_bytes(&stored[..length]).unwrap_err();
            assert!(matches!(refused, StoredError::Truncated { .. }), "{length} of {}", stored.len());
        }
        let mut longer = stored;
        longer.push(0);
        assert_eq!(Ratchet::from_bytes(&longer).unwrap_err(), StoredError::Trailing { surplus: 1 });
    }
}

#[test]
fn what_is_never_written_is_refused() {
    for stored in samples() {
        let refused = |at: usize, value: &[u8], error: StoredError| {
            let mut altered = stored.clone();
            altered[at..at + value.len()].copy_from_slice(value);
            assert_eq!(Ratchet::from_bytes(&altered).unwrap_err(), error, "{at} in state {}", stored[10]);
        };
        let value = |field| StoredError::Value { field };
        refused(0, &[0], StoredError::Form { found: 0, newest: 1 });
        refused(0, &[2], StoredError::Form { found: 2, newest: 1 });
        refused(1, &[2], value("role"));
        refused(2, &[0; 8], value("epoch"));
        refused(2, &[0x80, 0, 0, 0, 0, 0, 0, 0], value("epoch"));
        refused(10, &[11], value("state"));
        refused(110, &[0], value("epochs"));
        refused(110, &[4], value("epochs"));
        refused(111, &[2], value("epochs"));
        if matches!(stored[10], 0 | 4 | 5 | 6 | 9) {
            refused(12, &[1], value("next chunk"));
        }
        if matches!(stored[10], 0 | 1 | 3 | 6 | 8 | 10) {
            refused(13, &[1], value("chunks"));
        } else {
            refused(13, &[36], value("chunks"));
        }
        if matches!(stored[10], 2 | 4) {
            refused(13, &[0], value("chunks"));
        }
    }
}

/// A head of one epoch ends with the receiving chain's counter, its next key, and the bounds.
#[test]
fn a_head_that_places_skipped_keys_where_none_can_be_is_refused() {
    let mut head = Vec::new();
    Ratchet::new(Role::Responder, &[7; 32]).store_head(&mut head);
    let mut read = |counter: u32, start: u32, end: u32| {
        let at = head.len() - 44;
        head[at..at + 4].copy_from_slice(&counter.to_be_bytes());
        head[at + 36..at + 40].copy_from_slice(&start.to_be_bytes());
        head[at + 40..].copy_from_slice(&end.to_be_bytes());
        Ratchet::from_rows(&head, &[], std::iter::empty()).map(|ratchet| ratchet.is_whole())
    };
    assert_eq!(read(0, 0, 0), Ok(true));
    assert_eq!(read(3_000, 0, 0), Ok(true));
    assert_eq!(read(3_000, 1_000, 3_000), Ok(false));
    assert_eq!(read(10, 1, 10), Ok(false));
    for (counter, start, end) in
        [(3_000, 999, 3_000), (3_000, 1_000, 3_001), (10, 0, 10), (10, 5, 5), (10, 6, 5), (10, 5, 11)]
    {
        let refused = StoredError::Value { field: "skipped keys" };
        assert_eq!(read(counter, start, end), Err(refused), "{start} to {end} at {counter}");
    }
}

#[test]
fn a_form_longer_than_any_is_refused_unread() {
    let short = vec![9; MAX_STORED_BYTES];
    assert!(matches!(Ratchet::from_bytes(&short), Err(StoredError::Form { found: 9, newest: 1 })));
    let long = vec![9; MAX_STORED_BYTES + 1];
    let refused = StoredError::TooLong { most: MAX_STORED_BYTES, actual: MAX_STORED_BYTES + 1 };
    assert_eq!(Ratchet::from_bytes(&long).unwrap_err(), refused);
}

#[test]
fn a_new_ratchet_has_the_form_that_is_drawn() {
    let stored = Ratchet::new(Role::Responder, &[7; 32]).to_bytes();
    assert_eq!(stored[..14], [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0]);
    assert_eq!(stored[110..112], [1, 0]);
    assert_eq!(stored.len(), 112 + 74);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn an_altered_form_is_refused_or_reads_as_what_it_says(
        which in any::<prop::sample::Index>(),
        alterations in prop::collection::vec((any::<prop::sample::Index>(), 0..200usize, any::<bool>(), any::<u8>()), 1..6),
    ) {
        thread_local!(static SAMPLES: Vec<Vec<u8>> = samples());
        let mut stored = SAMPLES.with(|samples| samples[which.index(samples.len())].clone());
        for (anywhere, start, early, value) in alterations {
            // Half of them hit the fields that decide how the rest is read.
            let place = if early { start.min(stored.len() - 1) } else { anywhere.index(stored.len()) };
            stored[place] = value;
        }
        if let Ok(mut ratchet) = Ratchet::from_bytes(&stored) {
            let again = ratchet.to_bytes();
            prop_assert_eq!(again.as_slice(), stored.as_slice());
            // Whatever it holds now, using it does not panic.
            let mut rng = ChaCha20Rng::from_seed([3; 32]);
            let (mut alice, mut bob) = TestPeer::pair();
            for sender in [&mut alice, &mut bob] {
                let (message, _) = sender.send();
                if let Ok(received) = ratchet.receive(message.as_bytes()) {
                    let _ = ratchet.accept(received);
                }
            }
            let _ = ratchet.send(&mut rng);
            let _ = ratchet.to_bytes();
        }
    }
}
