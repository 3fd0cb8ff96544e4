use bulla_base::{Address, DeviceId, MAX_DEVICES, Party};
use bulla_envelope::InvalidEnvelope;
use bulla_store::Store;
use bulla_transport::{Caller, Connected, NumberProof, TransportError};

use crate::Carrier;

impl<S: Store> Carrier<S> {
    /// Registers the installation of `caller` under the lowest number of a device that is free, whichever
    /// `caller` names; else as [`Transport::register`](bulla_transport::Transport::register) does. The same
    /// installation is given the same number again. A business has one device, and takes the place of who was
    /// it before.
    ///
    /// # Errors
    /// [`TransportError::Unproven`] or [`TransportError::TooManyAttempts`]; [`TransportError::Fenced`] when a
    /// later incarnation of the installation has connected; [`TransportError::Invalid`] when the user has as
    /// many devices as there may be.
    pub async fn register_new_device(
        &self,
        caller: &Caller,
        proof: &NumberProof,
    ) -> Result<(DeviceId, Connected), TransportError> {
        let registered = async {
            self.nobody_is_being_erased(caller.address()).await?;
            self.remember_business(caller.address()).await?;
            let device = self.take_free(caller, proof).await?;
            let address = Address::new(caller.address().party().clone(), device);
            Ok((device, self.connected(&address).await?))
        };
        self.watched(self.call("register", caller.address(), None), registered).await
    }

    async fn take_free(&self, caller: &Caller, proof: &NumberProof) -> Result<DeviceId, TransportError> {
        let (party, partition) = (caller.address().party(), self.partition(caller.address()));
        let (_, tokens) = self.device_tokens(partition).await?;
        let is_proven = tokens.device_of(caller.installation()).is_none();
        if is_proven {
            self.verify(caller, proof).await?;
        }
        let alone = self.alone(caller.address()).await?;
        let (_, tokens) = self.device_tokens(partition).await?;
        let device = match party {
            Party::User(_) => tokens.device_of(caller.installation()).or_else(|| tokens.lowest_free()),
            _ => Some(DeviceId::PRIMARY),
        };
        let limit = usize::from(MAX_DEVICES);
        let too_many = InvalidEnvelope::TooLarge { field: "devices", actual: limit + 1, limit };
        let device = device.ok_or(too_many)?;
        let address = Address::new(party.clone(), device);
        let caller = Caller::new(address, caller.installation(), caller.incarnation());
        self.seat(&alone, &caller, is_proven).await?;
        Ok(device)
    }
}
