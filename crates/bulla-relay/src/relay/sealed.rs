use std::sync::Arc;

use bulla_base::{Clock, Rng};
use bulla_store::Store;
use bulla_transport::Transport;
use bulla_vault::Vault;

use super::Relay;
use crate::{Business, RelayError, Settings, Sink};

impl<E: Store, T: Transport, K: Sink> Relay<Arc<Vault<E>>, T, K> {
    /// Opens a relay as [`Relay::open`] does, on a store that is sealed in `vault`, and keeps the vault ticking for as long as it runs: without
    /// that, no hour would ever end and nothing be forgotten.
    ///
    /// If the vault tells that the store was put back from a backup, the sessions in it open what still comes in them and are not sealed in any
    /// more: the relay takes a later incarnation than any before, writes to users in new sessions, and then takes the store for the present one.
    /// What was accepted after the backup was taken is lost.
    ///
    /// # Errors
    /// As [`Relay::open`]; and when the vault cannot take a restored store for the present one.
    pub async fn open_sealed(
        vault: Arc<Vault<E>>,
        transport: T,
        sink: K,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        businesses: Vec<Business>,
        settings: Settings,
    ) -> Result<Self, RelayError> {
        if vault.is_restored() {
            tracing::warn!(
                "the store was put back from a backup: nothing is sealed in its sessions any more"
            );
            let life = u32::try_from(vault.generation().await).unwrap_or(u32::MAX);
            bulla_endpoint::begin_life(&vault, life).await?;
            vault.accept_restored().await.map_err(RelayError::Vault)?;
        }
        let relay = Self::open(vault, transport, sink, clock, rng, businesses, settings).await?;
        relay.0.spawn(|inner| async move { Err(RelayError::Vault(inner.store.keep_ticking().await)) });
        Ok(relay)
    }
}
