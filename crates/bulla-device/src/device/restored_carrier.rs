//! The carrier was put back from a backup: what it had taken since is gone, and is sent again.

use bulla_base::{MessageId, PhoneNumberId};
use bulla_store::{BEFORE_ALL, Scan, Store};
use bulla_transport::Transport;

use super::Inner;
use super::resends::SessionFor;
use crate::DeviceError;
use crate::metrics::RESENT;
use crate::store_layout::{self, UNCONFIRMED};
use bulla_endpoint::Unconfirmed;

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
        let (mut scan, mut count) = (Scan::everything(UNCONFIRMED), 0_u64);
        loop {
            let page = self.store.keys(self.home, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { break };
            scan = Scan::everything(UNCONFIRMED).after(last.clone());
            for key in page {
                let (business, id) = store_layout::subject(&key)?;
                count += u64::from(self.send_lost(business, id, generation).await?);
            }
        }
        self.endpoint.settle_carrier_generation(&self.store, generation, self.clock.now()).await?;
        tracing::info!(count, "what businesses had not confirmed is on its way again");
        Ok(())
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
        let address = bulla_base::Address::business(business);
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
