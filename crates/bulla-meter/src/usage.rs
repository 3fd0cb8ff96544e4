use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::UsageKey;

/// Units by what they are: the keyed counts of a ledger, in memory.
///
/// # Cost
/// To add is one look-up in a hash map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage(HashMap<UsageKey, i64, BuildHasherDefault<KeyHasher>>);

impl Usage {
    /// No units.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `units`, or takes them away when it is negative. What is 0 then is no longer held.
    #[inline]
    pub fn add(&mut self, key: UsageKey, units: i64) {
        let count = self.0.entry(key).or_default();
        *count = count.saturating_add(units);
        if *count == 0 {
            self.0.remove(&key);
        }
    }

    /// Makes room for so many keys more.
    pub fn reserve(&mut self, keys: usize) {
        self.0.reserve(keys);
    }

    /// How many units there are of this.
    #[must_use]
    pub fn units(&self, key: UsageKey) -> i64 {
        self.0.get(&key).copied().unwrap_or_default()
    }

    /// How many keys have units.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All counts, in the order of their keys.
    #[must_use]
    pub fn counts(&self) -> Vec<(UsageKey, i64)> {
        let mut counts: Vec<_> = self.0.iter().map(|(key, units)| (*key, *units)).collect();
        counts.sort_unstable();
        counts
    }
}

impl FromIterator<(UsageKey, i64)> for Usage {
    fn from_iter<I: IntoIterator<Item = (UsageKey, i64)>>(counts: I) -> Self {
        let mut usage = Self::new();
        for (key, units) in counts {
            usage.add(key, units);
        }
        usage
    }
}

impl Hash for UsageKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for word in self.words() {
            state.write_u64(word);
        }
    }
}

/// A multiplication of 128 bits a word. Whoever gives out ids of accounts and numbers could choose them so
/// that they collide; that is the operator, whose own time it costs.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let mixed = self.0 ^ word ^ 0x2545_f491_4f6c_dd1d;
        let product = u128::from(mixed) * 0x9e37_79b9_7f4a_7c15;
        let [low, high] = [product & u128::from(u64::MAX), product >> 64];
        self.0 = u64::try_from(low ^ high).unwrap_or_default();
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{BusinessAccountId, PhoneNumberId};

    use super::*;
    use crate::{Hour, Market, PricingCategory, Traits};

    #[test]
    fn what_is_taken_away_again_is_as_if_it_had_not_been() {
        let key = |number| {
            let traits = Traits::message(PricingCategory::Utility, Market::UNKNOWN);
            UsageKey::new(
                BusinessAccountId::new(1),
                PhoneNumberId::new(number),
                Hour::from_minutes(60),
                traits,
            )
        };
        let usage: Usage = [(key(2), 5), (key(1), 2), (key(2), -5), (key(1), 1)].into_iter().collect();
        assert_eq!(usage.counts(), [(key(1), 3)]);
        assert_eq!((usage.units(key(2)), usage.len(), usage.is_empty()), (0, 1, false));
    }

    #[test]
    fn keys_that_are_alike_are_spread() {
        let traits = Traits::message(PricingCategory::Utility, Market::UNKNOWN);
        let mut low = std::collections::HashSet::new();
        for number in 0..10_000 {
            let mut hasher = KeyHasher::default();
            let number = PhoneNumberId::new(number);
            UsageKey::new(BusinessAccountId::new(1), number, Hour::default(), traits).hash(&mut hasher);
            low.insert((hasher.finish() & 0xffff, hasher.finish() >> 57));
        }
        assert!(low.len() > 9_900, "{}", low.len());
    }
}
