//! Businesses are read from the store.

use bulla_base::{Partition, PhoneNumberId, Rng, Timestamp};
use bulla_integrity::{CountedUser, LIMIT_PERIOD};
use bulla_store::{Counter, SYSTEM_PARTITION, Store, StoreError, counters_between, remove_counters};

use super::Protection;
use super::contacts::Rows;
use super::watched::{DAMAGED, StoredContacts, Watched};
use crate::erase_business::{businesses, listed};
use crate::limits::MAX_MET_ROWS;
use crate::metrics::WATCHED;
use crate::store_layout::{REACHED, first_met, met, reached_by, standing, tier};

impl<S: Store> Protection<S> {
    /// Reads what there is of a business, unless it is watched; it stays so for an hour at least. False if it
    /// has never connected: whoever makes numbers up takes no room.
    pub(crate) async fn load(&self, business: PhoneNumberId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if let Some(watched) = self.watched().get_mut(&business) {
            watched.used = now;
            return Ok(true);
        }
        let place = (business, self.partition(business));
        let Some(watched) = read(&*self.store, place, now, &*self.rng).await? else { return Ok(false) };
        let mut all = self.watched();
        all.entry(business).or_insert(watched);
        metrics::gauge!(WATCHED).set(u32::try_from(all.len()).unwrap_or(u32::MAX));
        Ok(true)
    }

    /// Loads each business that has met somebody: whom it has is to be forgotten in time, whether or not
    /// anything happens. One that is damaged is none of the others' business; one that may be read later has
    /// all of this done again.
    pub(super) async fn load_met(&self) -> Result<(), StoreError> {
        let mut outcome = self.load_reached().await;
        for business in businesses(&*self.store, self.clock.now()).await? {
            outcome = outcome.and(of_one(business, self.load_one_met(business).await)?);
        }
        outcome
    }

    async fn load_one_met(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        let (partition, mut has_met) = (self.partition(business), false);
        for first in first_met() {
            has_met |= self.store.get(partition, &first, self.clock.now()).await?.is_some();
        }
        if has_met {
            self.load(business).await?;
        }
        Ok(())
    }

    /// Loads each business of which users stand in the store with their messages, and removes what is left
    /// there of others.
    async fn load_reached(&self) -> Result<(), StoreError> {
        let (mut after, mut outcome) = (Vec::new(), Ok(()));
        loop {
            let page = self.store.counters(REACHED, b"", Some(&after)).await?;
            let Some((first, _)) = page.first() else { return outcome };
            let Some(&owner) = first.name().first_chunk::<8>() else {
                tracing::error!(error = &DAMAGED as &dyn std::error::Error, "somebody counts for nobody");
                after = first.name().to_vec();
                continue;
            };
            let business = PhoneNumberId::new(u64::from_be_bytes(owner));
            outcome = outcome.and(of_one(business, self.load_one_reached(business).await)?);
            after = behind_all(owner);
        }
    }

    async fn load_one_reached(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        match self.load(business).await? {
            true => remove_over(&*self.store, business, self.clock.now()).await,
            false => remove_counters(&*self.store, REACHED, &reached_by(business), None).await.map(drop),
        }
    }
}

/// What `loading` one of many came to, for whoever goes on with the others: twice an error is one that ends
/// all, once is one that may pass.
fn of_one(
    business: PhoneNumberId,
    loading: Result<(), StoreError>,
) -> Result<Result<(), StoreError>, StoreError> {
    match loading {
        Err(error) if error.is_final() => Err(error),
        Err(error) if error.is_of_a_record() => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(%business, error, "how a business stands is damaged, and it is not watched");
            Ok(Ok(()))
        }
        loaded => Ok(loaded),
    }
}

/// Reads what the store holds of a business, which is in `partition`. Nothing if it has never connected.
pub(super) async fn read<S: Store>(
    store: &S,
    (business, partition): (PhoneNumberId, Partition),
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<Option<Watched>, StoreError> {
    let stored = store.get(partition, &standing(), now).await?;
    if stored.is_none() && store.get(SYSTEM_PARTITION, &listed(business), now).await?.is_none() {
        return Ok(None);
    }
    // First: who is put into the rows meanwhile is found twice, and counted once.
    let apart = counted_apart(store, business, now).await?;
    let mut rows_of_all = Rows::default();
    for (kind, rows) in (0..).zip(&mut rows_of_all) {
        while let Some(number) = u8::try_from(rows.len()).ok().filter(|number| *number < MAX_MET_ROWS)
            && let Some(row) = store.get(partition, &met(kind, number), now).await?
        {
            rows.push(row.value);
        }
    }
    let in_tier = store.get(partition, &tier(), now).await?;
    let stored = [&stored, &in_tier].map(|row| row.as_ref().map(|row| &row.value[..]));
    let people = StoredContacts { rows: rows_of_all, apart };
    Watched::read(partition, stored, people, now, rng).map(Some)
}

/// Who stands in the store with their message. Names are in the order of their times, and who is over counts
/// no more: nobody waits until what was removed of them was walked over.
async fn counted_apart<S: Store>(
    store: &S,
    business: PhoneNumberId,
    now: Timestamp,
) -> Result<Vec<CountedUser>, StoreError> {
    let owner = reached_by(business);
    let (first, last) = (first_of(business, now), behind_all(owner));
    let apart = counters_between(store, REACHED, &owner, (&first[..], &last[..])).await?;
    let counted = |(counter, _): &(Counter, u64)| {
        let name = counter.name().get(owner.len()..).unwrap_or_default();
        CountedUser::from_bytes(name).map_err(|_| DAMAGED)
    };
    apart.iter().map(counted).collect()
}

/// Removes who stands in the store with their message and is over.
pub(super) async fn remove_over<S: Store>(
    store: &S,
    business: PhoneNumberId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let first = first_of(business, now);
    remove_counters(store, REACHED, &reached_by(business), Some(&first)).await.map(drop)
}

/// Before the names of all who may count `now`, and behind those of all others.
fn first_of(business: PhoneNumberId, now: Timestamp) -> Vec<u8> {
    let oldest = now.before(LIMIT_PERIOD).as_millis();
    [reached_by(business), oldest.to_be_bytes()].concat()
}

/// Behind all names of one business: none is as long.
fn behind_all(owner: [u8; 8]) -> Vec<u8> {
    [&owner[..], &[u8::MAX; 32]].concat()
}
