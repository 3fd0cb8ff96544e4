//! Polynomials through known values: the points they are known at, and what the values are elsewhere.
//!
//! Lagrange's formula in its barycentric form: with the weight w of a point being the inverse of the product
//! of its distances to all others, the value at z is the sum of w / (z - point) times the point's value,
//! divided by the sum of the same w / (z - point). The latter, since the formula must hold for the polynomial
//! 1, too.

use super::{CHUNK_BYTES, Chunk};
use crate::galois_field::{double, invert, invert_each, multiply, multiply_each};

/// The most points.
const MOST: usize = 36;
/// Elements that are computed with at once.
const LANES: usize = 8;
/// Words in a chunk.
const WORDS: usize = CHUNK_BYTES / 2;

type Elements = [[u16; LANES]; MOST.div_ceil(LANES)];

/// The points at which polynomials are known.
#[derive(Clone, Copy)]
pub(super) struct Nodes {
    points: Elements,
    /// The points' weights, and zero where there is no point.
    weights: Elements,
}

impl Nodes {
    /// The numbers below `count`, which is at most [`MOST`].
    pub(super) const fn first(count: u16) -> Self {
        let mut nodes = Self { points: [[0; LANES]; _], weights: [[0; LANES]; _] };
        let mut j = 0;
        while j < count {
            let mut product = 1;
            let mut m = 0;
            while m < count {
                if m != j {
                    product = multiply(product, j ^ m);
                }
                m += 1;
            }
            nodes.points[j as usize / LANES][j as usize % LANES] = j;
            nodes.weights[j as usize / LANES][j as usize % LANES] = invert(product);
            j += 1;
        }
        nodes
    }

    /// The chunks' indices, which are different.
    pub(super) fn of(chunks: &[Chunk]) -> Self {
        let mut nodes = Self { points: Elements::default(), weights: Elements::default() };
        for (point, chunk) in nodes.points.as_flattened_mut().iter_mut().zip(chunks) {
            *point = chunk.index;
        }
        for (weights, points) in nodes.weights.iter_mut().zip(nodes.points) {
            let products = chunks.iter().fold([1; LANES], |products, other| {
                let distances =
                    points.map(|point| if point == other.index { 1 } else { point ^ other.index });
                multiply_each(products, distances)
            });
            *weights = invert_each(products);
        }
        nodes.weights.as_flattened_mut()[chunks.len()..].fill(0);
        nodes
    }

    /// The polynomials' values at a point that is none of these, from those at these.
    pub(super) fn values_at(&self, point: u16, known: &[[u8; CHUNK_BYTES]]) -> [u8; CHUNK_BYTES] {
        let mut factors = Elements::default();
        let mut total = [0; LANES];
        let lanes = self.points.iter().zip(&self.weights).take(known.len().div_ceil(LANES));
        for (factors, (points, weights)) in factors.iter_mut().zip(lanes) {
            *factors = multiply_each(invert_each(points.map(|known| known ^ point)), *weights);
            for (total, factor) in total.iter_mut().zip(*factors) {
                *total ^= factor;
            }
        }
        let scale = invert(total.iter().fold(0, |total, part| total ^ part));
        let sum = combine(factors.as_flattened(), known);
        let mut chunk = [0; CHUNK_BYTES];
        for (pair, word) in chunk.as_chunks_mut::<2>().0.iter_mut().zip(multiply_each(sum, [scale; WORDS])) {
            *pair = word.to_be_bytes();
        }
        chunk
    }
}

/// The sum of each row times its factor.
///
/// Doubling is linear, so it is put off: first, for each bit, the rows are summed whose factors have it, and
/// then sixteen doublings in all do. The former takes the rows by four, which have only sixteen different
/// sums, and looks those up.
fn combine(factors: &[u16], rows: &[[u8; CHUNK_BYTES]]) -> [u16; WORDS] {
    let mut sums = [Row::ZERO; 16];
    let (factors, _) = factors.as_chunks();
    let (fours, rest) = rows.as_chunks();
    for (factors, four) in factors.iter().zip(fours) {
        add(&mut sums, factors, four);
    }
    if !rest.is_empty()
        && let Some(factors) = factors.get(fours.len())
    {
        let mut four = [[0; CHUNK_BYTES]; 4];
        four[..rest.len()].copy_from_slice(rest);
        add(&mut sums, factors, &four);
    }
    let mut result = [0; WORDS];
    for Row(sum) in sums.iter().rev() {
        for (word, pair) in result.iter_mut().zip(sum.as_chunks().0) {
            *word = double(*word) ^ u16::from_be_bytes(*pair);
        }
    }
    result
}

/// Adds to the sum of each bit those of four rows whose factors have it.
fn add(sums: &mut [Row; 16], factors: &[u16; 4], rows: &[[u8; CHUNK_BYTES]; 4]) {
    let subsets = subsets(rows);
    let all = factors.iter().rev().fold(0, |all, factor| (all << 16) | u64::from(*factor));
    for low in 0..4 {
        // Every fourth bit of all four factors. The product brings those at the same place together, in
        // hexadecimal digits from the 48th bit on: nothing is carried, since no two bits meet.
        let [.., a, b] =
            ((all >> low) & 0x1111_1111_1111_1111).wrapping_mul(0x0001_0002_0004_0008).to_le_bytes();
        let which = u16::from_le_bytes([a, b]);
        for digit in 0..4 {
            let sum = &mut sums[low + 4 * digit];
            *sum = sum.plus(&subsets[usize::from((which >> (4 * digit)) & 15)]);
        }
    }
}

/// The sums of all subsets of four rows; row j is in those whose number has the bit j.
///
/// Spelled out, since compilers then keep whole rows in vector registers.
#[inline]
fn subsets([a, b, c, d]: &[[u8; CHUNK_BYTES]; 4]) -> [Row; 16] {
    let (a, b, c, d) = (&Row(*a), &Row(*b), &Row(*c), &Row(*d));
    let (ab, cd) = (&a.plus(b), &c.plus(d));
    let (ac, bc, abc) = (a.plus(c), b.plus(c), ab.plus(c));
    let (ad, bd, abd) = (a.plus(d), b.plus(d), ab.plus(d));
    let (acd, bcd, abcd) = (a.plus(cd), b.plus(cd), ab.plus(cd));
    [Row::ZERO, *a, *b, *ab, *c, ac, bc, abc, *d, ad, bd, abd, *cd, acd, bcd, abcd]
}

/// A chunk's bytes, aligned as vector registers like it.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Row([u8; CHUNK_BYTES]);

impl Row {
    const ZERO: Self = Self([0; CHUNK_BYTES]);

    #[inline]
    fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (byte, other) in sum.0.iter_mut().zip(&other.0) {
            *byte ^= other;
        }
        sum
    }
}
