use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::MAX_UNSETTLED;

/// The places of envelopes that the carrier has and that still stand in the outbox.
///
/// To take each out in a record of its own would cost as much as to put it there. What follows it mostly
/// comes soon: the next receipt, or the next message.
#[derive(Debug, Default)]
pub(super) struct HandedOver(Mutex<BTreeSet<u64>>);

/// What became of places that were to be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    Few,
    /// There are so many that they are to be taken out now.
    Many,
    /// Nothing: they are to be handed over again.
    Lost,
}

impl HandedOver {
    /// Takes note of `places`, if it `is_still` there who has taken what stands there.
    pub(super) fn note(&self, places: &[u64], is_still: impl FnOnce() -> bool) -> Noted {
        let mut noted = self.lock();
        // Within the lock: who looks for what is lost sees each place either noted or not handed over.
        if !is_still() {
            return Noted::Lost;
        }
        noted.extend(places);
        if noted.len() <= MAX_UNSETTLED { Noted::Few } else { Noted::Many }
    }

    /// Where they stand.
    pub(super) fn places(&self) -> Vec<u64> {
        self.lock().iter().copied().collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Forgets those that are durably out of the outbox.
    pub(super) fn settled(&self, places: &[u64]) {
        let mut noted = self.lock();
        places.iter().for_each(|place| {
            noted.remove(place);
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
