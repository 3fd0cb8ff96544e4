//! Seeds of messages that later ones overtook.

use bulla_spqr::wiped::{Wiped, wipe};

use super::chain::copied;
use crate::limits::SKIPPED_SEEDS;
use crate::secret::Secret;

/// The newest [`SKIPPED_SEEDS`] of them in one chain, by ascending index.
///
/// They are kept as they are stored, so that loading and storing copy one run of bytes, and all shuffling happens
/// inside one buffer that is wiped: a `Vec` of seeds would leave stale copies behind where it shifts or grows.
#[derive(Default)]
pub(super) struct SkippedSeeds {
    bytes: Wiped,
}

impl SkippedSeeds {
    /// Each is its index, four bytes big-endian, and the seed.
    pub(super) const ENTRY: usize = 4 + 32;

    pub(super) fn with_capacity(seeds: usize) -> Self {
        Self { bytes: Wiped::with_capacity(seeds.min(SKIPPED_SEEDS) * Self::ENTRY) }
    }

    /// Takes over stored seeds, unless they are too many, out of order or not below `end`.
    pub(super) fn from_bytes(bytes: &[u8], end: u32) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<{ Self::ENTRY }>();
        let ascending = entries.is_sorted_by(|a, b| index_of(a) < index_of(b));
        let below = entries.last().is_none_or(|last| index_of(last) < end);
        if !rest.is_empty() || entries.len() > SKIPPED_SEEDS || !ascending || !below {
            return None;
        }
        Some(Self { bytes: Wiped::from(bytes.to_vec()) })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / Self::ENTRY
    }

    pub(super) fn find(&self, index: u32) -> Option<Secret<32>> {
        let entries = self.entries();
        let slot = entries.binary_search_by_key(&index, index_of).ok()?;
        entries.get(slot).map(|entry| copied(&entry[4..]))
    }

    pub(super) fn remove(&mut self, index: u32) {
        if let Ok(slot) = self.entries().binary_search_by_key(&index, index_of) {
            self.cut(slot * Self::ENTRY, Self::ENTRY);
        }
    }

    /// Adds a seed with a higher index than any here. There must be room for it.
    pub(super) fn push(&mut self, index: u32, seed: &Secret<32>) {
        debug_assert!(self.bytes.capacity() - self.bytes.len() >= Self::ENTRY, "the buffer would move");
        self.bytes.extend_from_slice(&index.to_be_bytes());
        self.bytes.extend_from_slice(seed.expose());
    }

    /// Adds seeds with higher indexes than any here; the oldest make room.
    pub(super) fn append(&mut self, newer: Self) {
        let surplus = (self.len() + newer.len()).saturating_sub(SKIPPED_SEEDS).min(self.len());
        self.cut(0, surplus * Self::ENTRY);
        if self.bytes.is_empty() {
            *self = newer;
            return;
        }
        let mut all = Wiped::with_capacity(self.bytes.len() + newer.bytes.len());
        all.extend_from_slice(&self.bytes);
        all.extend_from_slice(&newer.bytes);
        self.bytes = all;
    }

    fn entries(&self) -> &[[u8; Self::ENTRY]] {
        self.bytes.as_chunks().0
    }

    fn cut(&mut self, at: usize, length: usize) {
        let end = self.bytes.len() - length;
        self.bytes.copy_within(at + length.., at);
        wipe(&mut self.bytes[end..]);
        self.bytes.truncate(end);
    }
}

fn index_of(entry: &[u8; SkippedSeeds::ENTRY]) -> u32 {
    let [a, b, c, d, ..] = *entry;
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(indexes: std::ops::Range<u32>) -> SkippedSeeds {
        let mut seeds = SkippedSeeds::with_capacity(indexes.len());
        for index in indexes {
            seeds.push(index, &Secret::new([index.to_be_bytes()[3]; 32]));
        }
        seeds
    }

    #[test]
    fn a_seed_is_found_until_it_is_removed() {
        let mut kept = seeds(10..13);
        assert_eq!(kept.find(11).unwrap().expose(), &[11; 32]);
        kept.remove(11);
        assert!(kept.find(11).is_none());
        assert!(kept.find(10).is_some() && kept.find(12).is_some());
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn two_thousand_seeds_are_kept_and_one_more_costs_the_oldest() {
        let limit = u32::try_from(SKIPPED_SEEDS).unwrap();
        let mut kept = seeds(0..1);
        kept.append(seeds(1..limit));
        assert_eq!(kept.len(), SKIPPED_SEEDS);
        assert!(kept.find(0).is_some());
        kept.append(seeds(limit..limit + 1));
        assert_eq!(kept.len(), SKIPPED_SEEDS);
        assert!(kept.find(0).is_none());
        assert!(kept.find(1).is_some() && kept.find(limit).is_some());
    }

    #[test]
    fn stored_seeds_are_refused_when_surplus_or_out_of_order() {
        let limit = u32::try_from(SKIPPED_SEEDS).unwrap();
        let full = seeds(0..limit);
        assert!(SkippedSeeds::from_bytes(full.as_bytes(), limit).is_some());
        assert!(SkippedSeeds::from_bytes(full.as_bytes(), limit - 1).is_none());
        let mut surplus = full.as_bytes().to_vec();
        surplus.extend_from_slice(seeds(limit..limit + 1).as_bytes());
        assert!(SkippedSeeds::from_bytes(&surplus, limit + 1).is_none());
        let mut repeated = seeds(3..4).as_bytes().to_vec();
        repeated.extend_from_within(..);
        assert!(SkippedSeeds::from_bytes(&repeated, 9).is_none());
    }
}
