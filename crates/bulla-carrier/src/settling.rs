use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_base::{Clock, DeviceId, Partition};
use bulla_store::{Batch, Commit, KeyedMutex, QueueIndex, Store, StoreError};
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use crate::acknowledged_envelopes::{AcknowledgedEnvelopes, Places};
use crate::ledger::{CarrierLedger, LedgerOutcomes};
use crate::limits::{MAX_SETTLE_ATTEMPTS, SETTLED_AFTER, SETTLED_AT_ONCE};
use crate::queue_tails::QueueTails;
use crate::store_layout::{queue, queue_head};

/// Takes what was acknowledged out of the store, unless it goes with another record before.
pub(crate) struct Settling<S> {
    pub(crate) store: Arc<S>,
    pub(crate) keyed_mutex: Arc<KeyedMutex>,
    pub(crate) acknowledged: Arc<AcknowledgedEnvelopes>,
    pub(crate) tails: Arc<QueueTails>,
    pub(crate) ledger: CarrierLedger,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<S: Store> Settling<S> {
    /// Takes out what was acknowledged and did not go with another record, for as long as it is let. What
    /// fails is tried again; a store that may not go on ends it.
    pub(crate) async fn keep_settling(self) -> Result<(), StoreError> {
        let mut is_failing = false;
        loop {
            self.acknowledged.some().await;
            loop {
                self.clock.sleep(SETTLED_AFTER).await;
                let (due, has_more) = self.acknowledged.due();
                match self.settle_all(due).await {
                    Err(error) if error.is_final() => return Err(error),
                    Err(error) => {
                        if !std::mem::replace(&mut is_failing, true) {
                            let error = &error as &dyn std::error::Error;
                            tracing::warn!(error, "acknowledged envelopes stay; it is tried again");
                        }
                    }
                    Ok(()) => is_failing = false,
                }
                if !has_more {
                    break;
                }
            }
        }
    }

    /// Takes out what was acknowledged, and lets nothing be noted any more.
    pub(crate) async fn settle_at_close(&self) {
        if let Err(error) = self.settle_all(self.acknowledged.close()).await {
            // Their recipients know them when they come again.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "acknowledged envelopes stay, and are handed on again");
        }
    }

    /// Settles for each of `parties`. The first error, or one that is final.
    async fn settle_all(&self, parties: Vec<Partition>) -> Result<(), StoreError> {
        let (mut settling, mut outcome) = (JoinSet::new(), Ok(()));
        let mut parties = parties.into_iter();
        loop {
            for partition in parties.by_ref().take(SETTLED_AT_ONCE - settling.len()) {
                let own = self.clone();
                let settled = async move { own.settle(partition, &Places::new()).await };
                settling.spawn(settled.instrument(Span::current()));
            }
            match settling.join_next().await {
                None => return outcome,
                Some(Ok(Err(error))) if error.is_final() => return Err(error),
                Some(Ok(Err(error))) => outcome = outcome.and(Err(error)),
                // One that another program came before is tried again, as is one that was cut short.
                Some(_) => {}
            }
        }
    }

    /// Takes what was acknowledged of a party, and what stands at the places `more`, out of the store, in one
    /// record. False when another program writes to the same rows all the time.
    pub(crate) async fn settle(&self, partition: Partition, more: &Places) -> Result<bool, StoreError> {
        for _ in 0..MAX_SETTLE_ATTEMPTS {
            let _lock = self.keyed_mutex.lock(partition).await;
            if self.settle_locked(partition, more).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same, once, under the lock of the party.
    pub(crate) async fn settle_locked(
        &self,
        partition: Partition,
        more: &Places,
    ) -> Result<bool, StoreError> {
        let mut places = self.acknowledged.of(partition);
        for (device, more) in more {
            places.entry(*device).or_default().extend(more);
        }
        let (mut batch, mut firsts) = (Batch::new(partition), Vec::new());
        let mut outcomes = LedgerOutcomes::default();
        for (device, places) in &places {
            let key = queue_head(*device);
            let Some(head) = self.store.get(partition, &key, self.clock.now()).await? else { continue };
            let mut index = QueueIndex::from_bytes(&head.value)?;
            let counted = (&queue(partition, *device), &index, places);
            let counting = self.ledger.count(&*self.store, &mut batch, counted, self.clock.now());
            outcomes = outcomes.plus(counting.await?);
            if take_out(places, *device, &mut index, &mut batch) {
                batch.expect_version(key.clone(), head.version);
                batch.put(key, index.to_bytes());
                firsts.push((*device, index.first()));
            }
        }
        // Places that were taken out before are noted when an acknowledgement comes twice.
        if batch.writes() && !matches!(self.store.commit(batch).await?, Commit::Committed(_)) {
            return Ok(false);
        }
        outcomes.note();
        self.acknowledged.settled(partition, &places);
        self.tails.settled(partition, &firsts);
        Ok(true)
    }
}

impl<S> Clone for Settling<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            keyed_mutex: Arc::clone(&self.keyed_mutex),
            acknowledged: Arc::clone(&self.acknowledged),
            tails: Arc::clone(&self.tails),
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// Takes what stands at `places` out of the queue of a device. Whether anything stood there; then its index
/// belongs into the batch.
pub(crate) fn take_out(
    places: &BTreeSet<u64>,
    device: DeviceId,
    index: &mut QueueIndex,
    batch: &mut Batch,
) -> bool {
    let (queue, before) = (queue(batch.partition(), device), batch.deletes().len());
    for place in places {
        if let Some(day) = index.remove(*place) {
            batch.delete(queue.key(day, *place));
        }
    }
    batch.deletes().len() > before
}
