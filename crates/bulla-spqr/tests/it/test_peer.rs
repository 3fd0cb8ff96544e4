//! One end in memory, which is stored and loaded around every step.

use bulla_spqr::error::ReceiveError;
use bulla_spqr::{Message, Ratchet, Role};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::row_store::RowStore;

pub(crate) struct TestPeer {
    pub(crate) ratchet: Ratchet,
    pub(crate) rng: ChaCha20Rng,
    /// The same ratchet in rows, which is to do the same.
    pub(crate) row_store: RowStore,
}

/// A message, and the key that was used for it.
pub(crate) type Sealed = (Message, [u8; 32]);

impl TestPeer {
    pub(crate) fn pair() -> (Self, Self) {
        let end = |role, seed| Self {
            ratchet: Ratchet::new(role, &[7; 32]),
            rng: ChaCha20Rng::from_seed([seed; 32]),
            row_store: RowStore::of(&Ratchet::new(role, &[7; 32])),
        };
        (end(Role::Initiator, 1), end(Role::Responder, 2))
    }

    pub(crate) fn send(&mut self) -> Sealed {
        let rng = self.rng.clone();
        let (message, key) = self.row_store().send(rng);
        let sent = self.ratchet.send(&mut self.rng).unwrap();
        assert_eq!((message.as_bytes(), &key), (sent.message.as_bytes(), sent.key.expose()));
        self.reload();
        (sent.message, key)
    }

    /// Receives a message and compares keys.
    pub(crate) fn receive(&mut self, (message, key): &Sealed) -> Result<(), ReceiveError> {
        let before = self.ratchet.to_bytes();
        let from_rows = self.row_store().receive(message.as_bytes());
        assert_eq!(from_rows.err(), self.ratchet.receive(message.as_bytes()).err());
        match self.ratchet.receive(message.as_bytes()) {
            Ok(received) => {
                assert_eq!(received.key().expose(), key, "the keys differ");
                assert_eq!(self.ratchet.to_bytes(), before, "receiving left a trace before it was accepted");
                assert!(self.ratchet.accept(received));
                self.reload();
                Ok(())
            }
            Err(error) => {
                assert_eq!(self.ratchet.to_bytes(), before, "a refused message left a trace");
                Err(error)
            }
        }
    }

    /// Both talk in turns until `until` has begun, losing nothing; how many messages it took.
    pub(crate) fn talk(&mut self, other: &mut Self, until: u64) -> usize {
        let mut messages = 0;
        while self.ratchet.epoch().min(other.ratchet.epoch()) < until {
            let sealed = self.send();
            other.receive(&sealed).unwrap();
            let sealed = other.send();
            self.receive(&sealed).unwrap();
            messages += 2;
        }
        messages
    }

    pub(crate) fn reload(&mut self) {
        let stored = self.ratchet.to_bytes();
        assert_eq!(stored.len(), self.ratchet.stored_len());
        self.ratchet = Ratchet::from_bytes(&stored).unwrap();
        assert_eq!(self.ratchet.to_bytes(), stored, "the stored form is not canonical");
        assert_eq!(self.row_store.whole().to_bytes(), stored, "the rows hold something else");
    }

    /// The ratchet in rows, which are written anew if a test has put another one in its place.
    fn row_store(&mut self) -> &mut RowStore {
        if self.row_store.whole().to_bytes() != self.ratchet.to_bytes() {
            self.row_store = RowStore::of(&self.ratchet);
        }
        &mut self.row_store
    }
}
