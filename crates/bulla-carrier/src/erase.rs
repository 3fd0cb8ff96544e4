use std::collections::BTreeSet;

use bulla_base::{Address, Number, Partition, Party, PhoneNumberId, Timestamp};
use bulla_envelope::Envelope;
use bulla_meter::Tally;
use bulla_store::{Batch, Commit, Key, OWN, Scan, Store, StoreError};
use bytes::Bytes;
use tokio::sync::MutexGuard;

use crate::Carrier;
use crate::space::{ERASING, METER, QUEUE, every};

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
    /// carried out before anything else is done for the user, and before a carrier opened on the store does anything.
    ///
    /// The counters stay: they are sums by business, day and category and say nothing about anybody. A device that still runs connects
    /// anew, leaves its keys, and counts from the beginning; until it does, nobody can write to it.
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cost
    /// Two commits, one for each 128 records, some 800 scans, and one walk through what waits for each business that was ever counted.
    pub async fn erase(&self, user: &Number) -> Result<Erased, StoreError> {
        let user = self.partition(&Address::user(user.clone()));
        // From here on the user cannot send, nor be sent to.
        self.erasures.begin(user);
        self.everybody_has_passed(user).await;
        let mut intent = Batch::new(OWN);
        intent.put(intent_key(user), Bytes::new());
        let _ = self.store.commit(intent).await?;
        self.carry_out(user).await
    }

    /// The lane of `partition`. Nobody who has it meets an erasure that is not done.
    pub(crate) async fn lane(&self, partition: Partition) -> Result<MutexGuard<'_, ()>, StoreError> {
        loop {
            let lane = self.lanes.enter(partition).await;
            if !self.erasures.is_under_way(partition) {
                return Ok(lane);
            }
            drop(lane);
            self.carry_out(partition).await?;
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
                self.erasures.begin(user);
                self.carry_out(user).await?;
            }
        }
    }

    /// Removes everything about `user`, whose erasure was begun.
    async fn carry_out(&self, user: Partition) -> Result<Erased, StoreError> {
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
            let mut done = Batch::new(OWN);
            done.delete(intent_key(user));
            let _ = self.store.commit(done).await?;
            self.erasures.end(user);
            return Ok(Erased { at: self.clock.now(), records });
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

    /// Every business that was ever counted: nobody can have queued anything for another. A user's receipts are not counted, but answer
    /// messages that were.
    async fn businesses(&self) -> Result<BTreeSet<PhoneNumberId>, StoreError> {
        let counters = bulla_store::every_counter(&self.store, METER, &[]).await?;
        let business = |name: &[u8]| {
            let tally = Tally::from_name(name).ok_or(StoreError::Damaged { what: "counter" })?;
            Ok(tally.business())
        };
        counters.iter().map(|(counter, _)| business(counter.name())).collect()
    }
}

/// The user is named by the keyed tag: no number stands in the wish to forget it.
fn intent_key(user: Partition) -> Key {
    Key::undated(ERASING, Bytes::copy_from_slice(user.as_bytes()))
}
