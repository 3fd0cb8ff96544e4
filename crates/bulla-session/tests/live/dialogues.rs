//! Ways to talk.

use rand_core::Rng;

use crate::pair::{Letter, OpenFailure, Pair, Role};

/// How many epochs of the post-quantum ratchet a long run must see on each end.
const EPOCHS: u64 = 5;

/// One message each in turn; none may fail.
pub(crate) fn ping_pong(pair: &mut Pair, messages: usize) {
    let mut from = Role::Ours;
    for _ in 0..messages {
        let letter = pair.seal(from);
        pair.open(&letter).unwrap_or_else(|error| panic!("{error:?}: {letter:?}"));
        from = from.other();
    }
    if messages > 1_000 {
        assert!(pair.epochs().iter().all(|epoch| *epoch > EPOCHS), "only {:?} epochs", pair.epochs());
    }
}

/// Bursts one way and the other over a line that loses, doubles and shuffles; what arrives opens once.
pub(crate) fn bursts(pair: &mut Pair, messages: usize) {
    let (mut sent, mut from) = (0, Role::Ours);
    while sent < messages {
        let length = 1 + below(pair, 60);
        let mut letters: Vec<Letter> = (0..length).map(|_| pair.seal(from)).collect();
        sent += length;
        for place in 0..letters.len() {
            let near = (place + below(pair, 8)).min(letters.len() - 1);
            letters.swap(place, near);
        }
        for letter in &letters {
            match below(pair, 10) {
                0 => {}
                1 => {
                    pair.open(letter).unwrap_or_else(|error| panic!("{error:?}"));
                    assert!(
                        matches!(pair.open(letter), Err(OpenFailure::Duplicate)),
                        "a message opened twice"
                    );
                }
                _ => pair.open(letter).unwrap_or_else(|error| panic!("{error:?}")),
            }
        }
        // The last of a burst always arrives, so that the other end may answer.
        let last = pair.seal(from);
        pair.open(&last).unwrap_or_else(|error| panic!("{error:?}"));
        from = from.other();
    }
    assert!(pair.epochs().iter().all(|epoch| *epoch > EPOCHS), "only {:?} epochs", pair.epochs());
}

/// `who` begins anew; a message each way, and all is well again.
pub(crate) fn heal(pair: &mut Pair, who: Role) {
    pair.begin(who, true);
    for from in [who, who.other()] {
        let letter = pair.seal(from);
        pair.open(&letter).unwrap_or_else(|error| panic!("not healed: {error:?}"));
    }
    ping_pong(pair, 10);
}

fn below(pair: &mut Pair, bound: usize) -> usize {
    usize::try_from(pair.rng.next_u32()).unwrap() % bound
}
