//! The erasure code: a text in k pieces of which any k of 65 536 chunks give it back.
//!
//! A text of 32 k bytes is a table of k rows and 16 columns of big-endian words. Through each column goes one
//! polynomial of a degree below k, taking row j's word at the point j; chunk i is the 16 polynomials' values
//! at i. So the first k chunks are the text itself.

use self::interpolation::Nodes;

/// Bytes in a chunk.
pub(crate) const CHUNK_BYTES: usize = 32;

/// A piece of an encoded text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) index: u16,
    pub(crate) data: [u8; CHUNK_BYTES],
}

/// The code for texts of one length.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    /// How many chunks a text is.
    chunks: u16,
    /// The first chunks' indices.
    nodes: Nodes,
}

impl Code {
    /// Header and MAC: 96 bytes.
    pub(crate) const HEADER: Self = Self::new(3);
    /// The encapsulation key's vector: 1152 bytes.
    pub(crate) const KEY: Self = Self::new(36);
    /// The ciphertext's first part: 960 bytes.
    pub(crate) const CT1: Self = Self::new(30);
    /// The ciphertext's second part and the MAC: 160 bytes.
    pub(crate) const CT2: Self = Self::new(5);

    const fn new(chunks: u16) -> Self {
        Self { chunks, nodes: Nodes::first(chunks) }
    }

    /// How many chunks give the text back.
    pub(crate) const fn chunks(&self) -> usize {
        self.chunks as usize
    }

    /// The chunk at `index` of a text of the code's length.
    ///
    /// # Cost
    ///
    /// A copy for the first ones, then 0.4 µs, and 0.65 µs from index 1024 on.
    pub(crate) fn encode(&self, text: &[u8], index: u16) -> Chunk {
        let (pieces, _) = text.as_chunks::<CHUNK_BYTES>();
        let data = match pieces.get(usize::from(index)) {
            Some(piece) => *piece,
            None => self.nodes.values_at(index, pieces),
        };
        Chunk { index, data }
    }

    /// The text, from exactly as many chunks of different indices as it takes.
    ///
    /// # Cost
    ///
    /// A copy for the text's own pieces, and 0.6 µs for each of the others.
    pub(crate) fn decode(&self, collected: &[Chunk]) -> Option<Vec<u8>> {
        if collected.len() != self.chunks() {
            return None;
        }
        let mut pieces = vec![None; self.chunks()];
        for chunk in collected {
            if let Some(piece) = pieces.get_mut(usize::from(chunk.index)) {
                *piece = Some(chunk.data);
            }
        }
        let known: Vec<_> = collected.iter().map(|chunk| chunk.data).collect();
        // Worked out only if a piece of the text is lacking: mostly none is, and all is copying.
        let mut nodes = None;
        let text = (0..).zip(pieces).flat_map(|(index, piece)| {
            piece
                .unwrap_or_else(|| nodes.get_or_insert_with(|| Nodes::of(collected)).values_at(index, &known))
        });
        Some(text.collect())
    }
}

/// The chunks of one text that have arrived, fewer than it takes.
#[derive(Default)]
pub(crate) struct Collected(Vec<Chunk>);

impl Collected {
    pub(crate) fn starting_with(chunk: Chunk) -> Self {
        Self(vec![chunk])
    }

    pub(crate) fn with_capacity(chunks: usize) -> Self {
        Self(Vec::with_capacity(chunks))
    }

    pub(crate) fn as_slice(&self) -> &[Chunk] {
        &self.0
    }

    pub(crate) fn contains(&self, index: u16) -> bool {
        self.0.iter().any(|chunk| chunk.index == index)
    }

    /// Keeps a chunk of an index not here yet.
    pub(crate) fn push(&mut self, chunk: Chunk) {
        debug_assert!(!self.contains(chunk.index), "a chunk was kept twice");
        self.0.push(chunk);
    }

    /// What one more chunk leads to.
    pub(crate) fn with(&self, chunk: Chunk, code: &Code) -> Arrival {
        if self.contains(chunk.index) {
            return Arrival::Known;
        }
        if self.0.len() + 1 < code.chunks() {
            return Arrival::New;
        }
        // A copy, since nothing may change before the message has proved genuine.
        let mut all = Vec::with_capacity(code.chunks());
        all.extend_from_slice(&self.0);
        all.push(chunk);
        // As many as it takes, and all different: it cannot fail.
        code.decode(&all).map_or(Arrival::Known, Arrival::Complete)
    }
}

/// What a chunk means for the text it is of.
pub(crate) enum Arrival {
    /// Nothing: it is here already.
    Known,
    /// It is to be kept.
    New,
    /// With it, this is the text.
    Complete(Vec<u8>),
}

mod interpolation;
#[cfg(test)]
mod tests;
