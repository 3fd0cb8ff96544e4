//! Random decisions, drawn from a seed.

use bulla_base::Rng;

/// A number less than `bound`, or 0.
pub(crate) fn below(rng: &dyn Rng, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_be_bytes(bytes) % bound.max(1)
}

/// True in `percent` of a hundred cases.
pub(crate) fn happens(rng: &dyn Rng, percent: u64) -> bool {
    percent > 0 && below(rng, 100) < percent
}

/// One of them.
pub(crate) fn one_of<T: Copy>(rng: &dyn Rng, choices: &[T]) -> T {
    choices[usize::try_from(below(rng, choices.len() as u64)).unwrap()]
}
