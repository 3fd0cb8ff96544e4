//! What is left of nobody who is erased.

use bulla_base::{Partition, Party, PhoneNumberId, Rng};
use bulla_integrity::Standing;
use bulla_store::{Batch, Store, StoreError, remove_counters};

use super::watched::{self, Also, Watched, tag};
use super::{Protection, load};
use crate::Carrier;
use crate::store_layout::{REACHED, all_met, first_met, reached_by, standing, tier};

impl<S: Store> Carrier<S> {
    /// Forgets that `business` has met `user`, and that they have complained of it, and nobody else: whom it
    /// has met limits it. `rng` is whose draws the keys of their tags, of a carrier that is being opened.
    ///
    /// If nobody is protected, and nothing limited, or it is damaged, all whom it has met are forgotten.
    pub(crate) async fn forget_acquaintance(
        &self,
        business: PhoneNumberId,
        user: Partition,
        rng: Option<&dyn Rng>,
    ) -> Result<(), StoreError> {
        let forgotten = match (&self.protection, rng) {
            (Some(protection), _) => protection.forget_user(business, user).await,
            (None, Some(rng)) => self.forget_in_store(business, user, rng).await,
            (None, None) => return self.forget_all_in_store(business, user).await,
        };
        match forgotten {
            Err(error) if error.is_of_a_record() => {
                damaged(business, &error);
                self.forget_all_in_store(business, user).await
            }
            forgotten => forgotten,
        }
    }

    /// Forgets how a business that is erased stands. To be called under the lock of its partition.
    pub(crate) fn forget_watched(&self, partition: Partition) {
        if let Some(protection) = &self.protection {
            protection.watched().retain(|_, watched| watched.partition != partition);
        }
    }

    /// Removes what was written of a business while it was erased.
    pub(crate) async fn strike_standing(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        let partition = self.pepper.partition(&Party::Business(business));
        let _lock = self.keyed_mutex.lock(partition).await;
        self.forget_watched(partition);
        remove_counters(&*self.store, REACHED, &reached_by(business), None).await?;
        if self.protection.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new(partition);
        batch.delete(standing());
        batch.delete(tier());
        all_met().for_each(|row| batch.delete(row));
        // It expects nothing.
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Of a business that nobody watches yet: the keys of the tags stand beside them.
    async fn forget_in_store(
        &self,
        business: PhoneNumberId,
        user: Partition,
        rng: &dyn Rng,
    ) -> Result<(), StoreError> {
        let partition = self.pepper.partition(&Party::Business(business));
        let _lock = self.keyed_mutex.lock(partition).await;
        let now = self.clock.now();
        let Some(mut watched) = load::read(&*self.store, (business, partition), now, rng).await? else {
            return Ok(());
        };
        if watched.forget_user(user, now, rng) {
            let mut batch = Batch::new(partition);
            let put = watched.put(&mut batch, now);
            // Nothing of these expects anything.
            let _ = self.store.commit(batch).await?;
            let _ = watched.kept(put);
            // A batch holds so many of those who stand apart.
            let mut also = Also::All;
            while also == Also::All || watched.has_apart() {
                for mut put in watched.put_also(business, also, now).puts {
                    if let Some(batch) = put.batch.take().filter(Batch::writes) {
                        let _ = self.store.commit(batch).await?;
                        let _ = watched.kept_kind(put);
                    }
                }
                also = Also::Tier;
            }
        }
        load::remove_over(&*self.store, business, now).await
    }

    /// Of a business whose tags nobody can read: all whom it has met are forgotten, which were to be within a
    /// day.
    async fn forget_all_in_store(&self, business: PhoneNumberId, user: Partition) -> Result<(), StoreError> {
        let partition = self.pepper.partition(&Party::Business(business));
        let _lock = self.keyed_mutex.lock(partition).await;
        let (mut batch, now) = (Batch::new(partition), self.clock.now());
        remove_counters(&*self.store, REACHED, &reached_by(business), None).await?;
        let mut is_known = false;
        for first in first_met() {
            is_known |= self.store.get(partition, &first, now).await?.is_some();
        }
        if is_known {
            all_met().for_each(|row| batch.delete(row));
        }
        if let Some(stored) = self.store.get(partition, &standing(), now).await? {
            let (next_event, bytes) = watched::split(&stored.value)?;
            let mut known = Standing::from_bytes(bytes).map_err(|_| watched::DAMAGED)?;
            if known.forget_user(tag(user)) {
                batch.put(standing(), watched::joined(next_event, &known));
                is_known = true;
            }
        }
        if is_known {
            // It expects nothing.
            let _ = self.store.commit(batch).await?;
        }
        Ok(())
    }
}

impl<S: Store> Protection<S> {
    /// Forgets that `business` has met `user`.
    async fn forget_user(&self, business: PhoneNumberId, user: Partition) -> Result<(), StoreError> {
        let forgotten = self.watch(business, |watched, now, rng| watched.forget_user(user, now, rng)).await?;
        if forgotten == Some(true) {
            // Those who stand apart, of whom a batch holds so many, in the order in which they came.
            while self.has_many_apart(business) {
                self.keep(business, Also::Tier).await?;
            }
            self.keep(business, Also::All).await?;
        }
        load::remove_over(&*self.store, business, self.clock.now()).await
    }

    fn has_many_apart(&self, business: PhoneNumberId) -> bool {
        self.watched().get(&business).is_some_and(Watched::has_many_apart)
    }
}

fn damaged(business: PhoneNumberId, error: &StoreError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(%business, error, "all whom a damaged business has met are forgotten");
}
