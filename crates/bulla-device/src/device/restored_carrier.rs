//! The carrier was put back from a backup: what it had taken since is gone, and is sent again.

use std::collections::BTreeSet;

use bulla_base::{Address, MessageId, PhoneNumberId};
use bulla_endpoint::Unconfirmed;
use bulla_envelope::Envelope;
use bulla_store::{BEFORE_ALL, Key, Queued, Scan, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::resends::SessionFor;
use crate::DeviceError;
use crate::limits::OUTBOX_PAGE;
use crate::metrics::RESENT;
use crate::store_layout::{self, OUTBOX, UNCONFIRMED};

impl<S: Store, T: Transport> Inner<S, T> {
    /// Takes note of the generation of the carrier's store. When it is another than the last time, everything
    /// that businesses have not confirmed is sent again. Cut short, it begins anew, and passes over what is
    /// done.
    pub(super) async fn meet_carrier(&self, generation: u64) -> Result<(), DeviceError> {
        if !self.endpoint.meet_carrier(generation) {
            return Ok(());
        }
        tracing::warn!(
            "the carrier was put back from a backup: what businesses have not confirmed is sent again"
        );
        let waiting = self.not_handed_over().await?;
        let (mut scan, mut count) = (Scan::everything(UNCONFIRMED), 0_u64);
        loop {
            let page = self.store.keys(self.home, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { break };
            scan = Scan::everything(UNCONFIRMED).after(last.clone());
            for (_, business, id) in self.in_order(&page).await? {
                // What the carrier was never given is on its way in any case.
                if !waiting.contains(&id) {
                    count += u64::from(self.send_lost(business, id, generation).await?);
                }
            }
        }
        self.endpoint.settle_carrier_generation(&self.store, generation, self.clock.now()).await?;
        tracing::info!(count, "what businesses had not confirmed is on its way again");
        Ok(())
    }

    /// What is unconfirmed under `keys`, in the order in which it was written.
    async fn in_order(&self, keys: &[Key]) -> Result<Vec<(u64, PhoneNumberId, MessageId)>, StoreError> {
        let mut messages = Vec::with_capacity(keys.len());
        for key in keys {
            let (business, id) = store_layout::subject(key)?;
            if let Some(record) = self.store.get(self.home, key, self.clock.now()).await? {
                messages.push((Unconfirmed::read(&record.value)?.place(), business, id));
            }
        }
        messages.sort_unstable();
        Ok(messages)
    }

    /// What is in the outbox and was not handed to the carrier as it was.
    async fn not_handed_over(&self) -> Result<BTreeSet<MessageId>, StoreError> {
        let _lane = self.lane.lock().await;
        let (mut waiting, mut after) = (BTreeSet::new(), 0);
        // As it is without what was handed over.
        let transaction = self.transaction().await?;
        let queue = transaction.queue(OUTBOX);
        loop {
            let page = transaction.head.outbox.read(&self.store, &queue, after, OUTBOX_PAGE, transaction.now);
            let page = page.await?;
            let Some(last) = page.last() else { return Ok(waiting) };
            after = last.place;
            for Queued { record, .. } in page {
                let envelope = Envelope::from_bytes(record.value);
                waiting.insert(envelope.map_err(|_| StoreError::Damaged { what: "envelope" })?.id());
            }
        }
    }

    /// Seals a message once more, if it was sealed in an earlier generation of the carrier's store: in the
    /// session in use, with which nothing is known to be wrong. Whether it was.
    async fn send_lost(
        &self,
        business: PhoneNumberId,
        id: MessageId,
        generation: u64,
    ) -> Result<bool, DeviceError> {
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        let key = store_layout::about(UNCONFIRMED, business, id);
        let Some(record) = self.store.get(self.home, &key, transaction.now).await? else { return Ok(false) };
        if Unconfirmed::read(&record.value)?.resend_in(generation).is_none() {
            return Ok(false);
        }
        let address = Address::business(business);
        let mut peer = self.endpoint.peer(&self.store, self.home, &address, transaction.now).await?;
        let sealing = self.seal_again(&mut transaction, &mut peer, (business, id), SessionFor::WhatIsLost);
        let Some(envelope) = sealing.await? else { return Ok(false) };
        transaction.push_outbox(&envelope);
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        metrics::counter!(RESENT, "reason" => "carrier_restored").increment(1);
        Ok(true)
    }
}
