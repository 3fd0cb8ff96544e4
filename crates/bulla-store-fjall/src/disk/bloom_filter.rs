//! Which keys a table may hold.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// 2 MiB in all.
const BLOCKS: usize = 1 << u16::BITS;

/// In how many words of its block a key sets a bit.
const WORDS: usize = 4;

/// A Bloom filter over the keys of one table, which says of most keys that were never put that they were not,
/// without looking.
///
/// A message is expected to be new, and nearly always is. A key's bits are together in one block, so that it
/// costs one miss of the processor's cache to set or to see them. With a million keys fewer than one in 200
/// that were never put have to be looked up, with two million fewer than one in 30; the more there are, the
/// less it helps, and it is never wrong.
///
/// # Security
/// Keys are not in it. But whoever reads the memory of the process can ask it of a key that he knows whether
/// it was put, also after it was deleted.
pub(crate) struct BloomFilter {
    blocks: Box<[Block]>,
    /// Keyed, so that nobody can choose names that fill one block.
    hasher: RandomState,
    /// Only one at a time takes note, while others look.
    noting: Mutex<()>,
}

/// Takes note of keys.
pub(crate) struct Noting<'a> {
    filter: &'a BloomFilter,
    _alone: MutexGuard<'a, ()>,
}

#[derive(Default)]
#[repr(align(32))]
struct Block([AtomicU64; WORDS]);

impl BloomFilter {
    /// Of a table that holds nothing.
    pub(crate) fn empty() -> Self {
        let blocks = (0..BLOCKS).map(|_| Block::default()).collect();
        Self { blocks, hasher: RandomState::new(), noting: Mutex::new(()) }
    }

    /// For whoever is about to put keys.
    pub(crate) fn noting(&self) -> Noting<'_> {
        Noting { filter: self, _alone: self.noting.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Whether `key` was put, or may have been; if not, then never.
    pub(crate) fn may_hold(&self, key: &[u8]) -> bool {
        let (block, bits) = self.place(key);
        block.0.iter().zip(bits).all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn place(&self, key: &[u8]) -> (&Block, [u64; WORDS]) {
        let hash = self.hasher.hash_one(key);
        let [.., low, high] = hash.to_le_bytes();
        let bit = |word: u32| 1_u64 << ((hash >> (6 * word)) & 63);
        (&self.blocks[usize::from(u16::from_le_bytes([low, high]))], [bit(0), bit(1), bit(2), bit(3)])
    }
}

impl Noting<'_> {
    /// Takes note of `key`, which is about to be put.
    ///
    /// This orders nothing. Whoever relies on it has learned from the committer which groups are written, and
    /// with that all that was noted before they were.
    pub(crate) fn note(&mut self, key: &[u8]) {
        let (block, bits) = self.filter.place(key);
        for (word, bit) in block.0.iter().zip(bits) {
            // Nobody else changes it, and to add to it at once would wait for each miss of the cache in turn.
            word.store(word.load(Ordering::Relaxed) | bit, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for BloomFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BloomFilter(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bloom_filter_holds_whatever_was_put_and_hardly_anything_else() {
        let filter = BloomFilter::empty();
        assert_eq!(format!("{filter:?}"), "BloomFilter(…)");
        let key = |number: u32| number.to_be_bytes();
        assert!((0..100_000).all(|number| !filter.may_hold(&key(number))));
        for (from, to, one_in) in [(0, 1_000_000, 200), (1_000_000, 2_000_000, 30)] {
            let mut noting = filter.noting();
            (from..to).for_each(|number| noting.note(&key(number)));
            assert!((0..to).all(|number| filter.may_hold(&key(number))));
            let wrong = (0..100_000).filter(|number| filter.may_hold(&key(u32::MAX - number))).count();
            assert!(wrong <= 100_000 / one_in, "{wrong} of 100,000 with {to} keys");
        }
    }
}
