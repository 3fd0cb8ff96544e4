//! A transport that shows an oracle what passes.

use std::sync::Arc;

use bulla::envelope::{Envelope, KeyBundle, KeyUpload};
use bulla::transport::{
    Caller, Connected, Delivery, Proof, SendOutcome, Sequence, Transport, TransportError,
};
use bulla_base::{Address, DeviceId};

use crate::oracle::Oracle;

/// A transport that shows an oracle what is sent, and does nothing else: for tests that bring their own
/// world.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct ObservedTransport<T> {
    transport: T,
    oracle: Arc<Oracle>,
}

impl<T: Transport> ObservedTransport<T> {
    /// Shows `oracle` what passes `transport`.
    pub const fn new(transport: T, oracle: Arc<Oracle>) -> Self {
        Self { transport, oracle }
    }

    /// Who looks on.
    #[must_use]
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }
}

impl<T: Transport> Transport for ObservedTransport<T> {
    async fn register(&self, caller: &Caller, proof: &Proof) -> Result<Connected, TransportError> {
        self.transport.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.transport.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.transport.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.transport.bundle(caller, of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.oracle.sealed(&envelope);
        self.transport.send(caller, envelope).await
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        envelopes.iter().for_each(|envelope| self.oracle.sealed(envelope));
        self.transport.send_all(caller, envelopes).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.transport.receive(caller, after).await
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.transport.remove(caller, device).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.transport.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.transport.acknowledge(caller, sequences).await
    }
}
