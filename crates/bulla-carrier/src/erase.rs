use bulla_base::{Address, Number, Partition, Party, Timestamp};
use bulla_envelope::Envelope;
use bulla_store::{Batch, Commit, Key, OWN, Scan, Store, StoreError};
use bulla_transport::TransportError;
use bytes::Bytes;
use tokio::sync::MutexGuard;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::erasures::Erasure;
use crate::space::{ERASING, QUEUE, every};

/// How often what was removed is looked for again before it is said that it resists.
const ATTEMPTS: usize = 3;

/// How many envelopes are looked at at a time.
const PAGE: usize = 64;

/// Before any record's expiry: read at this moment, everything that is on disk is there.
const BEFORE_ALL: Timestamp = Timestamp::from_millis(0);

/// The receipt for an erasure: that at this moment the store was read once more, and held nothing about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    at: Timestamp,
    records: usize,
}

impl Erased {
    /// When nothing was found any more.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }

    /// How many records this call removed. 0 when there were none, or when a call before this one got to them.
    #[must_use]
    pub const fn records(self) -> usize {
        self.records
    }
}

impl<S: Store> Carrier<S> {
    /// Erases everything the carrier keeps about `user`: the entry in the directory, the queue, the guard against duplicates, the fence, and
    /// what the user has sent that still waits for a business. When this returns, the store was read once more and held nothing.
    ///
    /// It may be cut short. The wish is durable before anything is removed: a dropped future, an error and a crash put it off, and it is
    /// carried out before anything else is done for the user, and before a carrier opened on the store does anything. Asked for by several at
    /// once, it is done once and all have the receipt.
    ///
    /// The counters stay: they are sums by business, day and category and say nothing about anybody. A device that still runs connects
    /// anew, leaves its keys, and counts from the beginning; until it does, nobody can write to it.
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cost
    /// Two commits and one for each 128 records. Two passes, of which the second finds nothing: each is 256 scans and a walk through what waits
    /// for each business that has ever connected.
    pub async fn erase(&self, user: &Number) -> Result<Erased, StoreError> {
        let user = self.partition(&Address::user(user.clone()));
        // From here on the user cannot send, nor be sent to.
        let erasure = self.erasures.begin(user);
        self.carry_out(user, &erasure).await
    }

    /// Carries out the erasure of `address` if one was begun. To be called before a fence is passed, for it waits until all have passed.
    pub(crate) async fn nobody_is_being_erased(&self, address: &Address) -> Result<(), TransportError> {
        let user = self.partition(address);
        if let Some(erasure) = self.erasures.under_way(user) {
            self.carry_out(user, &erasure).await.map_err(store_failed)?;
        }
        Ok(())
    }

    /// The lane of `partition`. Nobody who has it meets an erasure that is not done.
    pub(crate) async fn lane(&self, partition: Partition) -> Result<MutexGuard<'_, ()>, TransportError> {
        let lane = self.lanes.enter(partition).await;
        match self.erasures.is_under_way(partition) {
            // Whoever waits for it in here, having passed a fence, may be whom it waits for.
            true => Err(TransportError::unavailable("the recipient is being erased")),
            false => Ok(lane),
        }
    }

    /// Carries out what an earlier run of the carrier began.
    pub(crate) async fn finish_erasures(&self) -> Result<(), StoreError> {
        loop {
            let page = self.store.scan(OWN, &Scan::undated(ERASING), self.clock.now()).await?;
            if page.is_empty() {
                return Ok(());
            }
            for (key, _) in page {
                let user = key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "erasure" })?;
                let user = Partition::from_bytes(user);
                let erasure = self.erasures.begin(user);
                self.carry_out(user, &erasure).await?;
            }
        }
    }

    /// Removes everything about `user`, unless somebody else has done so since `erasure` was begun: then the user may be back.
    async fn carry_out(&self, user: Partition, erasure: &Erasure) -> Result<Erased, StoreError> {
        let mut done = erasure.done.lock().await;
        if let Some(at) = *done {
            return Ok(Erased { at, records: 0 });
        }
        self.everybody_has_passed(user).await;
        let mut intent = Batch::new(OWN);
        intent.put(intent_key(user), Bytes::new());
        let _ = self.store.commit(intent).await?;
        let mut records = 0;
        for _ in 0..ATTEMPTS {
            // Lanes of businesses and of the user one after the other: two of them can be the same lock.
            let mut removed = self.remove_sent(user).await?;
            let _lane = self.lanes.enter(user).await;
            removed += self.store.erase_partition(user).await?;
            records += removed;
            if removed > 0 {
                continue;
            }
            let mut intent = Batch::new(OWN);
            intent.delete(intent_key(user));
            let _ = self.store.commit(intent).await?;
            let at = self.clock.now();
            *done = Some(at);
            self.erasures.end(user);
            return Ok(Erased { at, records });
        }
        Err(StoreError::Damaged { what: "record to be erased" })
    }

    /// Removes what `user` has sent and waits for a business, and says how much that was.
    async fn remove_sent(&self, user: Partition) -> Result<usize, StoreError> {
        let mut removed = 0;
        for business in self.businesses().await? {
            let queue = self.pepper.partition(&Party::Business(business));
            let everything = every(QUEUE).limit(PAGE);
            let mut scan = everything.clone();
            loop {
                let _lane = self.lanes.enter(queue).await;
                let page = self.store.scan(queue, &scan, BEFORE_ALL).await?;
                let Some((last, _)) = page.last() else { break };
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

/// The user is named by the keyed tag: no number stands in the wish to forget it.
fn intent_key(user: Partition) -> Key {
    Key::undated(ERASING, Bytes::copy_from_slice(user.as_bytes()))
}
