use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};
use bulla_transport::{NumberProof, TransportError};
use tokio::sync::Notify;

use super::active_business::ActiveBusiness;
use crate::{Business, RelayError, Suspended, SuspendedPart};

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

    /// Suspends those that are spoken for or are being opened, and those that another relay has shut out,
    /// because that one acts: each as it is then, and who spoke for it.
    pub(super) fn stand_by(&self, since: Timestamp) -> Vec<(Suspended, Option<Arc<ActiveBusiness>>)> {
        let mut stopped = Vec::new();
        for (business, entry) in self.entries().iter_mut() {
            let tenant = match &entry.state {
                BusinessState::Speaking(tenant) => Some(Arc::clone(tenant)),
                BusinessState::Suspended(suspended, tenant) if is_replaced(&suspended.why) => tenant.clone(),
                BusinessState::Opening => None,
                BusinessState::Suspended(..) => continue,
            };
            let part = SuspendedPart::Business(*business);
            let suspended = Suspended { part, since, why: Arc::new(RelayError::StandsBy) };
            entry.state = BusinessState::Suspended(Arc::new(suspended.clone()), tenant.clone());
            stopped.push((suspended, tenant));
        }
        stopped
    }

    /// Whether `business` is suspended because another relay acts.
    pub(super) fn stands_by(&self, business: PhoneNumberId) -> bool {
        self.entries().get(&business).is_some_and(Entry::stands_by)
    }

    /// The businesses that are.
    pub(super) fn standing_by(&self) -> Vec<PhoneNumberId> {
        let entries = self.entries();
        entries.iter().filter(|(_, entry)| entry.stands_by()).map(|(business, _)| *business).collect()
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

    /// Those of `account`.
    pub(super) fn ids_of(&self, account: BusinessAccountId) -> Vec<PhoneNumberId> {
        let entries = self.entries();
        let of_account = entries.iter().filter(|(_, entry)| entry.business.account() == account);
        of_account.map(|(id, _)| *id).collect()
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

impl Entry {
    fn stands_by(&self) -> bool {
        matches!(&self.state, BusinessState::Suspended(suspended, _)
            if matches!(*suspended.why, RelayError::StandsBy))
    }
}

/// Whether it is another relay on the store that keeps it from speaking.
fn is_replaced(why: &RelayError) -> bool {
    matches!(why, RelayError::Transport(TransportError::Fenced { reinstalled: false, .. }))
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
