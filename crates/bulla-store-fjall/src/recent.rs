//! Undated records that were written of late, and their versions.
//!
//! A session or a head is changed again and again, each time on the condition that it is as it was read. Nobody but the writer writes, so
//! what it wrote last is what stands in the tables, and nobody need look.

use std::collections::HashMap;

use bulla_store::Version;
use fjall::Slice;

use crate::limits::MAX_RECENT;

/// Two generations of half the bound each: when the younger is full the older is forgotten, and the younger takes its place.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    young: HashMap<Slice, Option<Version>>,
    old: HashMap<Slice, Option<Version>>,
}

impl Recent {
    /// The version of the record under `key`, or that there is none, if that is known.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<Version>> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// Takes note of what was written.
    pub(crate) fn note(&mut self, key: &Slice, version: Option<Version>) {
        if let Some(known) = self.young.get_mut(&key[..]) {
            *known = version;
            return;
        }
        if self.young.len() >= MAX_RECENT / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.clone(), version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: usize) -> Option<Version> {
        Some(Version::new(number as u64))
    }

    #[test]
    fn versions_in_memory_are_bounded_and_the_last_word_counts() {
        let mut recent = Recent::default();
        let key = |number: usize| Slice::from(number.to_be_bytes());
        for number in 0..3 * MAX_RECENT {
            recent.note(&key(number), version(number));
            recent.note(&key(0), version(number + 1));
            assert_eq!(recent.find(&key(0)), Some(version(number + 1)));
            assert_eq!(recent.find(&key(number)), Some(version(if number == 0 { 1 } else { number })));
        }
        assert!(recent.young.len() + recent.old.len() <= MAX_RECENT);
        assert_eq!(recent.find(&key(1)), None);
        recent.note(&key(0), None);
        assert_eq!(recent.find(&key(0)), Some(None));
    }
}
