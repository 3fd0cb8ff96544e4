//! What was written of late.
//!
//! A session or a head is changed again and again, each time on the condition that it is as it was read, and
//! a counter is added to. Nobody but the writer writes, so what it wrote last is what stands in the tables,
//! and nobody need look.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// What stands under each key: two generations of half the bound each. When the younger is full the older is
/// forgotten, and the younger takes its place.
#[derive(Debug)]
pub(crate) struct BoundedCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    most: usize,
}

impl<K: Borrow<[u8]> + Clone + Eq + Hash, V: Copy> BoundedCache<K, V> {
    /// Nothing yet, and never more than `most`.
    pub(crate) fn of(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), most }
    }

    /// What stands under `key`, if that is known.
    pub(crate) fn find(&self, key: &[u8]) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// Takes note of what was written.
    pub(crate) fn note(&mut self, key: &K, value: V) {
        if let Some(known) = self.young.get_mut(key.borrow()) {
            *known = value;
            return;
        }
        // Two generations instead of an order of use: to find something then changes nothing, and to forget
        // costs no search.
        if self.young.len() >= self.most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use bulla_store::Version;
    use fjall::Slice;

    use super::*;
    use crate::commit::version_cache::KnownVersion;
    use crate::limits::MAX_RECENT_RECORDS as MOST;

    fn version(number: usize) -> KnownVersion {
        KnownVersion::At(Version::new(number as u64))
    }

    #[test]
    fn versions_in_memory_are_bounded_and_the_last_word_counts() {
        let mut cache = BoundedCache::of(MOST);
        let key = |number: usize| Slice::from(number.to_be_bytes());
        for number in 0..3 * MOST {
            cache.note(&key(number), version(number));
            cache.note(&key(0), version(number + 1));
            assert_eq!(cache.find(&key(0)), Some(version(number + 1)));
            assert_eq!(cache.find(&key(number)), Some(version(if number == 0 { 1 } else { number })));
        }
        assert!(cache.young.len() + cache.old.len() <= MOST);
        assert_eq!(cache.find(&key(1)), None);
        cache.note(&key(0), KnownVersion::Absent);
        assert_eq!(cache.find(&key(0)), Some(KnownVersion::Absent));
    }
}
