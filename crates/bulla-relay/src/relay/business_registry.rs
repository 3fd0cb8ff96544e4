use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::PhoneNumberId;
use bulla_transport::NumberProof;
use tokio::sync::Notify;

use super::active_business::ActiveBusiness;
use crate::{Business, Suspended};

/// The businesses of the relay, and how each fares.
#[derive(Debug, Default)]
pub(super) struct BusinessRegistry {
    entries: Mutex<BTreeMap<PhoneNumberId, Entry>>,
    turns: Turns,
}

#[derive(Debug)]
struct Entry {
    business: Business,
    /// With what the number is to be proven, until it was.
    proof: Option<Box<NumberProof>>,
    state: BusinessState,
}

/// How the relay stands to a business.
#[derive(Debug, Clone)]
pub(super) enum BusinessState {
    /// Its keys are being read.
    Opening,
    /// The relay speaks for it.
    Speaking(Arc<ActiveBusiness>),
    /// It has stopped by itself. Who spoke for it may still have calls to finish.
    Suspended(Arc<Suspended>, Option<Arc<ActiveBusiness>>),
}

/// Lets one change of a business be made at a time.
#[derive(Debug, Default)]
struct Turns {
    taken: Mutex<HashSet<PhoneNumberId>>,
    freed: Notify,
}

/// Nobody else changes the business until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    business: PhoneNumberId,
}

impl BusinessRegistry {
    /// Waits until nobody changes `business` any more, and keeps others from it.
    pub(super) async fn turn(&self, business: PhoneNumberId) -> Turn<'_> {
        loop {
            let freed = self.turns.freed.notified();
            if self.turns.taken().insert(business) {
                return Turn { turns: &self.turns, business };
            }
            freed.await;
        }
    }

    /// Enters `business`, whose keys are about to be read. False when it is there.
    pub(super) fn enter(&self, mut business: Business) -> bool {
        let mut entries = self.entries();
        let id = business.id();
        let is_new = !entries.contains_key(&id);
        if is_new {
            let proof = business.take_proof().map(Box::new);
            entries.insert(id, Entry { business, proof, state: BusinessState::Opening });
        }
        is_new
    }

    /// Sets what users see of a business that is there, and with what it is to be proven. False when it is
    /// not.
    pub(super) fn describe(&self, mut business: Business) -> bool {
        match self.entries().get_mut(&business.id()) {
            Some(entry) => {
                entry.proof = business.take_proof().map(Box::new).or(entry.proof.take());
                entry.business = business;
                true
            }
            None => false,
        }
    }

    pub(super) fn set(&self, business: PhoneNumberId, state: BusinessState) {
        if let Some(entry) = self.entries().get_mut(&business) {
            entry.state = state;
        }
    }

    /// Suspends the business of `tenant`. False when somebody else has spoken for it since, or nobody does
    /// any more.
    pub(super) fn suspend(&self, tenant: &Arc<ActiveBusiness>, suspended: Suspended) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&tenant.business()) else { return false };
        let is_speaking =
            matches!(&entry.state, BusinessState::Speaking(speaking) if Arc::ptr_eq(speaking, tenant));
        if is_speaking {
            entry.state = BusinessState::Suspended(Arc::new(suspended), Some(Arc::clone(tenant)));
        }
        is_speaking
    }

    pub(super) fn remove(&self, business: PhoneNumberId) {
        self.entries().remove(&business);
    }

    pub(super) fn business(&self, id: PhoneNumberId) -> Option<Business> {
        self.entries().get(&id).map(|entry| entry.business.clone())
    }

    /// With what `business` is to be proven.
    pub(super) fn proof(&self, business: PhoneNumberId) -> Option<NumberProof> {
        self.entries().get(&business)?.proof.as_deref().cloned()
    }

    /// Forgets with what `business` was to be proven.
    pub(super) fn is_proven(&self, business: PhoneNumberId) {
        if let Some(entry) = self.entries().get_mut(&business) {
            entry.proof = None;
        }
    }

    pub(super) fn state(&self, business: PhoneNumberId) -> Option<BusinessState> {
        self.entries().get(&business).map(|entry| entry.state.clone())
    }

    /// Who speaks for `business` now.
    pub(super) fn tenant(&self, business: PhoneNumberId) -> Option<Arc<ActiveBusiness>> {
        match self.state(business)? {
            BusinessState::Speaking(tenant) => Some(tenant),
            BusinessState::Opening | BusinessState::Suspended(..) => None,
        }
    }

    pub(super) fn ids(&self) -> Vec<PhoneNumberId> {
        self.entries().keys().copied().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.entries().len()
    }

    pub(super) fn suspended(&self) -> Vec<Suspended> {
        let suspended = |entry: &Entry| match &entry.state {
            BusinessState::Suspended(suspended, _) => Some((**suspended).clone()),
            BusinessState::Opening | BusinessState::Speaking(_) => None,
        };
        self.entries().values().filter_map(suspended).collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<PhoneNumberId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    fn taken(&self) -> MutexGuard<'_, HashSet<PhoneNumberId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.business);
        self.turns.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_changes_a_business_at_a_time_and_the_next_when_it_is_done() {
        let registry = BusinessRegistry::default();
        let (shop, bakery) = (PhoneNumberId::new(1), PhoneNumberId::new(2));
        let turn = registry.turn(shop).now_or_never().unwrap();
        assert!(registry.turn(bakery).now_or_never().is_some(), "another is free");
        let mut next = Box::pin(registry.turn(shop));
        assert!(next.as_mut().now_or_never().is_none());
        drop(turn);
        assert!(next.now_or_never().is_some());
    }
}
