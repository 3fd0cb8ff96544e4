//! The carrier behind its service, over real connections.

mod abuse;
mod acknowledgements;
mod blobs;
mod conversation;
mod cut_connections;
mod host_server;
mod identity;
mod identity_over_tls;
mod refused_by_name;
mod restart;
mod stream_cost;
mod streams;
mod suites;
mod tls;

use bulla_store::BoxStore;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, ManualClock, SeededRng, Sleep, Timestamp};
use bulla_carrier::Carrier;
use bulla_carrier::grpc::{
    Authenticator, GrpcService, GrpcSettings, Listening, NoAuthentication, ProvenIdentity, serve,
};
use bulla_transport::grpc::proto::carrier_client::CarrierClient;
use bulla_transport::grpc::proto::carrier_frame::Frame;
use bulla_transport::grpc::proto::{CarrierFrame, ClientFrame, client_frame};
use bulla_transport::grpc::{GrpcTransport, PlainTcp};
use bulla_transport::{BoxTransport, Caller, Transport};
use futures_util::StreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::{Status, Streaming};

use crate::identities::signing;
use crate::{NOW, World, upload};

/// A clock that the test moves, and that wakes who sleeps by it.
#[derive(Debug)]
pub(crate) struct Steps {
    now: ManualClock,
    moved: Notify,
}

impl Steps {
    fn new() -> Arc<Self> {
        Arc::new(Self { now: ManualClock::new(NOW), moved: Notify::new() })
    }

    fn advance(&self, span: Duration) {
        self.now.advance(span);
        self.moved.notify_waiters();
    }
}

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        self.now.now()
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        let end = self.now().after(span);
        Box::pin(async move {
            loop {
                let mut moved = std::pin::pin!(self.moved.notified());
                moved.as_mut().enable();
                if self.now() >= end {
                    return;
                }
                moved.await;
            }
        })
    }
}

/// Lets so much of the machine's own time pass: what is on its way over real sockets arrives.
#[expect(clippy::disallowed_methods, reason = "sockets know no other time")]
pub(crate) async fn real_time(span: Duration) {
    tokio::time::sleep(span).await;
}

/// A carrier that is served at an address.
struct Served {
    world: World,
    clock: Arc<Steps>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Served {
    async fn new() -> Self {
        let world = World::new().await;
        let identities = proven(&world);
        Self::in_plain(world, identities).await
    }

    /// One that believes whoever calls, for what is about something else than who does.
    async fn trusting() -> Self {
        Self::with(NoAuthentication).await
    }

    /// The same, on the store of a world that there is.
    async fn trusting_on(world: World) -> Self {
        Self::in_plain(world, NoAuthentication).await
    }

    async fn with(authenticator: impl Authenticator) -> Self {
        Self::in_plain(World::new().await, authenticator).await
    }

    async fn in_plain(world: World, authenticator: impl Authenticator) -> Self {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        Self::on(world, authenticator, Listening::in_plain(listener), address).await
    }

    /// The world's carrier has a clock at which nobody wakes; the service has to, so it gets one on the same
    /// store.
    async fn on(
        world: World,
        authenticator: impl Authenticator,
        listening: Listening,
        address: SocketAddr,
    ) -> Self {
        Self::set(world, authenticator, GrpcSettings::default(), listening, address).await
    }

    async fn set(
        mut world: World,
        authenticator: impl Authenticator,
        settings: GrpcSettings,
        listening: Listening,
        address: SocketAddr,
    ) -> Self {
        let clock = Steps::new();
        let carrier =
            Carrier::open(BoxStore::new(Arc::clone(&world.store)), clock.clone(), &world.rng).await.unwrap();
        world.carrier = Arc::new(carrier);
        let service = GrpcService::new(Arc::clone(&world.carrier), authenticator, settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(service, listening, async move {
            // Also when the test is over.
            let _ = stopped.await;
        }));
        Self { world, clock, address, stop, server }
    }

    /// Another connection.
    fn transport(&self) -> GrpcTransport {
        self.transport_at(self.address)
    }

    fn transport_at(&self, address: SocketAddr) -> GrpcTransport {
        let connector = PlainTcp::new(address.to_string()).unwrap();
        signing(GrpcTransport::new(connector, self.clock.clone(), Arc::new(SeededRng::new(3))))
    }

    /// Lets so many seconds pass for nonces and credentials alone: connections do not grow old by it.
    fn advance(&self, seconds: u64) {
        self.world.clock.set(self.world.clock.now().after(Duration::from_secs(seconds)));
    }

    /// What a client in another language would have.
    async fn raw(&self) -> Raw {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (requests, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let origin = format!("http://{}", self.address).parse().unwrap();
        CarrierClient::with_origin(Requests(requests), origin)
    }
}

type Raw = CarrierClient<Requests>;

#[derive(Clone)]
struct Requests(hyper::client::conn::http2::SendRequest<tonic::body::Body>);

impl tonic::codegen::Service<hyper::Request<tonic::body::Body>> for Requests {
    type Response = hyper::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = tonic::codegen::BoxFuture<Self::Response, hyper::Error>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: hyper::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// A stream as the wire has it.
struct RawStream {
    frames: mpsc::UnboundedSender<ClientFrame>,
    answers: Streaming<CarrierFrame>,
}

impl RawStream {
    /// Begins a stream with this frame.
    async fn begin(client: &mut Raw, first: client_frame::Frame) -> Result<Self, Status> {
        let (frames, mut written) = mpsc::unbounded_channel();
        frames.send(ClientFrame { frame: Some(first) }).unwrap();
        let written = futures_util::stream::poll_fn(move |cx| written.poll_recv(cx));
        Ok(Self { frames, answers: client.exchange(written).await?.into_inner() })
    }

    /// Opens one for `caller`, and reads that it is.
    async fn open(client: &mut Raw, caller: &Caller) -> Self {
        let mut stream = Self::begin(client, client_frame::Frame::Open(caller.into())).await.unwrap();
        assert!(matches!(stream.next().await, Frame::Opened(opened) if opened.heartbeat_seconds == 240));
        stream
    }

    fn say(&self, frame: client_frame::Frame) {
        self.frames.send(ClientFrame { frame: Some(frame) }).unwrap();
    }

    async fn next(&mut self) -> Frame {
        self.answers.next().await.unwrap().unwrap().frame.unwrap()
    }

    async fn end(&mut self) -> Status {
        loop {
            match self.answers.next().await.unwrap() {
                Ok(_) => {}
                Err(status) => return status,
            }
        }
    }
}

pub(crate) use blobs::blobs_over_tls;
pub(crate) use suites::OVER_THE_WIRE;

/// Who may speak over a connection in plain: those who have proved who they are.
fn proven(world: &World) -> ProvenIdentity {
    ProvenIdentity::new(world.clock.clone(), &world.rng).with_plain_connections()
}

/// The transport to the world's carrier, served by the world's clock.
pub(crate) async fn wire_to(world: &World) -> BoxTransport {
    let listener = listener().await;
    let address = listener.local_addr().unwrap().to_string();
    let service = GrpcService::new(Arc::clone(&world.carrier), proven(world), GrpcSettings::default());
    tokio::spawn(serve(service, Listening::in_plain(listener), std::future::pending()));
    let connector = PlainTcp::new(address).unwrap();
    signing(BoxTransport::new(GrpcTransport::new(
        connector,
        world.clock.clone(),
        Arc::new(SeededRng::new(3)),
    )))
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Connects `caller` over the wire, and leaves keys for it.
async fn join(transport: &GrpcTransport, caller: &Caller) {
    transport.connect(caller).await.unwrap();
    transport.publish(caller, upload(b"identity", 2)).await.unwrap();
}
