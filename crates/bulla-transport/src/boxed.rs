use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bulla_base::{Address, DeviceId};
use bulla_envelope::{Envelope, IdentitySigner, KeyBundle, KeyUpload};
use bytes::Bytes;

use crate::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, NumberProof, SendOutcome, Sequence, Transport,
    TransportError,
};

/// A transport whose kind is known at run time only: for a host that picks it by configuration.
///
/// # Cost
/// One allocation a call, for its future; a clone is a counter.
#[derive(Clone)]
pub struct BoxTransport(Arc<dyn DynTransport>);

impl BoxTransport {
    /// `transport`, of whatever kind.
    #[must_use]
    pub fn new(transport: impl Transport) -> Self {
        Self(Arc::new(transport))
    }
}

impl Transport for BoxTransport {
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        self.0.identify(signer);
    }

    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.0.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.0.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.0.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.0.bundle(caller, of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.0.send(caller, envelope).await
    }

    // Written out: the default would queue one by one what the transport inside queues in one record.
    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        self.0.send_all(caller, envelopes).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.0.receive(caller, after).await
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.0.remove(caller, device).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.0.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.0.acknowledge(caller, sequences).await
    }

    // Written out: by default there is no log.
    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.0.log_head(caller).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.0.log_consistency(caller, old, new).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.0.log_leaves(caller, first).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.0.report(caller, report).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.0.billing(caller, request).await
    }
}

impl fmt::Debug for BoxTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxTransport(…)")
    }
}

type Answer<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// [`Transport`] in the form of which there can be a `dyn`.
trait DynTransport: Send + Sync {
    fn identify(&self, signer: Arc<dyn IdentitySigner>);

    fn register<'a>(
        &'a self,
        caller: &'a Caller,
        proof: &'a NumberProof,
    ) -> Answer<'a, Result<Connected, TransportError>>;

    fn connect<'a>(&'a self, caller: &'a Caller) -> Answer<'a, Result<Connected, TransportError>>;

    fn publish<'a>(
        &'a self,
        caller: &'a Caller,
        keys: KeyUpload,
    ) -> Answer<'a, Result<Connected, TransportError>>;

    fn bundle<'a>(
        &'a self,
        caller: &'a Caller,
        of: &'a Address,
    ) -> Answer<'a, Result<KeyBundle, TransportError>>;

    fn send<'a>(&'a self, caller: &'a Caller, envelope: Envelope) -> Answer<'a, Result<(), TransportError>>;

    fn send_all<'a>(&'a self, caller: &'a Caller, envelopes: Vec<Envelope>) -> Answer<'a, SendOutcome>;

    fn receive<'a>(
        &'a self,
        caller: &'a Caller,
        after: Sequence,
    ) -> Answer<'a, Result<Vec<Delivery>, TransportError>>;

    fn remove<'a>(&'a self, caller: &'a Caller, device: DeviceId) -> Answer<'a, Result<(), TransportError>>;

    fn low_stock<'a>(
        &'a self,
        caller: &'a Caller,
        at_most: usize,
    ) -> Answer<'a, Result<Connected, TransportError>>;

    fn acknowledge<'a>(
        &'a self,
        caller: &'a Caller,
        sequences: &'a [Sequence],
    ) -> Answer<'a, Result<(), TransportError>>;

    fn log_head<'a>(&'a self, caller: &'a Caller) -> Answer<'a, Result<Bytes, TransportError>>;

    fn log_consistency<'a>(
        &'a self,
        caller: &'a Caller,
        old: u64,
        new: u64,
    ) -> Answer<'a, Result<LogConsistency, TransportError>>;

    fn log_leaves<'a>(
        &'a self,
        caller: &'a Caller,
        first: u64,
    ) -> Answer<'a, Result<LogLeaves, TransportError>>;

    fn report<'a>(&'a self, caller: &'a Caller, report: Bytes) -> Answer<'a, Result<(), TransportError>>;

    fn billing<'a>(&'a self, caller: &'a Caller, request: Bytes)
    -> Answer<'a, Result<Bytes, TransportError>>;
}

impl<T: Transport> DynTransport for T {
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        Transport::identify(self, signer);
    }

    fn register<'a>(
        &'a self,
        caller: &'a Caller,
        proof: &'a NumberProof,
    ) -> Answer<'a, Result<Connected, TransportError>> {
        Box::pin(Transport::register(self, caller, proof))
    }

    fn connect<'a>(&'a self, caller: &'a Caller) -> Answer<'a, Result<Connected, TransportError>> {
        Box::pin(Transport::connect(self, caller))
    }

    fn publish<'a>(
        &'a self,
        caller: &'a Caller,
        keys: KeyUpload,
    ) -> Answer<'a, Result<Connected, TransportError>> {
        Box::pin(Transport::publish(self, caller, keys))
    }

    fn bundle<'a>(
        &'a self,
        caller: &'a Caller,
        of: &'a Address,
    ) -> Answer<'a, Result<KeyBundle, TransportError>> {
        Box::pin(Transport::bundle(self, caller, of))
    }

    fn send<'a>(&'a self, caller: &'a Caller, envelope: Envelope) -> Answer<'a, Result<(), TransportError>> {
        Box::pin(Transport::send(self, caller, envelope))
    }

    fn send_all<'a>(&'a self, caller: &'a Caller, envelopes: Vec<Envelope>) -> Answer<'a, SendOutcome> {
        Box::pin(Transport::send_all(self, caller, envelopes))
    }

    fn receive<'a>(
        &'a self,
        caller: &'a Caller,
        after: Sequence,
    ) -> Answer<'a, Result<Vec<Delivery>, TransportError>> {
        Box::pin(Transport::receive(self, caller, after))
    }

    fn remove<'a>(&'a self, caller: &'a Caller, device: DeviceId) -> Answer<'a, Result<(), TransportError>> {
        Box::pin(Transport::remove(self, caller, device))
    }

    fn low_stock<'a>(
        &'a self,
        caller: &'a Caller,
        at_most: usize,
    ) -> Answer<'a, Result<Connected, TransportError>> {
        Box::pin(Transport::low_stock(self, caller, at_most))
    }

    fn acknowledge<'a>(
        &'a self,
        caller: &'a Caller,
        sequences: &'a [Sequence],
    ) -> Answer<'a, Result<(), TransportError>> {
        Box::pin(Transport::acknowledge(self, caller, sequences))
    }

    fn log_head<'a>(&'a self, caller: &'a Caller) -> Answer<'a, Result<Bytes, TransportError>> {
        Box::pin(Transport::log_head(self, caller))
    }

    fn log_consistency<'a>(
        &'a self,
        caller: &'a Caller,
        old: u64,
        new: u64,
    ) -> Answer<'a, Result<LogConsistency, TransportError>> {
        Box::pin(Transport::log_consistency(self, caller, old, new))
    }

    fn log_leaves<'a>(
        &'a self,
        caller: &'a Caller,
        first: u64,
    ) -> Answer<'a, Result<LogLeaves, TransportError>> {
        Box::pin(Transport::log_leaves(self, caller, first))
    }

    fn report<'a>(&'a self, caller: &'a Caller, report: Bytes) -> Answer<'a, Result<(), TransportError>> {
        Box::pin(Transport::report(self, caller, report))
    }

    fn billing<'a>(
        &'a self,
        caller: &'a Caller,
        request: Bytes,
    ) -> Answer<'a, Result<Bytes, TransportError>> {
        Box::pin(Transport::billing(self, caller, request))
    }
}
