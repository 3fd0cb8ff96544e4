use bulla_base::{Address, Number, Partition, Party, Rng};
use bulla_envelope::Envelope;
use bulla_store::{BEFORE_ALL, Batch, Commit, Erased, Scan, Store, StoreError, UserErasure, erase_names};
use bulla_transport::TransportError;
use bytes::Bytes;
use tokio::sync::MutexGuard;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::ERASE_PAGE;
use crate::metrics::ERASED;
use crate::running_erasures::Asked;
use crate::store_layout::{ERASING, QUEUE, REPORTS_MADE};

impl<S: Store> Carrier<S> {
    /// Erases everything the carrier keeps about `user`: the entry in the directory, the queue, the guard
    /// against duplicates, the fencing token, what the user has sent that still waits for a business, what
    /// the user has reported, and what the user has uploaded. When this returns, the store was read once more
    /// and held nothing.
    ///
    /// It may be cut short. The wish is durable before anything is removed: a dropped future, an error and a
    /// crash put it off, and it is carried out before anything else is done for the user, and before a
    /// carrier opened on the store does anything. Asked for by several at once, it is done once and all have
    /// the receipt.
    ///
    /// The counters stay: they are sums by business, day and category and say nothing about anybody. A device
    /// that still runs connects anew, leaves its keys, and counts from the beginning; until it does, nobody
    /// can write to it.
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cost
    /// Two commits and one for each 128 records. Two passes, of which the second finds nothing: each is 256
    /// scans and a walk through what waits for each business that has ever connected.
    pub async fn erase(&self, user: &Number) -> Result<Erased, StoreError> {
        self.erase_party(&Address::user(user.clone())).await
    }

    /// Erases everything in the partition of `address`, and what it has sent to businesses.
    pub(crate) async fn erase_party(&self, address: &Address) -> Result<Erased, StoreError> {
        let partition = self.partition(address);
        // From here on it cannot send, nor be sent to.
        let asked = self.erasures.begin(partition);
        self.for_host(self.call("erase", address, None), self.carry_out(partition, &asked, None)).await
    }

    /// Carries out the erasure of `address` if one was begun. To be called before a fencing token is passed,
    /// for it waits until all have passed.
    pub(crate) async fn nobody_is_being_erased(&self, address: &Address) -> Result<(), TransportError> {
        let user = self.partition(address);
        if let Some(asked) = self.erasures.under_way(user) {
            self.carry_out(user, &asked, None).await.map_err(store_failed)?;
        }
        Ok(())
    }

    /// The lock of `partition`. Nobody who has it meets an erasure that is not done.
    pub(crate) async fn lock(&self, partition: Partition) -> Result<MutexGuard<'_, ()>, TransportError> {
        let lock = self.keyed_mutex.lock(partition).await;
        match self.erasures.is_under_way(partition) {
            // Whoever waits for it in here, having passed a fencing token, may be whom it waits for.
            true => Err(TransportError::unavailable("the recipient is being erased")),
            false => Ok(lock),
        }
    }

    /// Carries out what an earlier run of the carrier began, before it is known whether users are protected:
    /// `rng` draws what whoever protects them would.
    pub(crate) async fn finish_erasures(&self, rng: &dyn Rng) -> Result<(), StoreError> {
        for begun in UserErasure::begun(&self.store, ERASING, self.clock.now()).await? {
            let asked = self.erasures.begin(begun.user());
            self.carry_out(begun.user(), &asked, Some(rng)).await?;
        }
        Ok(())
    }

    /// Removes everything about `user`, unless somebody else has done so since it was `asked` for: then the
    /// user may be back.
    async fn carry_out(
        &self,
        user: Partition,
        asked: &Asked,
        rng: Option<&dyn Rng>,
    ) -> Result<Erased, StoreError> {
        let mut done = asked.done.lock().await;
        if let Some(erased) = *done {
            return Ok(erased.by_another());
        }
        self.everybody_has_passed(user).await;
        let erasure = UserErasure::new(user, ERASING);
        erasure.begin(&self.store).await?;
        let pass = || async move {
            if let Some(blobs) = &self.blobs {
                blobs.erase_files(user).await?;
            }
            // Locks of businesses and of the user one after the other: two of them can be the same lock.
            let removed = self.remove_sent(user, rng).await?;
            let _lock = self.keyed_mutex.lock(user).await;
            // What they had before they went is billed.
            self.count_before_forgetting(user).await?;
            self.tails.forget(user);
            self.acknowledged.forget(user);
            self.forget_watched(user);
            self.forget_paused(user);
            self.compared.forget(user);
            Ok(removed + self.store.erase_partition(user).await?)
        };
        let erased = erasure.carry_out(&self.store, &*self.clock, pass).await?;
        metrics::counter!(ERASED).increment(1);
        tracing::info!(records = erased.records(), "a user was erased");
        *done = Some(erased);
        self.erasures.end(user);
        Ok(erased)
    }

    /// Removes what `user` has sent and waits for a business, and what they have reported, and says how much
    /// that was.
    async fn remove_sent(&self, user: Partition, rng: Option<&dyn Rng>) -> Result<usize, StoreError> {
        let mut removed = self.remove_reports_made(user).await?;
        for business in self.businesses().await? {
            self.forget_acquaintance(business, user, rng).await?;
            let queue = self.pepper.partition(&Party::Business(business));
            let everything = Scan::everything(QUEUE).limit(ERASE_PAGE);
            let mut scan = everything.clone();
            loop {
                let _lock = self.keyed_mutex.lock(queue).await;
                self.tails.forget(queue);
                let page = self.store.scan(queue, &scan, BEFORE_ALL).await?;
                let Some((last, _)) = page.last() else {
                    removed += self.remove_reports(queue, user).await?;
                    // That the business has reported the user.
                    let name = Bytes::copy_from_slice(user.as_bytes());
                    removed += erase_names(&self.store, queue, REPORTS_MADE, name).await?;
                    break;
                };
                scan = everything.clone().after(last.clone());
                let mut batch = Batch::new(queue);
                for (key, record) in page {
                    let envelope = Envelope::from_bytes(record.value);
                    let envelope = envelope.map_err(|_| StoreError::Damaged { what: "envelope" })?;
                    if self.pepper.partition(envelope.from().party()) == user {
                        batch.delete(key);
                    }
                }
                let found = batch.deletes().len();
                if found > 0 {
                    removed += found;
                    let Commit::Committed(_) = self.store.commit(batch).await? else {
                        return Err(StoreError::Damaged { what: "envelope to be erased" });
                    };
                }
            }
        }
        Ok(removed)
    }
}
