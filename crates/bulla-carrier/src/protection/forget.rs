//! What is left of nobody who is erased.

use bulla_base::{Partition, Party, PhoneNumberId};
use bulla_integrity::Standing;
use bulla_store::{Batch, Store, StoreError, remove_counters};

use super::watched::{self, tag};
use crate::Carrier;
use crate::store_layout::{REACHED, all_met, first_met, reached_by, standing, tier};

impl<S: Store> Carrier<S> {
    /// Forgets that `business` has met `user`, and that they have complained of it; also if nobody is
    /// protected at the moment.
    pub(crate) async fn forget_acquaintance(
        &self,
        business: PhoneNumberId,
        user: Partition,
    ) -> Result<(), StoreError> {
        if !self.is_watched(business) {
            self.forget_in_store(business, user).await?;
        }
        // Perhaps it was read before.
        let Some(protection) = self.protection.as_ref().filter(|_| self.is_watched(business)) else {
            return Ok(());
        };
        let forgotten = protection.watch(business, |watched, now, rng| watched.forget_user(user, now, rng));
        match forgotten.await? {
            Some(true) => protection.keep(business, true).await,
            _ => Ok(()),
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

    fn is_watched(&self, business: PhoneNumberId) -> bool {
        self.protection.as_ref().is_some_and(|protection| protection.watched().contains_key(&business))
    }

    /// Of a business that nobody watches. Nobody can tell who is among those whom it has met; so all of them
    /// are forgotten, which were to be within a day.
    async fn forget_in_store(&self, business: PhoneNumberId, user: Partition) -> Result<(), StoreError> {
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
