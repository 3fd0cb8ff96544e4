//! The salt of a conversation, and those that were used of late.

use std::collections::{HashMap, HashSet};

use bulla_base::{Partition, Rng};
use zeroize::Zeroizing;

use crate::limits::MAX_CACHED_SALTS;
use crate::secret::Secret;

/// Thirty-two random bytes that go into the key of every record of one partition, and a random name by which records tell which salt of
/// their partition was theirs.
#[derive(Debug, Clone)]
pub(crate) struct Salt {
    name: [u8; Salt::NAME_BYTES],
    secret: Secret,
}

impl Salt {
    pub(crate) const NAME_BYTES: usize = 4;
    const BYTES: usize = Self::NAME_BYTES + Secret::BYTES;

    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut name = [0; Self::NAME_BYTES];
        rng.fill(&mut name);
        Self { name, secret: Secret::draw(rng) }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (name, secret) = bytes.split_first_chunk()?;
        Some(Self { name: *name, secret: Secret::from_bytes(secret.try_into().ok()?) })
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..Self::NAME_BYTES].copy_from_slice(&self.name);
        bytes[Self::NAME_BYTES..].copy_from_slice(self.secret.expose());
        bytes
    }

    pub(crate) const fn name(&self) -> [u8; Self::NAME_BYTES] {
        self.name
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// The salts that were used of late: two generations of half the bound each. What is used moves to the younger; when that is full, the
/// older is forgotten and the younger takes its place.
#[derive(Debug, Default)]
pub(crate) struct Salts {
    young: HashMap<Partition, Salt>,
    old: HashMap<Partition, Salt>,
    /// Partitions whose erasure was begun and is not known to be done.
    erasing: HashSet<Partition>,
}

impl Salts {
    pub(crate) fn find(&mut self, partition: Partition) -> Option<Salt> {
        if let Some(salt) = self.young.get(&partition) {
            return Some(salt.clone());
        }
        let salt = self.old.remove(&partition)?;
        self.keep(partition, salt.clone());
        Some(salt)
    }

    pub(crate) fn keep(&mut self, partition: Partition, salt: Salt) {
        if self.young.len() >= MAX_CACHED_SALTS / 2 {
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
    use bulla_base::SeededRng;

    use super::*;

    #[test]
    fn salts_in_memory_are_bounded_and_the_used_ones_stay() {
        let (rng, mut salts) = (SeededRng::new(1), Salts::default());
        let used = Partition::from_bytes([0xff; 16]);
        salts.keep(used, Salt::draw(&rng));
        for number in 0..200_000_u128 {
            salts.keep(Partition::from_bytes(number.to_be_bytes()), Salt::from_bytes(&[0; 36]).unwrap());
            assert!(salts.find(used).is_some(), "lost after {number}");
        }
        assert!(salts.young.len() + salts.old.len() <= MAX_CACHED_SALTS);
        salts.begin_erasure(used);
        assert!(salts.find(used).is_none() && salts.is_erasing(used));
    }

    #[test]
    fn a_salt_is_read_as_it_was_written_and_does_not_print() {
        let salt = Salt::draw(&SeededRng::new(1));
        let read = Salt::from_bytes(&salt.to_bytes()[..]).unwrap();
        assert_eq!((read.name, read.secret.expose()), (salt.name, salt.secret.expose()));
        assert!(Salt::from_bytes(&[0; 35]).is_none() && Salt::from_bytes(&[0; 37]).is_none());
        assert!(format!("{salt:?}").ends_with("secret: Secret(…) }"));
    }
}
