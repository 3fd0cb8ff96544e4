//! The vault as a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp, without_trace};
use bulla_store::{
    Batch, Commit, Counter, Generation, Key, MAX_RETENTION, Record, Scan, Space, Store, StoreError, Watch,
};

use super::Vault;
use crate::committing_aead::DEEP;
use crate::error::VaultError;
use crate::key_epochs::ClockState;
use crate::limits::TICK;
use crate::metrics::SALTS;
use crate::salt::Salt;
use crate::secret::Secret;
use crate::store_layout::{self, VAULT};

/// Notes, when it is dropped, that something was put into the store.
struct Written<'a>(&'a AtomicBool);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<S: Store> Store for Vault<S> {
    async fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        batch.check()?;
        check_spaces(&batch)?;
        // Nothing is sealed, so no salt is wanted, and none is made that somebody would have to look for.
        if batch.puts().is_empty() {
            return self.engine.commit(batch).await;
        }
        // What has no expiry is sealed under the same key whatever the clock says.
        if batch.puts().iter().any(|put| put.expiry.is_some()) {
            self.notice_a_jump().await?;
        }
        let partition = batch.partition();
        let now = self.clock.now();
        let _shared = self.share(partition).await?;
        // Also when nobody waits for the end: the batch may be committed all the same.
        let _written = Written(&self.written);
        let outcome = loop {
            if let Some(salt) = self.stored_salt(partition, now).await? {
                break self.engine.commit(self.seal_batch(batch, salt.secret())?).await?;
            }
            let salt = Secret::draw(&*self.rng);
            let mut sealed = self.seal_batch(batch.clone(), &salt)?;
            self.add_salt(&mut sealed, &salt)?;
            match self.commit_first(partition, sealed).await? {
                // Somebody else was first to write to the partition.
                Commit::Conflict(key) if key == store_layout::salt() => {}
                Commit::Committed(version) => {
                    self.salts().cache(partition, Arc::new(Salt::new(version, salt)));
                    break Commit::Committed(version);
                }
                conflict => break conflict,
            }
        };
        Ok(outcome)
    }

    async fn get(
        &self,
        partition: Partition,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        if key.space() == VAULT {
            return Ok(None);
        }
        let Some(record) = self.engine.get(partition, key, now).await? else { return Ok(None) };
        // After the record, so that it is never older than what the record was sealed with.
        let salt = self.salt(partition, now).await?;
        without_trace::<DEEP, _>(|| self.unseal(partition, key, &record, salt.as_deref()))
    }

    async fn scan(
        &self,
        partition: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let mut found = Vec::new();
        if scan.space() == VAULT {
            return Ok(found);
        }
        let mut page_scan = scan.clone();
        // What is gone takes no place in a page.
        while page_scan.row_limit() > 0 {
            let page = self.engine.scan(partition, &page_scan, now).await?;
            let is_last = page.len() < page_scan.row_limit();
            let Some((last, _)) = page.last() else { break };
            let last = last.clone();
            let salt = self.salt(partition, now).await?;
            found.append(&mut self.unseal_all(partition, page, salt.as_deref())?);
            if is_last {
                break;
            }
            page_scan = match scan.end_before() {
                None => page_scan.after(last),
                Some(_) => page_scan.before(last),
            };
            page_scan = page_scan.limit(scan.row_limit() - found.len());
        }
        Ok(found)
    }

    /// Also of what it opens no more.
    async fn keys(&self, partition: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        if scan.space() == VAULT {
            return Ok(Vec::new());
        }
        self.engine.keys(partition, scan, now).await
    }

    async fn counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        self.engine.counters(space, prefix, after).await
    }

    fn watch(&self, partition: Partition, space: Space) -> Watch {
        self.engine.watch(partition, space)
    }

    /// While the clock is ahead and not believed, days of which something can still be read by the vault's
    /// time stay.
    ///
    /// # Errors
    /// As the engine's; and when the keyring cannot be kept up to date, should the clock just have jumped.
    async fn drop_days_before(&self, day: Day) -> Result<(), StoreError> {
        self.notice_a_jump().await?;
        let (clock_state, time) = (self.clock_state(), self.epochs().time());
        // By a clock that is believed, what is dropped has expired.
        let first_kept = match clock_state {
            ClockState::Held { .. } => day.min(time.before(MAX_RETENTION).day().minus(1)),
            _ => day,
        };
        self.engine.drop_days_before(first_kept).await
    }

    /// Makes everything in `partition` unreadable at once, by destroying the salt that is in all its keys,
    /// then removes the records, those whose hour is over included. What is written to the partition
    /// afterwards has a new salt.
    ///
    /// Once begun it is carried out before anything else is written to the partition, also when this is
    /// dropped or fails; until then nothing of the partition is read.
    ///
    /// # Errors
    /// When the store fails; should the vault be opened anew after that, call this again.
    ///
    /// # Security
    /// A backup that was taken before still holds the salt, sealed under the lasting key. What has an expiry
    /// cannot be read there either once its hour is over; what has none can be read with the operator's key
    /// for as long as the backup is kept. The engine's own files keep the deleted row until they are
    /// compacted.
    async fn erase_partition(&self, partition: Partition) -> Result<usize, StoreError> {
        let _alone = self.partition_lock(partition).write().await;
        let mut batch = Batch::new(partition);
        batch.delete(store_layout::salt());
        // First: from here on nobody reads by a salt in memory, also if the rest of this is never carried
        // out.
        self.salts().begin_erasure(partition);
        let Commit::Committed(_) = self.engine.commit(batch).await? else {
            // It expects nothing.
            return Err(StoreError::Damaged { what: "conversation's salt" });
        };
        let removed = self.engine.erase_partition(partition).await?;
        self.forget_looks(partition).await?;
        self.salts().end_erasure(partition);
        ::metrics::counter!(SALTS, "reason" => "erased").increment(1);
        tracing::info!(conversation = partition.tag(), records = removed, "a conversation was erased");
        Ok(removed)
    }

    /// [Ticks](Vault::tick), at least every [`TICK`], and destroys the salts of conversations of which
    /// nothing is left.
    async fn upkeep(&self) -> Result<Option<Duration>, StoreError> {
        let ticked = self.tick().await;
        // Done whatever became of ours: that a keyring cannot be written is no reason to let the engine's
        // files grow.
        let beneath = self.engine.upkeep().await?;
        let _reckoning = ticked?;
        self.drop_unused_salts().await?;
        Ok(Some(beneath.map_or(TICK, |beneath| beneath.min(TICK))))
    }

    async fn restored(&self) -> Option<Generation> {
        if self.is_restored() { Some(self.generation().await) } else { None }
    }

    async fn accept_restored(&self) -> Result<(), StoreError> {
        // What is beneath accepts first: if it does not, all of it is said again at the next opening.
        self.engine.accept_restored().await?;
        let mut keeper = self.keeper.lock().await;
        let was_restored = self.restored.swap(false, Ordering::AcqRel);
        let epochs = self.epochs().clone();
        let accepted = self.adopt(&mut keeper, epochs, was_restored).await;
        if accepted.is_err() {
            self.restored.store(was_restored, Ordering::Release);
        }
        accepted?;
        if was_restored {
            let generation = keeper.rollback.generation();
            tracing::info!(generation, "the store that was put back is the present one from now on");
        }
        Ok(())
    }

    /// Takes note of the time once more, and closes the store beneath.
    async fn close(&self) -> Result<(), StoreError> {
        let ticked = self.tick().await;
        self.engine.close().await?;
        match ticked {
            // It was closed before.
            Err(VaultError::Store(StoreError::Closed)) => Ok(()),
            Ok(_) => {
                let generation = self.generation().await.number();
                tracing::info!(generation, "the vault is closed");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn check_spaces(batch: &Batch) -> Result<(), StoreError> {
    let expected = batch.expectations().iter().map(|(key, _)| key);
    let mut keys = expected.chain(batch.puts().iter().map(|put| &put.key)).chain(batch.deletes());
    match keys.any(|key| key.space() == VAULT) {
        true => Err(VaultError::Reserved { space: VAULT.number() }.into()),
        false => Ok(()),
    }
}
