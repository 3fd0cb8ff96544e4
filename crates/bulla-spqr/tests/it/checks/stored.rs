//! Stored ratchets, as a store might give them back.

use bulla_spqr::Ratchet;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::message::reloaded;
use crate::test_peer::TestPeer;

/// What reads is written back to the byte, and whatever it holds, it can be used without panic.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(mut ratchet) = Ratchet::from_bytes(bytes) else { return };
    assert_eq!(ratchet.to_bytes().as_slice(), bytes, "the stored form is not canonical");
    assert!(!format!("{ratchet:?}").is_empty());
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let mut said = ratchet.send(&mut rng).map(|sent| sent.message).into_iter().collect::<Vec<_>>();
    let (mut alice, mut bob) = TestPeer::pair();
    said.extend([alice.send().0, bob.send().0]);
    // Of the epoch it is in itself, and at the end of everything.
    let epoch = ratchet.epoch();
    for index in [1, 2, u32::MAX] {
        for kind in [0, 4] {
            if let Ok(received) = ratchet.receive(&numbered(epoch, index, kind)) {
                assert!(ratchet.accept(received));
                ratchet = reloaded(&ratchet);
            }
        }
    }
    for message in said {
        if let Ok(received) = ratchet.receive(message.as_bytes()) {
            assert!(ratchet.accept(received));
            ratchet = reloaded(&ratchet);
        }
        let _ = ratchet.send(&mut rng);
        ratchet = reloaded(&ratchet);
    }
}

/// A message without a chunk.
fn numbered(epoch: u64, index: u32, kind: u8) -> Vec<u8> {
    let mut message = vec![1];
    for mut number in [epoch, u64::from(index)] {
        while number >= 0x80 {
            message.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        message.push(number.to_le_bytes()[0]);
    }
    message.push(kind);
    message
}
