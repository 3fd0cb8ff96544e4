use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bulla_base::DeviceId;
use bulla_envelope::{InvalidEnvelope, KeyUpload};
use bulla_store::Store;
use bulla_transport::grpc::proto::blobs_server::BlobsServer;
use bulla_transport::grpc::proto::carrier_server::{Carrier as Protocol, CarrierServer};
use bulla_transport::grpc::proto::{self, CarrierFrame, ClientFrame, Reason, Refusal, client_frame};
use bulla_transport::grpc::{IdentityProof, MAX_FRAME_BYTES, address};
use bulla_transport::{Caller, NumberProof, Transport, TransportError};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status, Streaming};

use super::blob_places::BlobPlaces;
use super::blobs::GrpcBlobs;
use super::connection::Token;
use super::exchange::Exchange;
use super::limits::{MAX_WAITING_FRAMES, OPENING_DEADLINE};
use super::open_streams::OpenStreams;
use super::{Authenticator, GrpcSettings, RequestContext};
use crate::Carrier;

/// A [`Carrier`] as a service over gRPC. Clones serve the same.
///
/// [`server`](Self::server) is what a host adds to a server of its own, be it tonic's or axum's;
/// [`serve`](super::serve) is a server that has nothing else.
pub struct GrpcService<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    carrier: Arc<Carrier<S>>,
    authenticator: Arc<dyn Authenticator>,
    settings: GrpcSettings,
    streams: Arc<OpenStreams>,
    blob_places: Arc<BlobPlaces>,
    /// Whether streams are to end. Each has a receiver for as long as it is open.
    stopping: watch::Sender<bool>,
}

impl<S: Store> GrpcService<S> {
    /// `carrier` as a service for those whom `authenticator` lets speak.
    #[must_use]
    pub fn new(carrier: Arc<Carrier<S>>, authenticator: impl Authenticator, settings: GrpcSettings) -> Self {
        let (authenticator, streams) = (Arc::new(authenticator), Arc::default());
        let stopping = watch::Sender::new(false);
        let blob_places = Arc::default();
        let inner = Inner { carrier, authenticator, settings, streams, blob_places, stopping };
        Self { inner: Arc::new(inner) }
    }

    /// The service as tonic's servers and axum's routers take it.
    #[must_use]
    pub fn server(&self) -> CarrierServer<Self> {
        CarrierServer::new(self.clone())
            .max_decoding_message_size(MAX_FRAME_BYTES)
            .max_encoding_message_size(MAX_FRAME_BYTES)
    }

    /// The service of blobs, as they take it. One of a carrier that keeps none says so.
    #[must_use]
    pub fn blob_server(&self) -> BlobsServer<GrpcBlobs<S>> {
        GrpcBlobs::new(self.clone()).server()
    }

    /// Ends all streams, each when the calls that were made on it are answered, and opens no more. Returns
    /// when the last has ended. To be called before the server is told to end, for it waits until its streams
    /// do.
    pub async fn stop(&self) {
        self.inner.stopping.send_replace(true);
        self.inner.stopping.closed().await;
    }

    pub(crate) fn settings(&self) -> GrpcSettings {
        self.inner.settings
    }

    pub(crate) fn carrier(&self) -> &Arc<Carrier<S>> {
        &self.inner.carrier
    }

    pub(super) fn blob_places(&self) -> &Arc<BlobPlaces> {
        &self.inner.blob_places
    }

    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stopping.subscribe()
    }

    /// Who calls, if they may.
    pub(super) async fn caller(
        &self,
        context: &RequestContext,
        caller: Option<proto::Caller>,
    ) -> Result<Caller, TransportError> {
        let caller = proto::Caller::read(caller)?;
        self.inner.authenticator.may_speak(context, &caller).await?;
        Ok(caller)
    }

    /// The first frame of a stream, in time.
    async fn opening(&self, frames: &mut Streaming<ClientFrame>) -> Result<proto::Caller, Status> {
        let first = tokio::select! {
            biased;
            first = frames.next() => first,
            () = self.inner.carrier.clock.sleep(OPENING_DEADLINE) => {
                return Err(Refusal::because(Reason::Idle).into_status());
            }
        };
        match first {
            Some(Ok(ClientFrame { frame: Some(client_frame::Frame::Open(caller)) })) => Ok(caller),
            Some(Err(status)) => Err(named(status)),
            _ => Err(refused(&InvalidEnvelope::Field { field: "open" }.into())),
        }
    }
}

#[tonic::async_trait]
impl<S: Store> Protocol for GrpcService<S> {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<CarrierFrame, Status>> + Send>>;

    async fn challenge(
        &self,
        request: Request<proto::ChallengeRequest>,
    ) -> Result<Response<proto::ChallengeResponse>, Status> {
        let (context, _) = RequestContext::of(request);
        answered(self.inner.authenticator.challenge(&context))
    }

    async fn prove(
        &self,
        request: Request<proto::ProveRequest>,
    ) -> Result<Response<proto::Credential>, Status> {
        let (context, proof) = RequestContext::of(request);
        let proved = async {
            let proof = IdentityProof::read(proof)?;
            self.inner.authenticator.prove(&context, &proof)
        };
        answered(proved.await)
    }

    async fn register(
        &self,
        request: Request<proto::RegisterRequest>,
    ) -> Result<Response<proto::Connected>, Status> {
        let (context, proto::RegisterRequest { caller, proof }) = RequestContext::of(request);
        let registered = async {
            let proof = NumberProof::new(proof.into())?;
            let (caller, has_number) = proto::Caller::read_new(caller)?;
            self.inner.authenticator.may_speak(&context, &caller).await?;
            let (device, connected) = match has_number {
                true => (caller.address().device(), self.inner.carrier.register(&caller, &proof).await?),
                false => self.inner.carrier.register_new_device(&caller, &proof).await?,
            };
            Ok(proto::Connected { device: device.number().into(), ..connected.into() })
        };
        answered(registered.await)
    }

    async fn connect(
        &self,
        request: Request<proto::ConnectRequest>,
    ) -> Result<Response<proto::Connected>, Status> {
        let (context, proto::ConnectRequest { caller }) = RequestContext::of(request);
        let connected = async {
            let caller = self.caller(&context, caller).await?;
            self.inner.carrier.connect(&caller).await
        };
        answered(connected.await)
    }

    async fn publish(
        &self,
        request: Request<proto::PublishRequest>,
    ) -> Result<Response<proto::Connected>, Status> {
        let (context, proto::PublishRequest { caller, keys }) = RequestContext::of(request);
        let published = async {
            let caller = self.caller(&context, caller).await?;
            self.inner.carrier.publish(&caller, KeyUpload::from_bytes(keys)?).await
        };
        answered(published.await)
    }

    async fn fetch_keys(
        &self,
        request: Request<proto::FetchKeysRequest>,
    ) -> Result<Response<proto::FetchKeysResponse>, Status> {
        let (context, proto::FetchKeysRequest { caller, of }) = RequestContext::of(request);
        let fetched = async {
            let caller = self.caller(&context, caller).await?;
            let bundle = self.inner.carrier.bundle(&caller, &address("address", &of)?).await?;
            Ok(proto::FetchKeysResponse { bundle: bundle.to_bytes() })
        };
        answered(fetched.await)
    }

    async fn remove_device(
        &self,
        request: Request<proto::RemoveDeviceRequest>,
    ) -> Result<Response<proto::RemoveDeviceResponse>, Status> {
        let (context, proto::RemoveDeviceRequest { caller, device }) = RequestContext::of(request);
        let removed = async {
            let caller = self.caller(&context, caller).await?;
            let number = u8::try_from(device).unwrap_or_default();
            let device = DeviceId::new(number);
            let device = device.map_err(|source| InvalidEnvelope::Word { field: "device", source })?;
            self.inner.carrier.remove(&caller, device).await?;
            Ok(proto::RemoveDeviceResponse {})
        };
        answered(removed.await)
    }

    async fn fetch_log_head(
        &self,
        request: Request<proto::FetchLogHeadRequest>,
    ) -> Result<Response<proto::FetchLogHeadResponse>, Status> {
        let (context, proto::FetchLogHeadRequest { caller }) = RequestContext::of(request);
        let fetched = async {
            let caller = self.caller(&context, caller).await?;
            let signed_head = self.inner.carrier.log_head(&caller).await?;
            Ok(proto::FetchLogHeadResponse { signed_head })
        };
        answered(fetched.await)
    }

    async fn prove_log_consistency(
        &self,
        request: Request<proto::ProveLogConsistencyRequest>,
    ) -> Result<Response<proto::ProveLogConsistencyResponse>, Status> {
        let (context, proto::ProveLogConsistencyRequest { caller, old, new }) = RequestContext::of(request);
        let proven = async {
            let caller = self.caller(&context, caller).await?;
            let proven = self.inner.carrier.log_consistency(&caller, old, new).await?;
            let (old_root, proof) = (proven.old_root().clone(), proven.proof().clone());
            Ok(proto::ProveLogConsistencyResponse { old_root, proof })
        };
        answered(proven.await)
    }

    async fn fetch_log_leaves(
        &self,
        request: Request<proto::FetchLogLeavesRequest>,
    ) -> Result<Response<proto::FetchLogLeavesResponse>, Status> {
        let (context, proto::FetchLogLeavesRequest { caller, first }) = RequestContext::of(request);
        let fetched = async {
            let caller = self.caller(&context, caller).await?;
            let leaves = self.inner.carrier.log_leaves(&caller, first).await?.into_vec();
            Ok(proto::FetchLogLeavesResponse { leaves })
        };
        answered(fetched.await)
    }

    async fn report(
        &self,
        request: Request<proto::ReportRequest>,
    ) -> Result<Response<proto::ReportResponse>, Status> {
        let (context, proto::ReportRequest { caller, report }) = RequestContext::of(request);
        let reported = async {
            let caller = self.caller(&context, caller).await?;
            self.inner.carrier.report(&caller, report).await?;
            Ok(proto::ReportResponse {})
        };
        answered(reported.await)
    }

    async fn billing(
        &self,
        request: Request<proto::BillingRequest>,
    ) -> Result<Response<proto::BillingResponse>, Status> {
        let (context, proto::BillingRequest { caller, request }) = RequestContext::of(request);
        let told = async {
            let caller = self.caller(&context, caller).await?;
            let answer = self.inner.carrier.billing(&caller, request).await?;
            Ok(proto::BillingResponse { answer })
        };
        answered(told.await)
    }

    async fn exchange(
        &self,
        request: Request<Streaming<ClientFrame>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (context, mut frames) = RequestContext::of(request);
        let opening = self.opening(&mut frames).await?;
        let stopping = self.inner.stopping.subscribe();
        if *stopping.borrow() {
            return Err(Refusal::because(Reason::ShuttingDown).into_status());
        }
        let opened = async {
            let caller = self.caller(&context, Some(opening)).await?;
            // Before it takes the place of another: who has been replaced takes nobody's.
            let connected = self.inner.carrier.connect(&caller).await?;
            let (seat, displaced) = self.inner.streams.enter(&caller)?;
            Ok((caller, connected, seat, displaced))
        };
        let (caller, connected, seat, displaced) = opened.await.map_err(|error| refused(&error))?;
        let (outgoing, written) = mpsc::channel(MAX_WAITING_FRAMES);
        let exchange = Exchange {
            carrier: Arc::clone(&self.inner.carrier),
            caller,
            frames,
            outgoing,
            heartbeat: self.inner.settings.heartbeat(),
            stopping,
            displaced,
            seat,
            connection: context.extensions().get::<Token>().cloned(),
        };
        tokio::spawn(exchange.run(connected));
        let written = stream::unfold(written, |mut written| async move {
            written.recv().await.map(|frame| (*frame, written))
        });
        Ok(Response::new(written.boxed()))
    }
}

fn answered<R, M: From<R>>(outcome: Result<R, TransportError>) -> Result<Response<M>, Status> {
    outcome.map(|answer| Response::new(answer.into())).map_err(|error| refused(&error))
}

pub(crate) fn refused(error: &TransportError) -> Status {
    Refusal::of(error).into_status()
}

/// What a stream ends with that could not be read on. If that was for a frame that is too long, it says so as
/// we do.
pub(crate) fn named(status: Status) -> Status {
    match status.code() {
        tonic::Code::OutOfRange => {
            // How long it was has not been read further than its announcement.
            let (field, actual, limit) = ("frame (bytes)", 0, MAX_FRAME_BYTES);
            refused(&InvalidEnvelope::TooLarge { field, actual, limit }.into())
        }
        _ => status,
    }
}

impl<S> Clone for GrpcService<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S> fmt::Debug for GrpcService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcService").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
