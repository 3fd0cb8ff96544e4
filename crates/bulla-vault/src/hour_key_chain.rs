//! The forward chain of hour keys.
//!
//! ```text
//! value of hour h ──"hour key"──► key of hour h
//!        │
//!        └───────"next hour"────► value of hour h + 1 ──► …
//! ```
//!
//! There is no way back: who holds the value of an hour can make the keys of that hour and of all after it,
//! and none before.

use std::collections::VecDeque;
use std::sync::Arc;

use bulla_base::Rng;

use crate::limits::MAX_HOURS_AHEAD;
use crate::secret::Secret;

const KEY: &[u8] = b"bulla vault hour key";
const NEXT: &[u8] = b"bulla vault next hour";

/// The keys of an hour and of the hours after it. Hours are counted from the Unix epoch; hour *h* ends at *h*
/// · 3600 s.
#[derive(Debug, Clone)]
pub(crate) struct HourKeyChain {
    first: u32,
    value: Secret,
    /// Keys made already: of `first`, and of the hours after it without a gap.
    keys: VecDeque<Arc<Secret>>,
    /// The value of the hour after the last in `keys`.
    tip: Secret,
}

impl HourKeyChain {
    /// A new chain that begins with the hour `first`.
    pub(crate) fn begin(first: u32, rng: &dyn Rng) -> Self {
        Self::resume(first, Secret::draw(rng))
    }

    /// The chain whose oldest live hour is `first`.
    pub(crate) fn resume(first: u32, value: Secret) -> Self {
        Self { first, tip: value.clone(), value, keys: VecDeque::new() }
    }

    /// The oldest live hour.
    pub(crate) const fn first(&self) -> u32 {
        self.first
    }

    /// The last hour that has a key.
    pub(crate) const fn last(&self) -> u32 {
        self.first.saturating_add(MAX_HOURS_AHEAD)
    }

    /// What is to be kept of it.
    pub(crate) const fn value(&self) -> &Secret {
        &self.value
    }

    /// Forgets all hours before `first`: the keys of those hours cannot be made again.
    pub(crate) fn forget_before(&mut self, first: u32) {
        while self.first < first {
            self.value = self.value.derive(NEXT);
            self.first += 1;
            // No key was made yet, so that the tip is the value itself and goes on with it: else later hours
            // would get the keys of earlier ones.
            if self.keys.pop_front().is_none() {
                self.tip = self.value.clone();
            }
        }
    }

    /// The key of `hour`, if that is neither over nor too far ahead.
    pub(crate) fn key(&mut self, hour: u32) -> Option<Arc<Secret>> {
        if hour > self.last() {
            return None;
        }
        let place = usize::try_from(hour.checked_sub(self.first)?).ok()?;
        while self.keys.len() <= place {
            self.keys.push_back(Arc::new(self.tip.derive(KEY)));
            self.tip = self.tip.derive(NEXT);
        }
        self.keys.get(place).cloned()
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    #[test]
    fn keys_are_the_same_however_they_are_come_by() {
        let mut at_once = HourKeyChain::begin(100, &SeededRng::new(1));
        let mut by_steps = at_once.clone();
        let mut expected: Vec<_> = (100..200).map(|hour| *at_once.key(hour).unwrap().expose()).collect();
        let found: Vec<_> = (100..200)
            .map(|hour| {
                by_steps.forget_before(hour);
                *by_steps.key(hour).unwrap().expose()
            })
            .collect();
        assert_eq!(found, expected);
        let mut resumed = HourKeyChain::resume(by_steps.first(), by_steps.value().clone());
        assert_eq!(resumed.key(199).unwrap().expose(), expected.last().unwrap());
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(expected.len(), 100);
    }

    #[test]
    fn an_hour_that_is_over_has_no_key() {
        let mut chain = HourKeyChain::begin(100, &SeededRng::new(1));
        let before = *chain.key(100).unwrap().expose();
        chain.forget_before(101);
        assert!(chain.key(100).is_none());
        chain.forget_before(5);
        assert_eq!(chain.first(), 101);
        assert_ne!(*chain.value().expose(), before);
    }

    #[test]
    fn keys_reach_as_far_as_the_bound_and_no_further() {
        let mut chain = HourKeyChain::begin(100, &SeededRng::new(1));
        assert!(chain.key(100 + MAX_HOURS_AHEAD).is_some());
        assert!(chain.key(100 + MAX_HOURS_AHEAD + 1).is_none());
        assert!(chain.key(u32::MAX).is_none());
    }
}
