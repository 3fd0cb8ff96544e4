use std::fmt;
use std::sync::Arc;

use bulla_base::{Address, Clock, Partition, Party, Pepper, Rng};
use bulla_envelope::{Envelope, KeyBundle, KeyUpload};
use bulla_store::{Lanes, Store, StoreError};
use bulla_transport::{Caller, Connected, Delivery, Sequence, Transport, TransportError};

use crate::erasures::Erasures;
use crate::fence::Fences;
use crate::limits::MAX_ID_AGE;
use crate::space::PEPPER;

/// The blind service.
///
/// One carrier owns its store: places in queues are given out under locks of this instance.
pub struct Carrier<S> {
    pub(crate) store: S,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pepper: Pepper,
    pub(crate) lanes: Lanes,
    pub(crate) fences: Fences,
    pub(crate) erasures: Erasures,
}

impl<S: Store> Carrier<S> {
    /// A carrier on `store`, which is new or was a carrier's before. Finishes erasures that were begun.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged pepper.
    pub async fn open(store: S, clock: Arc<dyn Clock>, rng: &dyn Rng) -> Result<Self, StoreError> {
        let pepper = bulla_store::pepper(&store, PEPPER, clock.now(), rng).await?;
        let (lanes, fences, erasures) = (Lanes::new(), Fences::new(), Erasures::default());
        let carrier = Self { store, clock, pepper, lanes, fences, erasures };
        carrier.finish_erasures().await?;
        Ok(carrier)
    }

    /// Drops what is too old to be delivered, and the ids of what is too old to be repeated. To be called about once an hour.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        // An id may lie ahead by a day, and what was queued on a day is whole until its last moment is 30 days past.
        let oldest = self.clock.now().before(MAX_ID_AGE).day().minus(1);
        self.store.drop_days_before(oldest).await
    }

    pub(crate) fn partition(&self, address: &Address) -> Partition {
        self.pepper.partition(address.party())
    }
}

/// The carrier as the transport of a program that holds it.
impl<S: Store> Transport for Carrier<S> {
    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.nobody_is_being_erased(caller.address()).await?;
        if let Party::Business(business) = caller.address().party() {
            // Before anybody can write to it: whoever is erased later has to be looked for in its queue.
            self.remember(*business).await?;
        }
        self.raise_fence(caller).await?;
        let (stock, highest) =
            (self.stock(caller.address()).await?, self.highest_one_time(caller.address()).await?);
        Ok(Connected::new(stock, highest))
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        let _pass = self.pass(caller).await?;
        self.keep_keys(caller.address(), keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.nobody_is_being_erased(of).await?;
        let _pass = self.pass(caller).await?;
        self.give_bundle(of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.nobody_is_being_erased(envelope.to()).await?;
        let _pass = self.pass(caller).await?;
        if envelope.from() != caller.address() {
            return Err(TransportError::NotTheSender);
        }
        self.enqueue(envelope).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.await_deliveries(caller, after).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        let _pass = self.pass(caller).await?;
        self.dequeue(caller.address(), sequences).await
    }
}

/// A store's failure, as the carrier's callers see it: the call may or may not have been carried out.
pub(crate) fn store_failed(source: StoreError) -> TransportError {
    tracing::error!(error = &source as &dyn std::error::Error, "the carrier's store failed");
    TransportError::unavailable(source)
}

impl<S> fmt::Debug for Carrier<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}
