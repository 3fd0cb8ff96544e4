use std::sync::Arc;

use bulla_base::Retries;
use bulla_endpoint::{ONE_TIME_KEYS, REFILL_BELOW};
use bulla_store::Store;
use bulla_transport::{Connected, Transport, TransportError};

use super::{BACKOFF, Inner, Proving, STOCKING};
use crate::DeviceError;

impl<S: Store, T: Transport> Inner<S, T> {
    /// Tells the carrier that this incarnation speaks, and fills up its stock of our one-time keys. A new
    /// installation registers.
    pub(super) async fn connect(&self) -> Result<(), DeviceError> {
        let connected = if self.endpoint.is_registered(&self.store, self.clock.now()).await? {
            Box::pin(self.transport.connect(&self.caller)).await?
        } else {
            let connected = Box::pin(self.transport.register(&self.caller, &self.proof)).await?;
            self.endpoint.set_registered(&self.store, self.clock.now()).await?;
            connected
        };
        self.meet_carrier(connected.generation).await?;
        self.leave_keys(connected).await?;
        Ok(())
    }

    /// Connects for the first time. A device that was removed is registered anew if its user wants that.
    pub(super) async fn begin_connected(&self, proving: &Proving) -> Result<(), DeviceError> {
        match (self.connect().await, proving) {
            (Err(DeviceError::Removed), Proving::IfUnknownOrRemoved(proof)) => {
                let connected = self.transport.register(&self.caller, proof).await?;
                self.leave_keys(connected).await.map(drop)
            }
            (connected, _) => connected,
        }
    }

    /// Waits until the carrier knows this installation. It would take what comes before that for something of
    /// an installation that was replaced, if the number had another.
    pub(super) async fn registered(&self, task: &'static str) -> Result<(), DeviceError> {
        let mut retries = Retries::new(BACKOFF);
        while !self.endpoint.is_registered(&self.store, self.clock.now()).await? {
            self.pause(task, &mut retries).await;
        }
        Ok(())
    }

    /// Brings one-time keys whenever the carrier has few of ours left, whoever has taken them, for as long as
    /// the device runs.
    pub(super) async fn keep_stocked(self: Arc<Self>) -> Result<(), DeviceError> {
        self.registered(STOCKING).await?;
        let mut retries = Retries::new(BACKOFF);
        loop {
            let outcome = match self.transport.low_stock(&self.caller, REFILL_BELOW).await {
                Ok(connected) => self.leave_keys(connected).await,
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(true) => retries.reset(),
                Ok(false) => self.pause(STOCKING, &mut retries).await,
                // Whoever receives connects anew; until then the carrier may not know us.
                Err(DeviceError::Transport(error)) if error.may_pass() => {
                    self.pause(STOCKING, &mut retries).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves our keys with the carrier, and as many new one-time keys as it lacks; nothing if it lacks none,
    /// nor the list of the user's devices. False when it does not take them.
    async fn leave_keys(&self, connected: Connected) -> Result<bool, DeviceError> {
        let (left, highest, now) = (connected.one_time_keys, connected.highest_one_time, self.clock.now());
        if self.endpoint.is_stocked(&self.store, left, highest, now).await?
            && !self.endpoint.list_is_due(&self.store, connected.device_list, now).await?
        {
            return Ok(true);
        }
        self.publish(connected).await
    }

    /// Leaves our keys with the carrier. False when it does not take them.
    pub(super) async fn publish(&self, connected: Connected) -> Result<bool, DeviceError> {
        let (left, highest, now) = (connected.one_time_keys, connected.highest_one_time, self.clock.now());
        let left = if left <= REFILL_BELOW { left } else { ONE_TIME_KEYS };
        let keys = self.endpoint.keys_to_publish(&self.store, left, highest, now, &*self.rng).await?;
        match Box::pin(self.transport.publish(&self.caller, keys.clone())).await {
            Ok(_) => {
                self.endpoint.set_published(&self.store, &keys, now).await?;
                Ok(true)
            }
            Err(TransportError::Invalid { source }) => {
                tracing::warn!(error = &source as &dyn std::error::Error, "the carrier takes no keys");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
