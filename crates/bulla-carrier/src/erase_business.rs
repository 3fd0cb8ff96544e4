use bulla_base::{Address, PhoneNumberId, Timestamp};
use bulla_store::{Batch, Erased, Key, SYSTEM_PARTITION, Scan, Store, StoreError};
use bulla_transport::TransportError;
use bytes::Bytes;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::store_layout::{BUSINESS, fence};

impl<S: Store> Carrier<S> {
    /// Remembers that `business` has connected, until it is erased.
    pub(crate) async fn remember(&self, business: PhoneNumberId) -> Result<(), TransportError> {
        let key = listed(business);
        if self.store.get(SYSTEM_PARTITION, &key, self.clock.now()).await.map_err(store_failed)?.is_some() {
            return Ok(());
        }
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.put(key, Bytes::new());
        self.commit(batch).await
    }

    /// Forgets a business that is gone: its public keys, its queue, who speaks for it, and that it ever
    /// connected. What it has sent stays in users' queues until they have it, and its sums stay, for the
    /// bill; what was counted of deliveries as [`LedgerSettings`](bulla_meter::LedgerSettings) say.
    ///
    /// To be called when the relay speaks for it no longer, and again after an error. A relay that does all
    /// the same connects anew.
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cost
    /// As [`erase`](Self::erase).
    pub async fn erase_business(&self, business: PhoneNumberId) -> Result<Erased, StoreError> {
        let address = Address::business(business);
        let erased = self.erase_party(&address).await?;
        let span = self.call("erase", &address, None);
        self.for_host(span, self.strike_off(business, &address)).await?;
        Ok(erased)
    }

    /// The business is among those that have connected no more, unless it is back.
    async fn strike_off(&self, business: PhoneNumberId, address: &Address) -> Result<(), StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.delete(listed(business));
        // Neither expects anything.
        let _ = self.store.commit(batch).await?;
        // Whoever has written to it meanwhile may have had it watched again.
        self.strike_standing(business).await?;
        self.erase_ledger(business).await?;
        if self.store.get(self.partition(address), &fence(), self.clock.now()).await?.is_some() {
            // It is back already: whoever is erased later has to be looked for in its queue.
            let mut batch = Batch::new(SYSTEM_PARTITION);
            batch.put(listed(business), Bytes::new());
            let _ = self.store.commit(batch).await?;
        }
        Ok(())
    }

    /// Every business that has connected and was not erased since: nobody can have queued anything for
    /// another.
    pub(crate) async fn businesses(&self) -> Result<Vec<PhoneNumberId>, StoreError> {
        businesses(&*self.store, self.clock.now()).await
    }
}

/// Every business that has connected and was not erased since.
pub(crate) async fn businesses<S: Store>(
    store: &S,
    now: Timestamp,
) -> Result<Vec<PhoneNumberId>, StoreError> {
    let (mut businesses, mut scan) = (Vec::new(), Scan::undated(BUSINESS));
    loop {
        let page = store.scan(SYSTEM_PARTITION, &scan, now).await?;
        let Some((last, _)) = page.last() else { return Ok(businesses) };
        scan = Scan::undated(BUSINESS).after(last.clone());
        for (key, _) in page {
            let number = key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "business" })?;
            businesses.push(PhoneNumberId::new(u64::from_be_bytes(number)));
        }
    }
}

/// That there is the business.
pub(crate) fn listed(business: PhoneNumberId) -> Key {
    Key::undated(BUSINESS, business.number().to_be_bytes().to_vec())
}
