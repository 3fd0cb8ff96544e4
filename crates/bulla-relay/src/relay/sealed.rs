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
    /// # Errors
    /// As [`Relay::open`].
    pub async fn open_sealed(
        vault: Arc<Vault<E>>,
        transport: T,
        sink: K,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        businesses: Vec<Business>,
        settings: Settings,
    ) -> Result<Self, RelayError> {
        let relay = Self::open(vault, transport, sink, clock, rng, businesses, settings).await?;
        relay.0.spawn(|inner| async move { Err(RelayError::Vault(inner.store.keep_ticking().await)) });
        Ok(relay)
    }
}
