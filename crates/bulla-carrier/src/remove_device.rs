use bulla_base::{Address, DeviceId, DeviceSet, Number, Party};
use bulla_envelope::InvalidEnvelope;
use bulla_store::{Batch, Store, erase_names};
use bulla_transport::{Caller, TransportError};

use crate::Carrier;
use crate::carrier::store_failed;
use crate::device_tokens::Standing;
use crate::metrics::REMOVED;
use crate::store_layout::{QUEUE, device, queue_head};

impl<S: Store> Carrier<S> {
    /// The devices of `user` that every message goes to: those that have registered, left keys, and were not
    /// removed since; of the others than the first those that stand in the list which the first has left.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn devices(&self, user: &Number) -> Result<DeviceSet, TransportError> {
        let party = Party::User(user.clone());
        Ok(self.device_tokens(self.pepper.partition(&party)).await?.1.in_use())
    }

    /// Removes a device of `user`, who has lost it or does not want it any more: its keys and what is queued
    /// for it are forgotten, and it is written to no more. False when there is none, or it was removed
    /// before.
    ///
    /// To come back it has to register anew, with a proof that the number is the user's. The user's own
    /// devices ask for the same with [`Transport::remove`](bulla_transport::Transport::remove).
    ///
    /// # Errors
    /// When the store fails; then the device is shut out or not, and to ask again carries it out.
    ///
    /// # Cost
    /// Two commits, and one for each 128 envelopes that wait for the device.
    pub async fn remove_device(&self, user: &Number, device: DeviceId) -> Result<bool, TransportError> {
        let address = Address::new(Party::User(user.clone()), device);
        let removing = async {
            self.nobody_is_being_erased(&address).await?;
            self.remove_address(&address).await
        };
        self.watched(self.call("remove", &address, None), removing).await
    }

    /// Removes another device of the caller's user, or the caller.
    pub(crate) async fn remove_for(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.nobody_is_being_erased(caller.address()).await?;
        // Not held while the device is removed, which keeps everybody of the party from passing.
        drop(self.pass(caller).await?);
        let Party::User(_) = caller.address().party() else {
            return Err(InvalidEnvelope::Field { field: "device (a business has one for good)" }.into());
        };
        self.remove_address(&Address::new(caller.address().party().clone(), device)).await.map(drop)
    }

    /// It is shut out, durably, before anything of it goes: what is sent meanwhile finds no device. If it is
    /// cut short, whoever removes or registers it next carries it out.
    async fn remove_address(&self, address: &Address) -> Result<bool, TransportError> {
        let alone = self.alone(address).await?;
        let (_, tokens) = self.device_tokens(self.partition(address)).await?;
        let Some(token) = tokens.of(address.device()).copied() else { return Ok(false) };
        let was_there = tokens.installation(address.device()).is_some();
        if was_there {
            let mut batch = Batch::new(self.partition(address));
            self.forget_keys(address, &mut batch).await?;
            self.put_token(&alone, address, token.with_standing(Standing::Leaving), batch).await?;
        }
        self.finish_removal(&alone, address).await?;
        if was_there {
            metrics::counter!(REMOVED).increment(1);
            tracing::info!("a device was removed");
        }
        Ok(was_there)
    }

    /// Removes what is queued for a device that is leaving.
    pub(crate) async fn finish_removal(
        &self,
        alone: &crate::fencing_token::Alone<'_>,
        address: &Address,
    ) -> Result<(), TransportError> {
        let (partition, now) = (self.partition(address), self.clock.now());
        let (_, tokens) = self.device_tokens(partition).await?;
        let leaving = tokens.of(address.device()).filter(|token| token.standing == Standing::Leaving);
        let Some(token) = leaving.copied() else { return Ok(()) };
        // What it had before it went is billed.
        self.count_before_forgetting(partition).await.map_err(store_failed)?;
        self.tails.forget_device(partition, address.device());
        self.acknowledged.forget_device(partition, address.device());
        erase_names(&self.store, partition, QUEUE, device(address)).await.map_err(store_failed)?;
        let mut batch = Batch::new(partition);
        // Places are not given out again: somebody may have come as far as one of them.
        let key = queue_head(address.device());
        if let Some(head) = self.store.get(partition, &key, now).await.map_err(store_failed)? {
            let mut index = crate::queue::index(Some(&head))?;
            index.remove_through(index.last());
            batch.expect_version(key.clone(), head.version);
            batch.put(key, index.to_bytes());
        }
        self.put_token(alone, address, token.with_standing(Standing::Removed), batch).await
    }
}
