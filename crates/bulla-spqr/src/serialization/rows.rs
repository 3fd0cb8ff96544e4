//! A stored ratchet in rows: what every message changes in one, and each of the rest in one of its own.
//!
//! For `bulla-session`, whose rows these are; nobody else should need it.
//!
//! ```text
//! head            as the whole form begins, but
//!   0   1           form: 2
//!   …   8           instead of the number of skipped keys: the indices between which there are any
//! kept            as in the whole form; absent if empty
//! chunk n         index (2) ‖ chunk (32), in the order they came in
//! key epoch, i    a skipped key
//! ```

use super::chain::Layout;
use super::ml_kem_braid::{CHUNK_ROW, Chunks, StoredState};
use super::reader::Reader;
use super::{Head, WHOLE_HEAD_BYTES};
use crate::error::StoredError;
use crate::limits::MAX_EPOCHS;
use crate::ml_kem_braid::Braid;
use crate::ratchet::Ratchet;
use crate::wiped_bytes::Out;

/// The form of a head.
const FORM: u8 = 2;

/// The most bytes a head has.
pub const HEAD_BYTES: usize = WHOLE_HEAD_BYTES + MAX_EPOCHS * (8 - 2);

/// The states in which chunks of the key are collected: what is collected in the first goes on being so in
/// the second.
const COLLECT_KEY: [u8; 2] = [7, 9];

/// What a row besides the head holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "whoever names rows has to name all")]
pub enum Row {
    /// What a state keeps.
    Exchange,
    /// The chunk that came in after so many others.
    Chunk(u8),
    /// The key of a message that others overtook.
    Key {
        /// The last byte of its epoch: never more than three epochs are alive.
        epoch: u8,
        /// Its index.
        index: u32,
    },
}

/// What stood in the rows when they were loaded.
#[derive(Default)]
pub(crate) struct Rows {
    epoch: u64,
    state: u8,
    kept: bool,
    chunks: u8,
}

impl Ratchet {
    /// What follows from a head, what is kept, and the chunks in their order. No skipped key is loaded.
    ///
    /// # Errors
    ///
    /// [`StoredError`] if one is not what was stored, or is missing.
    #[doc(hidden)]
    pub fn from_rows<'a>(
        head: &[u8],
        kept: &[u8],
        mut chunks: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, StoredError> {
        let mut from = Reader::new(head);
        let Head { epoch, authenticator, state: (code, next, count), chains } =
            Head::read(FORM, Layout::Rows, &mut from)?;
        from.end()?;
        let mut from = Reader::new(kept);
        let state = StoredState::read(code, next, &mut from, Chunks { count, rows: Some(&mut chunks) })?;
        from.end()?;
        if chunks.next().is_some() {
            return Err(StoredError::Value { field: "chunks" });
        }
        let rows = Rows {
            epoch,
            state: code,
            kept: !kept.is_empty(),
            chunks: u8::try_from(count).unwrap_or(u8::MAX),
        };
        let chain = chains.fill(&mut Reader::new(&[]))?;
        Ok(Self { braid: Braid { epoch, authenticator, state }, chain, steps: 0, rows })
    }

    /// Appends the head, at most [`HEAD_BYTES`].
    #[doc(hidden)]
    pub fn store_head(&self, out: &mut impl Out) {
        self.store_head_as(FORM, Layout::Rows, out);
    }

    /// Whether every skipped key is loaded.
    #[doc(hidden)]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.chain.links.iter().all(|link| link.skipped.is_whole())
    }

    /// Takes over a skipped key, or that there is none.
    #[doc(hidden)]
    pub fn load_key(&mut self, epoch: u8, index: u32, key: Option<&[u8; 32]>) {
        let mut alive = self.chain.oldest()..=self.chain.current;
        if let Some(link) =
            alive.find(|alive| named(*alive) == epoch).and_then(|epoch| self.chain.link_mut(epoch))
        {
            link.skipped.load(index, key);
        }
    }

    /// Takes over every skipped key there is, by ascending epoch and index; says how many were taken. What is
    /// here already, was used up since or belongs to nothing is passed over.
    #[doc(hidden)]
    pub fn load_keys(&mut self, keys: &[(u8, u32, &[u8; 32])]) -> usize {
        let mut taken = 0;
        for epoch in self.chain.oldest()..=self.chain.current {
            let name = named(epoch);
            let Some(link) = self.chain.link_mut(epoch) else { continue };
            let first = keys.iter().position(|(epoch, ..)| *epoch == name).unwrap_or(keys.len());
            let of_epoch = keys[first..].iter().take_while(|(epoch, ..)| *epoch == name).count();
            let rows = keys[first..first + of_epoch].iter().map(|(_, index, key)| (*index, *key));
            taken += link.skipped.load_all(rows);
        }
        taken
    }

    /// What has to be done with the rows besides the head, so that they hold what is here: deletions first.
    #[doc(hidden)]
    pub fn changes(&self, mut apply: impl FnMut(Row, Option<&[u8]>)) {
        let kept = self.braid.state.stored_state();
        let same_state = self.rows.epoch == self.braid.epoch && self.rows.state == kept.code;
        let same_chunks = self.rows.epoch == self.braid.epoch
            // By state and epoch, not byte by byte: what was collected in the same state can only have
            // grown.
            && (same_state || [self.rows.state, kept.code] == COLLECT_KEY);
        let first = if same_chunks { self.rows.chunks } else { 0 };

        for (epoch, index) in &self.chain.given_up {
            apply(Row::Key { epoch: named(*epoch), index: *index }, None);
        }
        let is_kept = kept.parts().any(|part| !part.is_empty());
        if self.rows.kept && !is_kept {
            apply(Row::Exchange, None);
        }
        let now = kept.chunks.len().to_le_bytes()[0];
        if !same_chunks {
            (now..self.rows.chunks).for_each(|chunk| apply(Row::Chunk(chunk), None));
        }
        if is_kept && !same_state {
            let mut all = crate::wiped_bytes::Wiped::with_capacity(kept.parts().map(<[u8]>::len).sum());
            kept.parts().for_each(|part| all.extend_from_slice(part));
            apply(Row::Exchange, Some(&all));
        }
        for (number, chunk) in (0..now).zip(kept.chunks).skip(usize::from(first)) {
            let mut row = [0; CHUNK_ROW];
            row[..2].copy_from_slice(&chunk.index.to_be_bytes());
            row[2..].copy_from_slice(&chunk.data);
            apply(Row::Chunk(number), Some(&row));
        }
        for (link, epoch) in self.chain.links.iter().zip(self.chain.oldest()..) {
            let epoch = named(epoch);
            for (index, key) in link.skipped.changes() {
                apply(Row::Key { epoch, index }, key.map(|key| key.as_slice()));
            }
        }
    }

    /// Says that what [`changes`](Self::changes) says has been done.
    #[doc(hidden)]
    pub fn note_stored(&mut self) {
        let kept = self.braid.state.stored_state();
        self.rows = Rows {
            epoch: self.braid.epoch,
            state: kept.code,
            kept: kept.parts().any(|part| !part.is_empty()),
            chunks: kept.chunks.len().to_le_bytes()[0],
        };
        self.chain.given_up.clear();
        self.chain.links.iter_mut().for_each(|link| link.skipped.note_stored());
    }

    /// Every row there is, or may be, besides the head, for when the ratchet is given up.
    #[doc(hidden)]
    pub fn rows(&self, mut each: impl FnMut(Row)) {
        if self.rows.kept {
            each(Row::Exchange);
        }
        (0..self.rows.chunks).for_each(|chunk| each(Row::Chunk(chunk)));
        for (epoch, index) in &self.chain.given_up {
            each(Row::Key { epoch: named(*epoch), index: *index });
        }
        for (link, epoch) in self.chain.links.iter().zip(self.chain.oldest()..) {
            let epoch = named(epoch);
            link.skipped.rows().for_each(|index| each(Row::Key { epoch, index }));
        }
    }
}

/// What an epoch is called in rows.
fn named(epoch: u64) -> u8 {
    epoch.to_le_bytes()[0]
}
