use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::PhoneNumberId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The places events take while they are with the sink: so many in all, and so many of one business.
///
/// A place of the business is waited for first, then one of all: a business that is slow holds no more of
/// those than are its own, and has no more of its events in the common queue. Both queues are served in the
/// order in which one came.
#[derive(Debug)]
pub(super) struct SinkPermits {
    all: Semaphore,
    per_business: usize,
    /// Those of the businesses that have an event with the sink, or one that waits.
    businesses: Mutex<HashMap<PhoneNumberId, Own>>,
}

/// The places of one business, and how many events take or want one.
#[derive(Debug)]
struct Own {
    free: Arc<Semaphore>,
    events: usize,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct SinkPermit<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_business: OwnedSemaphorePermit,
    // The last to go: with the last event of a business its places are forgotten.
    _listed: Listed<'a>,
}

/// An event that takes or wants a place of its business.
#[derive(Debug)]
struct Listed<'a> {
    places: &'a SinkPermits,
    business: PhoneNumberId,
}

impl SinkPermits {
    pub(super) fn new(in_all: usize, per_business: usize) -> Self {
        Self { all: Semaphore::new(in_all), per_business, businesses: Mutex::default() }
    }

    /// Waits for a place for an event of `business`.
    pub(super) async fn enter(&self, business: PhoneNumberId) -> SinkPermit<'_> {
        let (listed, free) = self.list(business);
        // Neither is ever closed.
        let Ok(of_business) = free.acquire_owned().await else { return pending().await };
        let Ok(of_all) = self.all.acquire().await else { return pending().await };
        SinkPermit { _of_all: of_all, _of_business: of_business, _listed: listed }
    }

    fn list(&self, business: PhoneNumberId) -> (Listed<'_>, Arc<Semaphore>) {
        let mut businesses = self.businesses();
        let new = || Own { free: Arc::new(Semaphore::new(self.per_business)), events: 0 };
        let own = businesses.entry(business).or_insert_with(new);
        own.events += 1;
        (Listed { places: self, business }, Arc::clone(&own.free))
    }

    fn businesses(&self) -> MutexGuard<'_, HashMap<PhoneNumberId, Own>> {
        self.businesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut businesses = self.places.businesses();
        if let Some(own) = businesses.get_mut(&self.business) {
            own.events -= 1;
            if own.events == 0 {
                businesses.remove(&self.business);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ONE: PhoneNumberId = PhoneNumberId::new(1);
    const TWO: PhoneNumberId = PhoneNumberId::new(2);

    fn now<'a>(places: &'a SinkPermits, business: PhoneNumberId) -> Option<SinkPermit<'a>> {
        places.enter(business).now_or_never()
    }

    #[test]
    fn a_business_has_its_places_and_no_more_and_leaves_the_rest_to_others() {
        let places = SinkPermits::new(3, 2);
        let (first, _second) = (now(&places, ONE).unwrap(), now(&places, ONE).unwrap());
        assert!(now(&places, ONE).is_none());
        let _other = now(&places, TWO).unwrap();
        assert!(now(&places, TWO).is_none(), "all three are taken");
        drop(first);
        assert!(now(&places, TWO).is_some());
    }

    #[test]
    fn who_waits_is_served_in_order_whatever_comes_later() {
        let places = SinkPermits::new(2, 2);
        let (first, _second) = (now(&places, ONE).unwrap(), now(&places, ONE).unwrap());
        let mut waits = Box::pin(places.enter(TWO));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        assert!(now(&places, ONE).is_none(), "the place is for who waits");
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn nothing_is_kept_of_a_business_that_has_no_event_with_the_sink() {
        let places = SinkPermits::new(1, 1);
        let taken = now(&places, ONE).unwrap();
        // Waits, and gives up.
        assert!(now(&places, TWO).is_none());
        drop(taken);
        assert!(places.businesses().is_empty());
        assert!(now(&places, TWO).is_some());
    }
}
