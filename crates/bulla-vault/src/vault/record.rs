//! One record, sealed and opened; and the salt of its partition.

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Key, Put, Record, Store, StoreError};
use bytes::Bytes;
use tokio::sync::RwLockReadGuard;
use zeroize::Zeroizing;

use super::Vault;
use crate::row::{Head, context};
use crate::salt::Salt;
use crate::seal::{self, Once, Under};
use crate::space;

impl<S: Store> Vault<S> {
    /// The sealed form of what is `put`.
    pub(super) fn seal(
        &self,
        partition: Partition,
        put: &Put,
        salt: &Salt,
        once: Once,
    ) -> Result<Vec<u8>, StoreError> {
        let too_far = StoreError::Damaged { what: "key chain" };
        let (head, hour_key) = match put.expiry {
            None => (Head::Lasting { salt: salt.name() }, None),
            Some(expiry) => {
                let (era, hour, key) = self.eras().sealing_key(expiry).ok_or(too_far)?;
                (Head::Hourly { salt: salt.name(), era, hour }, Some(key))
            }
        };
        let (head, context) = (head.to_bytes(), context(partition, &put.key, put.expiry));
        let secret = hour_key.as_ref().unwrap_or(&self.lasting);
        let under = Under { key: secret, salt: Some(salt.secret()), head: &head, context: &context };
        seal::seal_once(under, &put.value, once).map_err(|_| StoreError::Sealed { what: "record" })
    }

    /// The record as it was put, unless its hour is over or its partition was erased.
    pub(super) fn unseal(
        &self,
        partition: Partition,
        key: &Key,
        record: &Record,
        salt: Option<&Salt>,
    ) -> Result<Option<Record>, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "sealed record" };
        let (head, sealed) = Head::split(&record.value).ok_or(DAMAGED)?;
        let (Head::Lasting { salt: name } | Head::Hourly { salt: name, .. }) = head else {
            return Err(DAMAGED);
        };
        // Before anything is taken for gone, so that a damaged form is not.
        if matches!(head, Head::Hourly { .. }) != record.expiry.is_some() {
            return Err(StoreError::Sealed { what: "record" });
        }
        let Some(salt) = salt.filter(|salt| salt.name() == name) else { return Ok(None) };
        let hour_key = match head {
            Head::Hourly { era, hour, .. } => match self.eras().opening_key(era, hour) {
                Some(key) => Some(key),
                None => return Ok(None),
            },
            _ => None,
        };
        let (head, context) = (head.to_bytes(), context(partition, key, record.expiry));
        let secret = hour_key.as_ref().unwrap_or(&self.lasting);
        let under = Under { key: secret, salt: Some(salt.secret()), head: &head, context: &context };
        let value = seal::open(under, sealed).map_err(|_| StoreError::Sealed { what: "record" })?;
        Ok(Some(Record::new(record.version, record.expiry, Bytes::from(value))))
    }

    /// The partition's salt, for reading.
    pub(super) async fn salt(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Option<Salt>, StoreError> {
        if let Some(salt) = self.salts().find(partition) {
            return Ok(Some(salt));
        }
        // So that what is read here is not put into memory after it was erased.
        let _shared = self.lane(partition).read().await;
        if self.salts().is_erasing(partition) { Ok(None) } else { self.stored_salt(partition, now).await }
    }

    /// Waits for the partition's lane, to be shared with other writers. Nobody who has it meets an erasure that is not done.
    pub(super) async fn share(&self, partition: Partition) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        loop {
            let shared = self.lane(partition).read().await;
            if !self.salts().is_erasing(partition) {
                return Ok(shared);
            }
            // Somebody began it and did not wait for its end.
            drop(shared);
            self.erase_partition(partition).await?;
        }
    }

    /// The partition's salt, from memory or the store; the lane is held.
    pub(super) async fn stored_salt(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Option<Salt>, StoreError> {
        const SEALED: StoreError = StoreError::Sealed { what: "conversation's salt" };
        if let Some(salt) = self.salts().find(partition) {
            return Ok(Some(salt));
        }
        let key = space::salt();
        let Some(record) = self.engine.get(partition, &key, now).await? else { return Ok(None) };
        let (head, sealed) = Head::split(&record.value).ok_or(SEALED)?;
        let (head, context) = (head.to_bytes(), context(partition, &key, None));
        let under = Under { key: &self.lasting, salt: None, head: &head, context: &context };
        let bytes = Zeroizing::new(seal::open(under, sealed).map_err(|_| SEALED)?);
        let salt = Salt::from_bytes(&bytes).ok_or(SEALED)?;
        self.salts().keep(partition, salt.clone());
        Ok(Some(salt))
    }

    /// Adds a new salt to `batch`, which then expects that there is none.
    pub(super) fn add_salt(&self, batch: &mut Batch, salt: &Salt) -> Result<(), StoreError> {
        let key = space::salt();
        let (head, context) = (Head::Own.to_bytes(), context(batch.partition(), &key, None));
        let under = Under { key: &self.lasting, salt: None, head: &head, context: &context };
        let sealed = seal::seal(under, &salt.to_bytes()[..], &*self.rng);
        batch.expect_absent(key.clone());
        batch.put(key, sealed.map_err(|_| StoreError::Sealed { what: "conversation's salt" })?);
        Ok(())
    }
}
