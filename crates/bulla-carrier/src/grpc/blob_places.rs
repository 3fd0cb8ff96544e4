use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Party;
use bulla_transport::{Caller, TransportError};

use super::limits::{MAX_BLOB_STREAMS, MAX_BLOB_STREAMS_PER_PARTY};

/// Who moves blobs at the moment: so many streams in all, and so many of one party.
#[derive(Debug, Default)]
pub(super) struct BlobPlaces(Mutex<HashMap<Party, usize>>);

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct BlobPlace {
    places: Arc<BlobPlaces>,
    party: Party,
}

impl BlobPlaces {
    /// A place for `caller`.
    pub(super) fn enter(self: &Arc<Self>, caller: &Caller) -> Result<BlobPlace, TransportError> {
        let party = caller.address().party().clone();
        let mut held = self.held();
        if held.values().sum::<usize>() >= MAX_BLOB_STREAMS {
            return Err(TransportError::unavailable("too many blobs are on their way"));
        }
        if held.get(&party).is_some_and(|count| *count >= MAX_BLOB_STREAMS_PER_PARTY) {
            return Err(TransportError::unavailable("too many blobs of the caller's are on their way"));
        }
        *held.entry(party.clone()).or_default() += 1;
        Ok(BlobPlace { places: Arc::clone(self), party })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Party, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BlobPlace {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(count) = held.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, PhoneNumberId};
    use bulla_envelope::InstallationId;
    use bulla_transport::Incarnation;

    use super::*;

    fn business(number: usize) -> Caller {
        let address = Address::business(PhoneNumberId::new(number as u64));
        Caller::new(address, InstallationId::of_identity(b"identity"), Incarnation::new(1))
    }

    #[test]
    fn one_party_has_its_share_and_all_have_what_there_is_and_places_come_back() {
        let places = Arc::new(BlobPlaces::default());
        let enter = |party| places.enter(&business(party));
        let mut held: Vec<_> = (0..MAX_BLOB_STREAMS_PER_PARTY).map(|_| enter(0).unwrap()).collect();
        assert!(enter(0).unwrap_err().may_pass());
        for place in held.len()..MAX_BLOB_STREAMS {
            held.push(enter(place / MAX_BLOB_STREAMS_PER_PARTY).unwrap());
        }
        assert!(enter(999).unwrap_err().may_pass());
        held.pop();
        held.push(enter(999).unwrap());
        drop(held);
        assert!(places.held().is_empty());
    }
}
