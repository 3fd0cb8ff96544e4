//! The post-quantum ratchet on its own.

use std::collections::BTreeSet;

use bulla_spqr::error::ReceiveError;
use bulla_spqr::{Message, Ratchet, Role, Secret};

use crate::layout::Layout;
use crate::secret::{Chance, hidden, hide, reveal, reveal_shape};

/// One end, which stores its ratchet after every step and loads it before the next.
struct End {
    stored: Vec<u8>,
    chance: Chance,
}

impl End {
    fn pair() -> (Self, Self) {
        let mut agreed = [7; 32];
        hide(&mut agreed);
        let end = |role, seed| {
            let mut end = Self { stored: Vec::new(), chance: Chance::new(seed) };
            end.store(&Ratchet::new(role, &agreed));
            end
        };
        (end(Role::Initiator, 1), end(Role::Responder, 2))
    }

    fn load(&mut self) -> Ratchet {
        Layout::of_ratchet(&self.stored).hide(&mut self.stored);
        Ratchet::from_bytes(&self.stored).unwrap()
    }

    fn store(&mut self, ratchet: &Ratchet) {
        self.stored = ratchet.to_bytes().to_vec();
        Layout::of_ratchet(&self.stored).assert_hidden(&self.stored);
    }

    fn send(&mut self) -> (Message, [u8; 32]) {
        let mut ratchet = self.load();
        let sent = reveal_shape(ratchet.send(&mut self.chance).map(Box::new)).unwrap();
        self.store(&ratchet);
        reveal(sent.message.as_bytes());
        (sent.message, revealed(&sent.key))
    }

    fn receive(&mut self, message: &[u8]) -> Result<[u8; 32], ReceiveError> {
        let mut ratchet = self.load();
        let received = reveal_shape(ratchet.receive(message).map(Box::new))?;
        let key = revealed(received.key());
        assert!(ratchet.accept(*received));
        self.store(&ratchet);
        Ok(key)
    }

    /// The number of the state the exchange is in.
    fn state(&self) -> u8 {
        self.stored[10]
    }
}

fn revealed(key: &Secret<32>) -> [u8; 32] {
    assert_eq!(hidden(key.expose()), 32, "it was not made from the secret");
    let key = *key.expose();
    reveal(&key);
    key
}

/// Through all states of the exchange, with messages that are lost and others that come late.
pub(super) fn exchange() -> usize {
    let (mut alice, mut bob) = End::pair();
    let mut states = BTreeSet::new();
    let mut late = None;
    let messages = (0..600)
        .map(|number| {
            states.insert(alice.state());
            let (message, key) = alice.send();
            match number % 12 {
                5 => {}
                // For a while most of ciphertext 1 is lost, so that once the key is there first.
                _ if number < 200 && number % 8 < 6 && matches!(alice.state(), 7 | 8) => {}
                8 => late = Some((message, key)),
                _ => assert_eq!(bob.receive(message.as_bytes()).unwrap(), key),
            }
            if number % 12 == 10
                && let Some((message, key)) = late.take()
            {
                assert_eq!(bob.receive(message.as_bytes()).unwrap(), key);
            }
            std::mem::swap(&mut alice, &mut bob);
        })
        .count();
    assert_eq!(states.len(), 11, "not all states were seen: {states:?}");
    messages
}

/// Whatever completes something authenticated is altered first: header, key and ciphertext of an epoch,
/// header of the next.
pub(super) fn forged() -> usize {
    let (mut alice, mut bob) = End::pair();
    let mut forged = 0;
    for _ in 0..100 {
        let (message, key) = alice.send();
        let mut altered = message.as_bytes().to_vec();
        // Inside the chunk, if there is one.
        if let Some(byte) = altered.get_mut(20) {
            *byte ^= 1;
            let refused = reveal_shape(bob.load().receive(&altered).map(drop));
            forged += usize::from(matches!(refused, Err(ReceiveError::Forged)));
        }
        assert_eq!(bob.receive(message.as_bytes()).unwrap(), key);
        std::mem::swap(&mut alice, &mut bob);
    }
    forged
}
