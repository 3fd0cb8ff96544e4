use std::sync::Arc;

use bulla_base::{Address, DeviceId};
use bulla_envelope::{Envelope, IdentitySigner, KeyBundle, KeyUpload};
use bytes::Bytes;

use crate::{
    BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller, Connected, Delivery, LogConsistency,
    LogLeaves, NumberProof, SendOutcome, Sequence, Transport, TransportError,
};

/// The transport to a carrier in the same program.
///
/// Envelopes and keys pass through their wire form on the way there and back.
///
/// # Cost
/// One encoding and one decoding per envelope and direction: one copy of the ciphertext, well under a
/// microsecond for a short text.
#[derive(Debug)]
pub struct InProcess<C> {
    carrier: Arc<C>,
}

impl<C> InProcess<C> {
    /// The transport to `carrier`.
    #[must_use]
    pub const fn new(carrier: Arc<C>) -> Self {
        Self { carrier }
    }
}

impl<C> Clone for InProcess<C> {
    fn clone(&self) -> Self {
        Self { carrier: Arc::clone(&self.carrier) }
    }
}

impl<C: Transport> Transport for InProcess<C> {
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        self.carrier.identify(signer);
    }

    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.carrier.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.carrier.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.carrier.publish(caller, KeyUpload::from_bytes(keys.to_bytes())?).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        let bundle = self.carrier.bundle(caller, of).await?;
        Ok(KeyBundle::from_bytes(bundle.to_bytes())?)
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.carrier.send(caller, Envelope::from_bytes(envelope.to_bytes())?).await
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        let over_the_wire = envelopes.iter().map(|envelope| Envelope::from_bytes(envelope.to_bytes()));
        match over_the_wire.collect() {
            Ok(envelopes) => self.carrier.send_all(caller, envelopes).await,
            Err(error) => SendOutcome::none(error.into()),
        }
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let deliveries = self.carrier.receive(caller, after).await?;
        let over_the_wire = |delivery: Delivery| {
            let envelope = Envelope::from_bytes(delivery.envelope.to_bytes())?;
            Ok(Delivery::new(delivery.sequence, delivery.previous, envelope))
        };
        deliveries.into_iter().map(over_the_wire).collect()
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.carrier.remove(caller, device).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.carrier.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.carrier.acknowledge(caller, sequences).await
    }

    // Written out: by default there is no log.
    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.carrier.log_head(caller).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.carrier.log_consistency(caller, old, new).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.carrier.log_leaves(caller, first).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.carrier.report(caller, report).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.carrier.billing(caller, request).await
    }
}

/// Bytes of blobs are bytes already: they are shared.
impl<C: Blobs> Blobs for InProcess<C> {
    async fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> Result<BlobProgress, BlobError> {
        self.carrier.begin_upload(caller, blob, size).await
    }

    async fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        self.carrier.upload(caller, blob, offset, part).await
    }

    async fn upload_progress(&self, caller: &Caller, blob: &BlobId) -> Result<BlobProgress, BlobError> {
        self.carrier.upload_progress(caller, blob).await
    }

    async fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        self.carrier.download(caller, blob, offset, at_most).await
    }

    async fn delete(&self, caller: &Caller, blob: &BlobId) -> Result<(), BlobError> {
        self.carrier.delete(caller, blob).await
    }
}
