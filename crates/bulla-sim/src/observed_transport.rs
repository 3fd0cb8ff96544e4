//! A transport that shows a run log what passes.

use std::sync::Arc;

use bulla::envelope::{Envelope, IdentitySigner, KeyBundle, KeyUpload};
use bulla::transport::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, NumberProof, SendOutcome, Sequence, Transport,
    TransportError,
};
use bulla_base::{Address, DeviceId};
use bytes::Bytes;

use crate::run_log::RunLog;

/// A transport that shows a run log what is sent, and does nothing else: for tests that bring their own
/// world.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct ObservedTransport<T> {
    transport: T,
    run_log: Arc<RunLog>,
}

impl<T: Transport> ObservedTransport<T> {
    /// Shows `run_log` what passes `transport`.
    pub const fn new(transport: T, run_log: Arc<RunLog>) -> Self {
        Self { transport, run_log }
    }

    /// Who looks on.
    #[must_use]
    pub fn run_log(&self) -> &RunLog {
        &self.run_log
    }
}

impl<T: Transport> Transport for ObservedTransport<T> {
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        self.transport.identify(signer);
    }

    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
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
        self.run_log.sealed(&envelope);
        self.transport.send(caller, envelope).await
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        envelopes.iter().for_each(|envelope| self.run_log.sealed(envelope));
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

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.transport.log_head(caller).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.transport.log_consistency(caller, old, new).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.transport.log_leaves(caller, first).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.transport.report(caller, report).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.transport.billing(caller, request).await
    }
}
