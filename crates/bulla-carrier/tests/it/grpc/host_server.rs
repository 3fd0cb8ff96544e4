//! The carrier's services in a server of the host's, beside what else is served there.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::IncomingStream;
use bulla_carrier::Carrier;
use bulla_carrier::grpc::{ClientConnection, GrpcService, GrpcSettings, ProvenIdentity};
use bulla_store::BoxStore;
use bulla_transport::grpc::ChannelBinding;
use bulla_transport::grpc::proto::carrier_server::CarrierServer;
use bulla_transport::{IdentityProblem, Transport, TransportError};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::transport::server::Connected;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::conversation::both_ways;
use super::identity_over_tls::requests_to;
use super::tls::{client, server, transport};
use super::{Served, Steps, listener};
use crate::{World, alice, caller};

type Hosted = GrpcService<BoxStore>;

/// A carrier's services in the server that `serve` makes on a listener.
async fn hosted<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(Hosted, TcpListener) -> F,
) -> (Served, Hosted) {
    let (mut world, clock) = (World::new().await, Steps::new());
    let identities = ProvenIdentity::new(world.clock.clone(), &world.rng);
    let carrier =
        Carrier::open(BoxStore::new(Arc::clone(&world.store)), clock.clone(), &world.rng).await.unwrap();
    world.carrier = Arc::new(carrier);
    let service = GrpcService::new(Arc::clone(&world.carrier), identities, GrpcSettings::default());
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(service.clone(), listener));
    // They end with the test.
    let (stop, _) = oneshot::channel();
    (Served { world, clock, address, stop, server }, service)
}

/// All that two parties do, over TLS, each with a connection on which it proves who it is.
async fn everything_is_done(served: &Served) {
    let config = client(served.clock.clone());
    let [relay, device] =
        [(); 2].map(|()| transport(served, "carrier.example", config.clone(), served.address));
    both_ways(&served.world, &relay, &device).await;
}

/// A connection as the host's acceptor makes it: over TLS, with what proofs are bound to.
struct HostStream {
    tls: TlsStream<TcpStream>,
    client: ClientConnection,
}

impl HostStream {
    async fn accept(listener: &TcpListener, acceptor: &TlsAcceptor) -> io::Result<Self> {
        let (stream, _) = listener.accept().await?;
        let tls = acceptor.accept(stream).await?;
        let client = ClientConnection::new(ChannelBinding::of_connection(tls.get_ref().1));
        Ok(Self { tls, client })
    }
}

impl Connected for HostStream {
    type ConnectInfo = ClientConnection;

    fn connect_info(&self) -> ClientConnection {
        self.client.clone()
    }
}

impl AsyncRead for HostStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_read(cx, into)
    }
}

impl AsyncWrite for HostStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tls).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_shutdown(cx)
    }
}

fn accepted(listener: TcpListener) -> impl Stream<Item = io::Result<HostStream>> {
    let acceptor = TlsAcceptor::from(server().1);
    futures_util::stream::unfold((listener, acceptor), async |(listener, acceptor)| {
        Some((HostStream::accept(&listener, &acceptor).await, (listener, acceptor)))
    })
}

/// Something else that the host serves.
#[derive(Clone)]
struct HostService;

impl NamedService for HostService {
    const NAME: &'static str = "host.v1.Host";
}

impl Service<http::Request<Body>> for HostService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        std::future::ready(Ok(tonic::Status::already_exists("the host's").into_http()))
    }
}

#[tokio::test]
async fn on_a_tonic_server_beside_health_and_another_service_everything_is_done_and_proved() {
    let (served, service) = hosted(|service, listener| async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<CarrierServer<Hosted>>().await;
        let server = tonic::transport::Server::builder()
            .add_service(health)
            .add_service(HostService)
            .add_service(service.server())
            .add_service(service.blob_server());
        server.serve_with_incoming(accepted(listener)).await.unwrap();
    })
    .await;
    everything_is_done(&served).await;

    let origin: http::Uri = "https://carrier.example".parse().unwrap();
    let mut requests = requests_to(served.address).await;
    let mut health = HealthClient::with_origin(requests.clone(), origin);
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let told = health.check(of("bulla.carrier.v1.Carrier")).await.unwrap().into_inner();
    assert_eq!(told.status(), ServingStatus::Serving);
    let ours = http::Request::post("https://carrier.example/host.v1.Host/Anything").body(Body::empty());
    let answer = requests.call(ours.unwrap()).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "6", "it was the host's that answered");
    // Before the host's server ends: it waits for streams.
    service.stop().await;
}

/// The host's listener for axum's server.
struct HostListener(TcpListener, TlsAcceptor);

impl axum::serve::Listener for HostListener {
    type Io = HostStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (HostStream, SocketAddr) {
        loop {
            // One that does not come to TLS is nobody's.
            if let Ok(stream) = HostStream::accept(&self.0, &self.1).await {
                let address = stream.tls.get_ref().0.peer_addr().unwrap();
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What axum hands to each request of a connection.
#[derive(Clone)]
struct OfConnection(ClientConnection);

impl axum::extract::connect_info::Connected<IncomingStream<'_, HostListener>> for OfConnection {
    fn connect_info(stream: IncomingStream<'_, HostListener>) -> Self {
        Self(stream.io().client.clone())
    }
}

/// Where the services look for it.
async fn with_connection(
    ConnectInfo(OfConnection(client)): ConnectInfo<OfConnection>,
    mut request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    request.extensions_mut().insert(client);
    next.run(request).await
}

#[tokio::test]
async fn in_an_axum_router_beside_the_hosts_pages_everything_is_done_and_proved() {
    let (served, service) = hosted(|service, listener| async move {
        let router = Router::new()
            .route_service("/bulla.carrier.v1.Carrier/{*call}", service.server())
            .route_service("/bulla.carrier.v1.Blobs/{*call}", service.blob_server())
            .layer(axum::middleware::from_fn(with_connection))
            .route("/health", axum::routing::get(|| async { "well" }));
        let listener = HostListener(listener, TlsAcceptor::from(server().1));
        let router = router.into_make_service_with_connect_info::<OfConnection>();
        axum::serve(listener, router).await.unwrap();
    })
    .await;
    everything_is_done(&served).await;

    let mut requests = requests_to(served.address).await;
    let page = http::Request::get("https://carrier.example/health").body(Body::empty()).unwrap();
    assert_eq!(requests.call(page).await.unwrap().status(), 200);
    service.stop().await;
}

/// A host that forgets what proofs are bound to lets nobody in, rather than everybody.
#[tokio::test]
async fn without_the_connection_nobody_is_let_in() {
    let (served, _) = hosted(|service, listener| async move {
        let router = Router::new().route_service("/bulla.carrier.v1.Carrier/{*call}", service.server());
        axum::serve(HostListener(listener, TlsAcceptor::from(server().1)), router).await.unwrap();
    })
    .await;
    let config = client(served.clock.clone());
    let transport = transport(&served, "carrier.example", config, served.address);
    let refused = transport.connect(&caller(alice(), 1)).await.unwrap_err();
    let problem = IdentityProblem::Binding;
    assert!(
        matches!(&refused, TransportError::Unauthenticated { problem: of } if *of == problem),
        "{refused:?}"
    );
}
