//! The salt of a conversation, and those that were used of late.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bulla_base::Partition;
use bulla_store::Version;

use crate::limits::MAX_CACHED_SALTS;
use crate::secret::Secret;

/// Thirty-two random bytes that go into the key of every record of one partition, and the version of the
/// commit that wrote them.
///
/// A partition's versions grow in the order of its commits, and a salt is written in the first commit that is
/// sealed with it. So when a record does not open, its version tells why: if it is older than the salt, it
/// was sealed with an earlier one, which was destroyed; if not, it is damaged.
#[derive(Debug)]
pub(crate) struct Salt {
    version: Version,
    secret: Secret,
}

impl Salt {
    pub(crate) const fn new(version: Version, secret: Secret) -> Self {
        Self { version, secret }
    }

    /// The salt in `bytes`, of a row that has this version.
    pub(crate) fn from_bytes(version: Version, bytes: &[u8]) -> Option<Self> {
        Some(Self::new(version, Secret::from_bytes(bytes.try_into().ok()?)))
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether a record of this version was there before the salt was.
    pub(crate) fn is_younger_than(&self, record: Version) -> bool {
        record < self.version
    }
}

/// The salts that were used of late: two generations of half the bound each. What is used moves to the
/// younger; when that is full, the older is forgotten and the younger takes its place.
#[derive(Debug, Default)]
pub(crate) struct Salts {
    young: HashMap<Partition, Arc<Salt>>,
    old: HashMap<Partition, Arc<Salt>>,
    /// Partitions whose erasure was begun and is not known to be done.
    erasing: HashSet<Partition>,
}

impl Salts {
    pub(crate) fn find(&mut self, partition: Partition) -> Option<Arc<Salt>> {
        if let Some(salt) = self.young.get(&partition) {
            return Some(salt.clone());
        }
        let salt = self.old.remove(&partition)?;
        self.cache(partition, salt.clone());
        Some(salt)
    }

    pub(crate) fn cache(&mut self, partition: Partition, salt: Arc<Salt>) {
        if self.young.len() >= MAX_CACHED_SALTS / 2 {
            // Half of them at once: to find the one that was used longest ago would need an order of its
            // own.
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(partition, salt);
    }

    pub(crate) fn begin_erasure(&mut self, partition: Partition) {
        self.young.remove(&partition);
        self.old.remove(&partition);
        self.erasing.insert(partition);
    }

    pub(crate) fn end_erasure(&mut self, partition: Partition) {
        self.erasing.remove(&partition);
    }

    pub(crate) fn is_erasing(&self, partition: Partition) -> bool {
        self.erasing.contains(&partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salt(version: u64) -> Salt {
        Salt::new(Version::new(version), Secret::from_bytes([7; 32]))
    }

    #[test]
    fn salts_in_memory_are_bounded_and_the_used_ones_stay() {
        let mut salts = Salts::default();
        let used = Partition::from_bytes([0xff; 16]);
        salts.cache(used, Arc::new(salt(1)));
        for number in 0..200_000_u128 {
            salts.cache(Partition::from_bytes(number.to_be_bytes()), Arc::new(salt(2)));
            assert!(salts.find(used).is_some(), "lost after {number}");
        }
        assert!(salts.young.len() + salts.old.len() <= MAX_CACHED_SALTS);
        salts.begin_erasure(used);
        assert!(salts.find(used).is_none() && salts.is_erasing(used));
    }

    #[test]
    fn a_salt_is_read_as_it_was_written_and_does_not_print() {
        let read = |length| Salt::from_bytes(Version::new(5), &vec![7; length]);
        let salt = read(32).unwrap();
        assert_eq!((salt.version, *salt.secret.expose()), (Version::new(5), [7; 32]));
        assert!(read(31).is_none() && read(33).is_none());
        assert!(format!("{salt:?}").ends_with("secret: Secret(…) }"));
    }

    #[test]
    fn record_committed_with_the_salt_or_after_it_is_not_older() {
        let older = |record| salt(5).is_younger_than(Version::new(record));
        assert_eq!([0, 4, 5, 6].map(older), [true, true, false, false]);
    }
}
