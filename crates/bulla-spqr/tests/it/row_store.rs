//! A ratchet stored in rows, of which only those are read that are needed.

use std::collections::BTreeMap;

use bulla_spqr::error::ReceiveError;
use bulla_spqr::serialization::{HEAD_BYTES, Row};
use bulla_spqr::{Message, Ratchet};
use rand_chacha::ChaCha20Rng;

#[derive(Default)]
pub(crate) struct RowStore {
    head: Vec<u8>,
    rows: BTreeMap<Row, Vec<u8>>,
    /// The most bytes written at once besides what a state keeps, which is written but once.
    pub(crate) most_rewritten: usize,
}

impl RowStore {
    /// A ratchet that was never stored in rows.
    pub(crate) fn of(ratchet: &Ratchet) -> Self {
        let mut row_store = Self::default();
        row_store.put(&Ratchet::from_bytes(&ratchet.to_bytes()).unwrap());
        row_store
    }

    /// Does what a ratchet read from here does, and remembers what it came to.
    pub(crate) fn send(&mut self, mut rng: ChaCha20Rng) -> (Message, [u8; 32]) {
        let mut ratchet = self.partial();
        let sent = ratchet.send(&mut rng).unwrap();
        self.put(&ratchet);
        (sent.message, *sent.key.expose())
    }

    pub(crate) fn receive(&mut self, message: &[u8]) -> Result<[u8; 32], ReceiveError> {
        let mut ratchet = self.partial();
        let received = match ratchet.receive(message) {
            Err(ReceiveError::NotLoaded { epoch, index }) => {
                let [epoch, ..] = epoch.to_le_bytes();
                let row = self.rows.get(&Row::Key { epoch, index });
                ratchet.load_key(epoch, index, row.map(|row| row.as_slice().try_into().unwrap()));
                ratchet.receive(message)?
            }
            other => other?,
        };
        let key = *received.key().expose();
        assert!(ratchet.accept(received));
        self.put(&ratchet);
        Ok(key)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Ratchet {
        let mut ratchet = self.partial();
        let keys: Vec<_> = self
            .rows
            .iter()
            .filter_map(|(row, key)| match row {
                Row::Key { epoch, index } => Some((*epoch, *index, key.as_slice().try_into().unwrap())),
                _ => None,
            })
            .collect();
        assert_eq!(ratchet.load_keys(&keys), keys.len(), "keys are left that belong to nothing");
        assert!(ratchet.is_whole());
        ratchet
    }

    /// What is read before a message, with no skipped key.
    pub(crate) fn partial(&self) -> Ratchet {
        let kept = self.rows.get(&Row::Exchange).map(Vec::as_slice).unwrap_or_default();
        let chunks = self.rows.range(Row::Chunk(0)..=Row::Chunk(u8::MAX));
        let chunks: Vec<_> = chunks.map(|(_, chunk)| chunk.as_slice()).collect();
        Ratchet::from_rows(&self.head, kept, chunks.into_iter()).unwrap()
    }

    fn put(&mut self, ratchet: &Ratchet) {
        self.head.clear();
        ratchet.store_head(&mut self.head);
        assert!(self.head.len() <= HEAD_BYTES);
        let mut rewritten = self.head.len();
        ratchet.changes(|row, bytes| {
            match bytes {
                Some(bytes) => self.rows.insert(row, bytes.to_vec()),
                None => self.rows.remove(&row),
            };
            if matches!(row, Row::Chunk(_)) {
                rewritten += bytes.map_or(0, <[u8]>::len);
            }
        });
        self.most_rewritten = self.most_rewritten.max(rewritten);
    }
}
