use std::sync::Arc;

use bulla_base::{Clock, Number, Rng};
use bulla_store::Store;
use bulla_transport::Transport;
use bulla_vault::Vault;

use super::Device;
use crate::DeviceError;

impl<E: Store, T: Transport> Device<Arc<Vault<E>>, T> {
    /// Opens a device as [`Device::open`] does, on a store that is sealed in `vault`, and keeps the vault ticking for as long as it runs. Devices that
    /// share a store all do so, which does no harm.
    ///
    /// If the vault tells that the store was put back from a backup, the sessions in it open what still comes in them and are not sealed in any
    /// more: the device writes to businesses in new sessions.
    ///
    /// # Errors
    /// As [`Device::open`]; and when the vault cannot take a restored store for the present one.
    pub async fn open_sealed(
        vault: Arc<Vault<E>>,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        number: Number,
    ) -> Result<Self, DeviceError> {
        if vault.is_restored() {
            let life = u32::try_from(vault.generation().await).unwrap_or(u32::MAX);
            bulla_endpoint::begin_life(&vault, life).await?;
            vault.accept_restored().await.map_err(DeviceError::Vault)?;
        }
        let device = Self::open(vault, transport, clock, rng, number).await?;
        device.0.spawn(|inner| async move { Err(DeviceError::Vault(inner.store.keep_ticking().await)) });
        Ok(device)
    }
}
