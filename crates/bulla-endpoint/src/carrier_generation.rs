use std::sync::atomic::{AtomicU64, Ordering};

use bulla_base::Timestamp;
use bulla_envelope::{Envelope, Kind};
use bulla_store::Store;

use crate::{Endpoint, EndpointError, Peer};

/// Which generation of the carrier's store an endpoint knows of.
#[derive(Debug)]
pub(crate) struct CarrierGeneration {
    /// That of the carrier it speaks with.
    present: AtomicU64,
    /// That in which everything unconfirmed was handed over, as it is written down.
    settled: AtomicU64,
}

impl CarrierGeneration {
    pub(crate) const fn new(settled: u64) -> Self {
        Self { present: AtomicU64::new(settled), settled: AtomicU64::new(settled) }
    }
}

/// The carrier's store may be put back from a backup: what it had taken since is gone, and it says so with
/// another generation.
impl Endpoint {
    /// The generation of the carrier's store that is there now, as far as it is known; 0 if it was never put
    /// back.
    #[must_use]
    pub fn carrier_generation(&self) -> u64 {
        self.carrier.present.load(Ordering::Relaxed)
    }

    /// From now on the carrier's store is of this generation. Whether what is unconfirmed is to be sent
    /// again; thereafter it is to be [settled](Self::settle_carrier_generation).
    #[must_use]
    pub fn meet_carrier(&self, generation: u64) -> bool {
        self.carrier.present.store(generation, Ordering::Relaxed);
        self.carrier.settled.load(Ordering::Relaxed) != generation
    }

    /// Whether a message that is known and comes in `envelope` is to be confirmed once more. Who sends it
    /// again has not heard that it came; nor may who has handed it over again to a carrier that was put back.
    #[must_use]
    pub fn confirms_again(&self, envelope: &Envelope) -> bool {
        matches!(envelope.kind(), Kind::Message(_))
            && (envelope.attempt() > 0 || self.carrier_generation() != 0)
    }

    /// Writes down that nothing is left to be sent again because the carrier's store is of this generation.
    ///
    /// # Errors
    /// When the store fails, or another instance works on it at the same time.
    pub async fn settle_carrier_generation<S: Store>(
        &self,
        store: &S,
        generation: u64,
        now: Timestamp,
    ) -> Result<(), EndpointError> {
        self.change_state(store, now, |state| {
            std::mem::replace(&mut state.carrier_generation, generation) != generation
        })
        .await?;
        self.carrier.settled.store(generation, Ordering::Relaxed);
        Ok(())
    }
}

impl Peer<'_> {
    /// As [`Endpoint::carrier_generation`].
    #[must_use]
    pub fn carrier_generation(&self) -> u64 {
        self.endpoint.carrier_generation()
    }
}
