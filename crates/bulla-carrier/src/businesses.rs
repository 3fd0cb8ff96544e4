use bulla_base::PhoneNumberId;
use bulla_store::{Batch, Key, OWN, Scan, Store, StoreError};
use bulla_transport::TransportError;
use bytes::Bytes;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::space::BUSINESS;

impl<S: Store> Carrier<S> {
    /// Remembers that `business` has connected, once and for good.
    pub(crate) async fn remember(&self, business: PhoneNumberId) -> Result<(), TransportError> {
        let key = Key::undated(BUSINESS, business.number().to_be_bytes().to_vec());
        if self.store.get(OWN, &key, self.clock.now()).await.map_err(store_failed)?.is_some() {
            return Ok(());
        }
        let mut batch = Batch::new(OWN);
        batch.put(key, Bytes::new());
        self.commit(batch).await
    }

    /// Every business that has ever connected: nobody can have queued anything for another.
    pub(crate) async fn businesses(&self) -> Result<Vec<PhoneNumberId>, StoreError> {
        let (mut businesses, mut scan) = (Vec::new(), Scan::undated(BUSINESS));
        loop {
            let page = self.store.scan(OWN, &scan, self.clock.now()).await?;
            let Some((last, _)) = page.last() else { return Ok(businesses) };
            scan = Scan::undated(BUSINESS).after(last.clone());
            for (key, _) in page {
                let number =
                    key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "business" })?;
                businesses.push(PhoneNumberId::new(u64::from_be_bytes(number)));
            }
        }
    }
}
