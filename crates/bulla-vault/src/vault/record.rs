//! One record, opened; and the salt of its partition.

use std::sync::Arc;

use bulla_base::{Partition, Timestamp, without_trace};
use bulla_store::{Key, Record, Store, StoreError};
use bytes::Bytes;
use tokio::sync::RwLockReadGuard;

use super::Vault;
use crate::error::VaultError;
use crate::key_epochs::hour_of;
use crate::metrics::UNOPENED;
use crate::salt::Salt;
use crate::seal::{self, Bound, DEEP, Under};
use crate::sealed_row::{Body, Head, Place, own_body};
use crate::store_layout;

impl<S: Store> Vault<S> {
    /// The records as they were put, without those whose hour is over; none if their partition was erased.
    ///
    /// # Cost
    /// The stack is wiped once for all.
    pub(super) fn unseal_all(
        &self,
        partition: Partition,
        records: impl IntoIterator<Item = (Key, Record)>,
        salt: Option<&Salt>,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let unsealed = records.into_iter().filter_map(|(key, record)| {
            let record = self.unseal(partition, &key, &record, salt).transpose()?;
            Some(record.map(|record| (key, record)))
        });
        without_trace::<DEEP, _>(|| unsealed.collect())
    }

    /// The record as it was put, unless its hour is over or its partition was erased. Its key is left on the
    /// stack.
    pub(super) fn unseal(
        &self,
        partition: Partition,
        key: &Key,
        record: &Record,
        salt: Option<&Salt>,
    ) -> Result<Option<Record>, StoreError> {
        self.try_unseal(partition, key, record, salt).inspect_err(count)
    }

    fn try_unseal(
        &self,
        partition: Partition,
        key: &Key,
        record: &Record,
        salt: Option<&Salt>,
    ) -> Result<Option<Record>, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "sealed record" };
        const SEALED: VaultError = VaultError::DoesNotOpen { what: "record" };
        let (head, body) = Head::split(&record.value).ok_or(DAMAGED)?;
        // Before anything is taken for gone, so that a damaged form is not.
        let time = match (head, record.expiry) {
            (Head::Own, _) => return Err(DAMAGED),
            (Head::Lasting, None) => None,
            (Head::Hourly { epoch }, Some(expiry)) => Some((epoch, hour_of(expiry))),
            (Head::Elsewhen { epoch, hour }, Some(_)) => Some((epoch, hour)),
            _ => return Err(SEALED.into()),
        };
        let Some(salt) = salt else { return Ok(None) };
        let hour_key = match time {
            Some((epoch, hour)) => match self.epochs().opening_key(epoch, hour) {
                Some(key) => Some(key),
                None => return Ok(None),
            },
            None => None,
        };
        let mut bound = Bound::default();
        let place = Place { partition, key, expiry: record.expiry };
        place.bind(head, matches!(body, Body::Empty(_)), &mut bound);
        let secret = hour_key.as_deref().unwrap_or(&self.lasting);
        let under = Under { key: secret, salt: Some(salt.secret()), bound: &bound };
        let value = match body {
            Body::Sealed(sealed) => seal::open_leaving_a_trace(under, sealed),
            Body::Empty(proof) => seal::check_empty(under, proof).map(|()| Vec::new()),
        };
        match value {
            Ok(value) => Ok(Some(Record::new(record.version, record.expiry, Bytes::from(value)))),
            // It was sealed with an earlier salt, which was destroyed.
            Err(_) if salt.is_younger_than(record.version) => Ok(None),
            Err(_) => Err(SEALED.into()),
        }
    }

    /// The partition's salt, for reading.
    pub(super) async fn salt(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Option<Arc<Salt>>, StoreError> {
        if let Some(salt) = self.salts().find(partition) {
            return Ok(Some(salt));
        }
        // So that what is read here is not put into memory after it was erased.
        let _shared = self.partition_lock(partition).read().await;
        if self.salts().is_erasing(partition) { Ok(None) } else { self.stored_salt(partition, now).await }
    }

    /// Waits for the partition's lock, to be shared with other writers. Nobody who has it meets an erasure
    /// that is not done.
    pub(super) async fn share(&self, partition: Partition) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        loop {
            let shared = self.partition_lock(partition).read().await;
            if !self.salts().is_erasing(partition) {
                return Ok(shared);
            }
            // Somebody began it and did not wait for its end.
            drop(shared);
            self.erase_partition(partition).await?;
        }
    }

    /// The partition's salt, from memory or the store; the lock is held.
    pub(super) async fn stored_salt(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Option<Arc<Salt>>, StoreError> {
        const SEALED: VaultError = VaultError::DoesNotOpen { what: "conversation's salt" };
        if let Some(salt) = self.salts().find(partition) {
            return Ok(Some(salt));
        }
        let key = store_layout::salt();
        let Some(record) = self.engine.get(partition, &key, now).await? else { return Ok(None) };
        let under = Under { key: &self.lasting, salt: None, bound: &Place::own(partition, &key) };
        let read = |bytes: &[u8]| Salt::from_bytes(record.version, bytes);
        let salt = own_body(&record.value).and_then(|sealed| seal::open(under, sealed, read).ok().flatten());
        let salt = salt.ok_or_else(|| StoreError::from(SEALED)).inspect_err(count)?;
        let salt = Arc::new(salt);
        self.salts().cache(partition, salt.clone());
        Ok(Some(salt))
    }
}

fn count(error: &StoreError) {
    let reason = if matches!(error, StoreError::Damaged { .. }) { "damaged" } else { "does_not_open" };
    ::metrics::counter!(UNOPENED, "reason" => reason).increment(1);
}
