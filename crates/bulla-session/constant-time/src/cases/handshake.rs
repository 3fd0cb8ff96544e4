//! PQXDH, both roles.

use bulla_session::{OpenError, Trust};

use super::device::{Plain, Secret};

/// With and without a one-time prekey.
pub(super) fn initiating() -> usize {
    (0..4)
        .map(|seed| {
            let (mut alice, mut bob) = (Secret::new(10 + seed), Plain::new(20 + seed));
            alice.meet(&bob.party.bundle(seed % 2 == 0), Trust::Only(bob.party.identity()));
            let hello = alice.seal(b"hello");
            assert_eq!(bob.open(&hello).unwrap(), b"hello");
        })
        .count()
}

pub(super) fn responding() -> usize {
    (0..4)
        .map(|seed| {
            let (mut alice, mut bob) = (Plain::new(10 + seed), Secret::new(20 + seed));
            alice.meet(&bob.party.bundle(seed % 2 == 0));
            let hello = alice.seal(b"hello");
            assert_eq!(bob.open(&hello, Trust::Only(alice.party.identity())).unwrap(), b"hello");
        })
        .count()
}

/// Decapsulating an altered ciphertext gives another secret, by a way that must not be told from the usual
/// one.
pub(super) fn altered() -> usize {
    // Places from the message's end, where the ciphertext stands: in each of its two parts.
    [1, 100, 300, 1500]
        .into_iter()
        .map(|place| {
            let (mut alice, mut bob) = (Plain::new(10), Secret::new(20));
            alice.meet(&bob.party.bundle(true));
            let mut hello = alice.seal(b"hello");
            let length = hello.bytes.len();
            hello.bytes[length - place] ^= 1;
            assert_eq!(bob.open(&hello, Trust::Anyone), Err(OpenError::Undecipherable));
        })
        .count()
}
