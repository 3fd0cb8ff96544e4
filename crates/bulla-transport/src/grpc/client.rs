use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::{Address, Clock, DeviceId, Party, Rng};
use bulla_envelope::{Envelope, IdentitySigner, InvalidEnvelope, KeyBundle, KeyUpload};
use bytes::Bytes;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Request, Response, Status};

use super::Connector;
use super::connection::{Channel, Connection};
use super::exchange::{Exchange, opened};
use super::identities::{Identities, Token};
use super::limits::{CALL_DEADLINE, CREDENTIAL_METADATA, MAX_FRAME_BYTES};
use super::proto::carrier_client::CarrierClient;
use super::proto::carrier_frame::Frame;
use super::proto::{self, client_frame};
use super::refusal::error_of;
use super::wire::fitting_envelopes;
use crate::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, MAX_DELIVERIES, NumberProof, SendOutcome,
    Sequence, Transport, TransportError,
};

/// The transport to a carrier on another machine.
///
/// It makes one connection, when it is first needed, and one stream on it for each caller, when that one
/// first sends, receives, acknowledges or waits for a low stock; to open a stream is to connect. When the
/// connection ends, every call that was under way fails with [`TransportError::Unavailable`], and the next
/// one makes another, after a wait that grows with each failure. Nothing is lost by that, and nothing
/// doubled: who calls repeats what it does not know to be done, as with any [`Transport`], and envelopes and
/// places in queues are known again.
///
/// Of a caller at most [`MAX_CALLS_IN_FLIGHT`](super::MAX_CALLS_IN_FLIGHT) calls are under way at a time, and
/// one that receives; others wait for their turn. Sends to one party that wait at the same time go in one
/// frame, and each hears what became of its own. It reads ahead of nobody: what was not asked for is not
/// sent.
///
/// For the callers whose [signer](Transport::identify) it was handed it proves who they are: once for each
/// connection and caller, again when the carrier's credential is over or was not taken, and then the call is
/// repeated, once. Without a signer it calls without a proof, for a carrier that asks for none.
///
/// It must be used on a tokio runtime, and spawns a task there for the connection and one for each stream,
/// which end with it. Clones share the connection.
///
/// # Cost
/// A stream on which nothing happens takes 18 kB, the carrier's half of it included; a test of the carrier
/// counts them. One small frame goes each way every few minutes, as the carrier says. A caller that has ever
/// had a stream is remembered, in some hundred bytes, for as long as the transport is there, and so is its
/// signer. A proof takes two calls and a signature.
#[derive(Clone)]
pub struct GrpcTransport {
    pub(super) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(super) connection: Connection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identities: Identities,
    metadata: MetadataMap,
    seats: Mutex<HashMap<Address, Arc<Seat>>>,
}

type Client = CarrierClient<Channel>;

/// An address, as the client keeps it.
#[derive(Default)]
struct Seat {
    /// Its stream. Whoever finds none opens one, and others wait.
    stream: tokio::sync::Mutex<Option<Arc<Exchange>>>,
    /// The generation of the carrier's store that who speaks for it was told last.
    generation: Mutex<Option<u64>>,
}

impl Seat {
    /// Tells who has connected.
    fn told(&self, connected: proto::Connected) -> Connected {
        *self.generation.lock().unwrap_or_else(PoisonError::into_inner) = Some(connected.generation);
        connected.into()
    }

    /// That who speaks for the address knows of the generation of the carrier's store. If the stream was
    /// opened anew in between, the caller is to connect first, and to learn of it.
    fn knows(&self, exchange: &Exchange) -> Result<(), TransportError> {
        let told = *self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Some(told) if told != exchange.generation() => {
                Err(TransportError::unavailable("the carrier was put back from a backup"))
            }
            _ => Ok(()),
        }
    }
}

impl GrpcTransport {
    /// The transport to the carrier to which `connector` leads.
    #[must_use]
    pub fn new(connector: impl Connector, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self::with_metadata(connector, clock, rng, MetadataMap::new())
    }

    /// The same, with `metadata` beside each call, for a carrier whose host asks for something of its own.
    #[must_use]
    pub fn with_metadata(
        connector: impl Connector,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        metadata: MetadataMap,
    ) -> Self {
        let connection = Connection::new(Box::new(connector), Arc::clone(&clock), rng);
        let (identities, seats) = (Identities::default(), Mutex::default());
        Self { inner: Arc::new(Inner { connection, clock, identities, metadata, seats }) }
    }
}

impl Inner {
    pub(crate) fn client(&self, channel: &Channel) -> CarrierClient<Channel> {
        CarrierClient::with_origin(channel.clone(), self.connection.origin().clone())
            .max_decoding_message_size(MAX_FRAME_BYTES)
            .max_encoding_message_size(MAX_FRAME_BYTES)
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        self.connection.rng()
    }

    /// A request with `message`, by the caller whose `credential` this is.
    pub(crate) fn request<M>(&self, message: M, credential: Option<&Token>) -> Request<M> {
        let mut metadata = self.metadata.clone();
        if let Some(credential) = credential {
            let mut value = MetadataValue::from_bytes(credential);
            value.set_sensitive(true);
            metadata.insert_bin(CREDENTIAL_METADATA, value);
        }
        Request::from_parts(metadata, Extensions::new(), message)
    }

    /// Makes a call of its own, for which the carrier does not wait. If the credential is not taken, another
    /// is asked for, once.
    async fn call<M: Clone, R, F: Future<Output = Result<Response<R>, Status>>>(
        &self,
        caller: &Caller,
        message: M,
        call: impl Fn(CarrierClient<Channel>, Request<M>) -> F,
    ) -> Result<R, TransportError> {
        let mut refused = None;
        loop {
            let channel = self.connection.channel().await?;
            // In a box: else every call that waits would hold the room for it.
            let credential = Box::pin(self.credential(&channel, caller, refused.as_ref())).await?;
            let request = self.request(message.clone(), credential.as_ref());
            match self.answer(&channel, call(self.client(&channel), request)).await {
                Err(TransportError::Unauthenticated { .. }) if refused.is_none() && credential.is_some() => {
                    refused = credential;
                }
                answer => return answer,
            }
        }
    }

    /// What a call on `channel` comes to, in time.
    pub(crate) async fn answer<R>(
        &self,
        channel: &Channel,
        call: impl Future<Output = Result<Response<R>, Status>>,
    ) -> Result<R, TransportError> {
        let heard = channel.heard();
        match self.connection.within(CALL_DEADLINE, call).await {
            Ok(answer) => {
                let answer = answer.map(Response::into_inner).map_err(error_of);
                if answer.as_ref().map_or_else(|error| !error.may_pass(), |_| true) {
                    channel.answered();
                }
                answer
            }
            Err(error) => {
                channel.unanswered(heard);
                Err(error)
            }
        }
    }

    fn seat(&self, caller: &Caller) -> Arc<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(seats.entry(caller.address().clone()).or_default())
    }

    /// The caller's stream, opened anew if it has ended.
    async fn stream(&self, caller: &Caller) -> Result<Arc<Exchange>, TransportError> {
        let seat = self.seat(caller);
        let mut stream = seat.stream.lock().await;
        if let Some(exchange) = &*stream
            && exchange.serves(caller)
        {
            seat.knows(exchange)?;
            return Ok(Arc::clone(exchange));
        }
        // The one before is let go of first: else the carrier would find the two in conflict.
        *stream = None;
        // In a box: who waits on the stream would hold the room for it.
        let exchange = Box::pin(self.open(caller)).await?;
        *stream = Some(Arc::clone(&exchange));
        seat.knows(&exchange)?;
        Ok(exchange)
    }

    async fn open(&self, caller: &Caller) -> Result<Arc<Exchange>, TransportError> {
        let mut refused = None;
        loop {
            let channel = self.connection.channel().await?;
            let credential = Box::pin(self.credential(&channel, caller, refused.as_ref())).await?;
            match self.open_on(&channel, caller, credential.as_ref()).await {
                Err(TransportError::Unauthenticated { .. }) if refused.is_none() && credential.is_some() => {
                    refused = credential;
                }
                opened => return opened,
            }
        }
    }

    async fn open_on(
        &self,
        channel: &Channel,
        caller: &Caller,
        credential: Option<&Token>,
    ) -> Result<Arc<Exchange>, TransportError> {
        let heard = channel.heard();
        let (exchange, mut written) = Exchange::begin(caller, channel);
        let written = futures_util::stream::poll_fn(move |context| written.poll_next(context));
        let opening = async {
            let mut client = self.client(channel);
            let request = self.request(written, credential);
            let mut incoming = client.exchange(request).await.map_err(error_of)?.into_inner();
            let opened = opened(&mut incoming).await?;
            Ok::<_, TransportError>((opened, incoming))
        };
        match self.connection.within(CALL_DEADLINE, opening).await {
            Ok(Ok((opened, incoming))) => {
                channel.answered();
                exchange.keep_reading(&opened, incoming, Arc::clone(&self.clock));
                Ok(exchange)
            }
            Ok(Err(error)) => {
                if !error.may_pass() {
                    channel.answered();
                }
                Err(error)
            }
            Err(error) => {
                channel.unanswered(heard);
                Err(error)
            }
        }
    }

    /// Makes a call on the caller's stream.
    async fn exchange(
        &self,
        caller: &Caller,
        call: impl FnOnce(&Exchange, u64) -> client_frame::Frame,
    ) -> Result<Frame, TransportError> {
        let exchange = self.stream(caller).await?;
        self.in_time(&exchange, exchange.call(|number| call(&exchange, number))).await
    }

    /// What `call` on a stream comes to, in time.
    async fn in_time<R>(
        &self,
        exchange: &Exchange,
        call: impl Future<Output = Result<R, TransportError>>,
    ) -> Result<R, TransportError> {
        let heard = exchange.channel().heard();
        let answered = self.connection.within(CALL_DEADLINE, call).await;
        answered.inspect_err(|_| exchange.channel().unanswered(heard)).flatten()
    }
}

impl Transport for GrpcTransport {
    fn identify(&self, signer: Arc<dyn IdentitySigner>) {
        self.inner.identities.add(signer);
    }

    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        let proof = Bytes::copy_from_slice(proof.as_bytes());
        let request = proto::RegisterRequest { caller: Some(caller.into()), proof };
        let call = async |mut client: Client, request| client.register(request).await;
        let connected = self.inner.call(caller, request, call).await?;
        Ok(self.inner.seat(caller).told(connected))
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        let request = proto::ConnectRequest { caller: Some(caller.into()) };
        let call = async |mut client: Client, request| client.connect(request).await;
        let connected = self.inner.call(caller, request, call).await?;
        Ok(self.inner.seat(caller).told(connected))
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        let request = proto::PublishRequest { caller: Some(caller.into()), keys: keys.to_bytes() };
        let call = async |mut client: Client, request| client.publish(request).await;
        Ok(self.inner.call(caller, request, call).await?.into())
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        let request = proto::FetchKeysRequest { caller: Some(caller.into()), of: of.to_bytes().into() };
        let call = async |mut client: Client, request| client.fetch_keys(request).await;
        let fetched = self.inner.call(caller, request, call).await?;
        KeyBundle::from_bytes(fetched.bundle).map_err(TransportError::carrier_failed)
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.send_all(caller, vec![envelope]).await.error.map_or(Ok(()), Err)
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        let (limit, actual) = (MAX_DELIVERIES, envelopes.len());
        if actual > limit {
            let field = "envelopes at once";
            return SendOutcome::none(InvalidEnvelope::TooLarge { field, actual, limit }.into());
        }
        let to = one_party(&envelopes);
        let mut rest: Vec<Bytes> = envelopes.iter().map(Envelope::to_bytes).collect();
        let mut all = SendOutcome::default();
        while !rest.is_empty() && all.error.is_none() {
            let behind = rest.split_off(fitting_envelopes(&rest));
            let sent = self.inner.send(caller, to.clone(), std::mem::replace(&mut rest, behind)).await;
            all = SendOutcome { taken: all.taken + sent.taken, error: sent.error };
        }
        all
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let exchange = self.inner.stream(caller).await?;
        match exchange.receive(after).await? {
            Frame::Deliveries(deliveries) => deliveries.read().map_err(TransportError::carrier_failed),
            _ => Err(another_answer()),
        }
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        let (device, of) = (u32::from(device.number()), Some(caller.into()));
        let request = proto::RemoveDeviceRequest { caller: of, device };
        let call = async |mut client: Client, request| client.remove_device(request).await;
        self.inner.call(caller, request, call).await.map(|_| ())
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        let exchange = self.inner.stream(caller).await?;
        match exchange.low_stock(at_most).await? {
            Frame::LowStock(proto::LowStock { one_time_keys, highest_one_time, standing, .. }) => {
                let connected = proto::Connected::default();
                Ok(proto::Connected { one_time_keys, highest_one_time, standing, ..connected }.into())
            }
            _ => Err(another_answer()),
        }
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        let (limit, actual) = (MAX_DELIVERIES, sequences.len());
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "sequences at once", actual, limit }.into());
        }
        // All of one epoch, unless the carrier was opened anew in between.
        for of_epoch in sequences.chunk_by(|one, next| one.epoch() == next.epoch()) {
            let epoch = of_epoch.first().map_or(0, |first| first.epoch());
            let numbers = of_epoch.iter().map(|sequence| sequence.number()).collect();
            let frame = |exchange: &Exchange, call| exchange.acknowledging(call, epoch, numbers);
            match self.inner.exchange(caller, frame).await? {
                Frame::Acknowledged(_) => {}
                _ => return Err(another_answer()),
            }
        }
        Ok(())
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        let request = proto::FetchLogHeadRequest { caller: Some(caller.into()) };
        let call = async |mut client: Client, request| client.fetch_log_head(request).await;
        Ok(self.inner.call(caller, request, call).await?.signed_head)
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        let request = proto::ProveLogConsistencyRequest { caller: Some(caller.into()), old, new };
        let call = async |mut client: Client, request| client.prove_log_consistency(request).await;
        let proven = self.inner.call(caller, request, call).await?;
        LogConsistency::new(proven.old_root, proven.proof).map_err(TransportError::carrier_failed)
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        let request = proto::FetchLogLeavesRequest { caller: Some(caller.into()), first };
        let call = async |mut client: Client, request| client.fetch_log_leaves(request).await;
        let leaves = self.inner.call(caller, request, call).await?.leaves;
        LogLeaves::new(leaves).map_err(TransportError::carrier_failed)
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        let request = proto::ReportRequest { caller: Some(caller.into()), report };
        let call = async |mut client: Client, request| client.report(request).await;
        self.inner.call(caller, request, call).await.map(|proto::ReportResponse {}| ())
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        let request = proto::BillingRequest { caller: Some(caller.into()), request };
        let call = async |mut client: Client, request| client.billing(request).await;
        self.inner.call(caller, request, call).await.map(|proto::BillingResponse { answer }| answer)
    }
}

impl Inner {
    /// Hands over what fits into one frame, all of it `to` one party, or alone.
    async fn send(&self, caller: &Caller, to: Option<Party>, envelopes: Vec<Bytes>) -> SendOutcome {
        let sent = async {
            let exchange = self.stream(caller).await?;
            self.in_time(&exchange, exchange.send(to, envelopes)).await
        };
        sent.await.unwrap_or_else(SendOutcome::none)
    }
}

/// To whom `envelopes` go, if that is one party.
fn one_party(envelopes: &[Envelope]) -> Option<Party> {
    let to = envelopes.first()?.to().party();
    envelopes.iter().all(|envelope| envelope.to().party() == to).then(|| to.clone())
}

/// The carrier has not kept to the protocol.
pub(super) fn another_answer() -> TransportError {
    TransportError::unavailable("the carrier answered something else than it was asked")
}

impl fmt::Debug for GrpcTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcTransport(…)")
    }
}
