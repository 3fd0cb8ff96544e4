//! The salts of partitions: from memory or the store, and not while one is being erased.

use std::sync::Arc;

use bulla_base::{Partition, Timestamp};
use bulla_store::{Store, StoreError};
use tokio::sync::RwLockReadGuard;

use super::Vault;
use super::unseal_records::count;
use crate::committing_aead::{self, Under};
use crate::error::VaultError;
use crate::salt::Salt;
use crate::sealed_row_format::{Place, own_body};
use crate::store_layout;

impl<S: Store> Vault<S> {
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
        // Once more, under the lock: another may have read it meanwhile.
        if let Some(salt) = self.salts().find(partition) {
            return Ok(Some(salt));
        }
        let key = store_layout::salt();
        let Some(record) = self.engine.get(partition, &key, now).await? else { return Ok(None) };
        let under = Under { key: &self.lasting, salt: None, bound: &Place::own(partition, &key) };
        let read = |bytes: &[u8]| Salt::from_bytes(record.version, bytes);
        let salt = own_body(&record.value)
            .and_then(|sealed| committing_aead::open(under, sealed, read).ok().flatten());
        let salt = salt.ok_or_else(|| StoreError::from(SEALED)).inspect_err(count)?;
        let salt = Arc::new(salt);
        self.salts().cache(partition, salt.clone());
        Ok(Some(salt))
    }
}
