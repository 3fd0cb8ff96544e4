//! The erasure code: a text in k pieces of which any k of 65 536 chunks give it back.
//!
//! A text of 32 k bytes is a table of k rows and 16 columns of big-endian words. Through each column goes one
//! polynomial of a degree below k, taking row j's word at the point j; chunk i is the 16 polynomials' values at i. So
//! the first k chunks are the text itself.

use crate::field::{double, invert, multiply};

/// Bytes in a chunk.
pub(crate) const CHUNK_BYTES: usize = 32;
/// Words in a chunk.
const WORDS: usize = CHUNK_BYTES / 2;
/// The most chunks a text is cut into.
const MOST: usize = 36;

type Row = [u16; WORDS];

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
    /// For each j below `chunks`, the inverse of the product of all j - m.
    weights: [u16; MOST],
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
        let mut weights = [0; MOST];
        let mut j = 0;
        while j < chunks {
            let mut product = 1;
            let mut m = 0;
            while m < chunks {
                if m != j {
                    product = multiply(product, j ^ m);
                }
                m += 1;
            }
            weights[j as usize] = invert(product);
            j += 1;
        }
        Self { chunks, weights }
    }

    /// How many chunks give the text back.
    pub(crate) const fn chunks(&self) -> usize {
        self.chunks as usize
    }

    /// The chunk at `index` of a text of the code's length.
    ///
    /// # Cost
    ///
    /// A copy for the first ones, then about a microsecond.
    pub(crate) fn encode(&self, text: &[u8], index: u16) -> Chunk {
        let (pieces, _) = text.as_chunks::<CHUNK_BYTES>();
        if let Some(piece) = pieces.get(usize::from(index)) {
            return Chunk { index, data: *piece };
        }
        let mut distances = [0; MOST];
        let mut rows = [[0; WORDS]; MOST];
        for ((j, piece), (distance, row)) in (0..).zip(pieces).zip(distances.iter_mut().zip(&mut rows)) {
            *distance = index ^ j;
            *row = words(piece);
        }
        let mut factors = others(&distances[..self.chunks()]);
        for (factor, weight) in factors.iter_mut().zip(self.weights) {
            *factor = multiply(*factor, weight);
        }
        Chunk { index, data: bytes(&combine(&factors[..self.chunks()], &rows)) }
    }

    /// The text, from exactly as many chunks of different indices as it takes.
    pub(crate) fn decode(&self, collected: &[Chunk]) -> Option<Vec<u8>> {
        if collected.len() != self.chunks() {
            return None;
        }
        let mut rows = [[0; WORDS]; MOST];
        let mut weights = [0; MOST];
        for (chunk, (row, weight)) in collected.iter().zip(rows.iter_mut().zip(&mut weights)) {
            *row = words(&chunk.data);
            let apart = collected.iter().filter(|other| other.index != chunk.index);
            *weight = invert(apart.fold(1, |product, other| multiply(product, chunk.index ^ other.index)));
        }
        let mut text = Vec::with_capacity(self.chunks() * CHUNK_BYTES);
        for point in 0..self.chunks {
            if let Some(chunk) = collected.iter().find(|chunk| chunk.index == point) {
                text.extend_from_slice(&chunk.data);
                continue;
            }
            let mut distances = [0; MOST];
            for (distance, chunk) in distances.iter_mut().zip(collected) {
                *distance = point ^ chunk.index;
            }
            let mut factors = others(&distances[..self.chunks()]);
            for (factor, weight) in factors.iter_mut().zip(weights) {
                *factor = multiply(*factor, weight);
            }
            text.extend_from_slice(&bytes(&combine(&factors[..self.chunks()], &rows)));
        }
        Some(text)
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
        let mut all = Vec::with_capacity(code.chunks());
        all.extend_from_slice(&self.0);
        all.push(chunk);
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

/// For each value, the product of all others.
fn others(values: &[u16]) -> [u16; MOST] {
    let mut products = [1; MOST];
    let mut before = 1;
    for (product, value) in products.iter_mut().zip(values) {
        *product = before;
        before = multiply(before, *value);
    }
    let mut after = 1;
    for (product, value) in products.iter_mut().zip(values).rev() {
        *product = multiply(*product, after);
        after = multiply(after, *value);
    }
    products
}

/// The sum of each row times its factor.
///
/// Doubling is linear, so the sum is built bit by bit of the factors from the top, with 16 doublings in all rather
/// than 16 for every row; what is left is masks and `^` over whole rows, which compilers vectorise.
fn combine(factors: &[u16], rows: &[Row; MOST]) -> Row {
    let mut sum = [0; WORDS];
    for bit in (0..16).rev() {
        sum = sum.map(double);
        for (factor, row) in factors.iter().zip(rows) {
            let mask = 0u16.wrapping_sub((factor >> bit) & 1);
            for (word, other) in sum.iter_mut().zip(row) {
                *word ^= other & mask;
            }
        }
    }
    sum
}

fn words(chunk: &[u8; CHUNK_BYTES]) -> Row {
    let mut row = [0; WORDS];
    for (word, pair) in row.iter_mut().zip(chunk.as_chunks::<2>().0) {
        *word = u16::from_be_bytes(*pair);
    }
    row
}

fn bytes(row: &Row) -> [u8; CHUNK_BYTES] {
    let mut chunk = [0; CHUNK_BYTES];
    for (pair, word) in chunk.as_chunks_mut::<2>().0.iter_mut().zip(row) {
        *pair = word.to_be_bytes();
    }
    chunk
}

#[cfg(test)]
mod tests;
