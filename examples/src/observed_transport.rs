//! A transport that shows every envelope to an observer before it sends it.

use std::io;
use std::sync::Arc;

use bulla::base::{Address, DeviceId};
use bulla::envelope::{Envelope, IdentitySigner, KeyBundle, KeyUpload};
use bulla::transport::{
    BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller, Connected, Delivery, LogConsistency,
    LogLeaves, NumberProof, Sequence, Transport, TransportError,
};
use bytes::Bytes;

/// Sees every envelope that is handed to the carrier, as the carrier sees it.
pub trait EnvelopeObserver: Send + Sync + 'static {
    /// Is called with `envelope` before the carrier has it.
    ///
    /// # Errors
    /// When it could not be written down. The carrier does not get it then, and it is handed over again
    /// later.
    fn observe(&self, envelope: &Envelope) -> io::Result<()>;
}

impl<W: EnvelopeObserver> EnvelopeObserver for Option<W> {
    fn observe(&self, envelope: &Envelope) -> io::Result<()> {
        self.as_ref().map_or(Ok(()), |observer| observer.observe(envelope))
    }
}

/// A transport that tells an observer of every envelope. What is too large for one goes by it untold.
#[derive(Debug)]
pub struct ObservedTransport<T, W> {
    transport: T,
    observer: Arc<W>,
}

impl<T: Transport, W: EnvelopeObserver> ObservedTransport<T, W> {
    /// `transport`, each envelope of which `observer` sees first.
    pub const fn new(transport: T, observer: Arc<W>) -> Self {
        Self { transport, observer }
    }
}

impl<T: Clone, W> Clone for ObservedTransport<T, W> {
    fn clone(&self) -> Self {
        Self { transport: self.transport.clone(), observer: self.observer.clone() }
    }
}

impl<T: Blobs, W: EnvelopeObserver> Blobs for ObservedTransport<T, W> {
    async fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> Result<BlobProgress, BlobError> {
        self.transport.begin_upload(caller, blob, size).await
    }

    async fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        self.transport.upload(caller, blob, offset, part).await
    }

    async fn upload_progress(&self, caller: &Caller, blob: &BlobId) -> Result<BlobProgress, BlobError> {
        self.transport.upload_progress(caller, blob).await
    }

    async fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        self.transport.download(caller, blob, offset, at_most).await
    }

    async fn delete(&self, caller: &Caller, blob: &BlobId) -> Result<(), BlobError> {
        self.transport.delete(caller, blob).await
    }
}

impl<T: Transport, W: EnvelopeObserver> Transport for ObservedTransport<T, W> {
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
        self.observer.observe(&envelope).map_err(TransportError::unavailable)?;
        self.transport.send(caller, envelope).await
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
