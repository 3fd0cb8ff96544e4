use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_base::Clock;
use bulla_store::Store;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::codegen::Service;

use super::limits::{
    ACCEPT_AGAIN, CONNECTION_WINDOW_BYTES, MAX_CONNECTIONS, OPENING_DEADLINE, SEND_BUFFER_BYTES,
    STOPPING_DEADLINE, STREAM_WINDOW_BYTES,
};
use super::{ClientConnection, GrpcService};
use bulla_transport::grpc::{ChannelBinding, MAX_HEADER_BYTES};

/// Where a server listens, and how it is spoken to there.
pub struct Listening {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    /// The end points of the certificates that may be shown.
    end_points: Vec<ChannelBinding>,
}

impl Listening {
    /// On `listener`, with TLS as `config` says, which `tls_server` of `bulla-transport` makes.
    #[must_use]
    pub fn with_tls(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self { listener, tls: Some(TlsAcceptor::from(config)), end_points: Vec::new() }
    }

    /// On `listener`, without TLS.
    ///
    /// # Security
    /// Whoever stands in between sees who writes to whom, and can take the place of either side. For tests,
    /// and for a network that is protected by something else.
    #[must_use]
    pub const fn in_plain(listener: TcpListener) -> Self {
        Self { listener, tls: None, end_points: Vec::new() }
    }

    /// The same, for clients that bind their proofs to
    /// [the certificate that they are shown](ChannelBinding::TlsServerEndPoint), because their library for
    /// TLS tells no exporter. To be called for each certificate that the configuration may show.
    #[must_use]
    pub fn showing(mut self, certificate: &CertificateDer<'_>) -> Self {
        self.end_points.push(ChannelBinding::of_certificate(certificate));
        self
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// Serves `service` until `shutdown` is done: then what was begun is answered, streams end with the reason
/// `SHUTTING_DOWN`, and connections are closed, within [`STOPPING_DEADLINE`].
///
/// Each connection is served in a task of its own on the runtime of who calls. The carrier is not closed:
/// that is the host's, after this has returned.
pub async fn serve<S: Store>(
    service: GrpcService<S>,
    listening: Listening,
    shutdown: impl Future<Output = ()> + Send,
) {
    let clock = Arc::clone(&service.carrier().clock);
    let (stopping, places) = (watch::Sender::new(false), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listening.listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = Connection {
                    service: service.clone(),
                    clock: Arc::clone(&clock),
                    stopping: stopping.subscribe(),
                };
                let tls = listening.tls.clone().map(|tls| (tls, listening.end_points.clone()));
                connections.spawn(async move {
                    connection.serve(stream, tls).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection can be accepted");
                clock.sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listening);
    let ending = async {
        service.stop().await;
        stopping.send_replace(true);
        while connections.join_next().await.is_some() {}
    };
    tokio::select! {
        () = ending => {}
        () = clock.sleep(STOPPING_DEADLINE) => {}
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Who has left already is noticed when it is read from.
    let _ = stream.set_nodelay(true);
    Ok((stream, place))
}

struct Connection<S> {
    service: GrpcService<S>,
    clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
}

/// Held by whatever uses a connection.
#[derive(Debug, Clone)]
pub(crate) struct Token(Arc<()>);

impl<S: Store> Connection<S> {
    async fn serve(self, stream: TcpStream, tls: Option<(TlsAcceptor, Vec<ChannelBinding>)>) {
        let Some((tls, mut bindings)) = tls else {
            return self.speak(stream, ClientConnection::new([ChannelBinding::None])).await;
        };
        // In boxes, what is large: else each connection would hold the room for it more than once, for as
        // long as it lasts.
        let handshake = tokio::select! {
            handshake = Box::pin(tls.accept(stream)) => handshake.map(Box::new),
            () = self.clock.sleep(OPENING_DEADLINE) => return,
        };
        match handshake {
            Ok(stream) => {
                let (_, connection) = stream.get_ref();
                // Without it there are the end points still.
                bindings.extend(ChannelBinding::of_connection(connection));
                self.speak(stream, ClientConnection::new(bindings)).await;
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection did not come to TLS");
            }
        }
    }

    async fn speak(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        client: ClientConnection,
    ) {
        let (token, was_used, settings) =
            (Token(Arc::new(())), Arc::new(AtomicBool::new(false)), self.service.settings());
        let (server, blobs) = (self.service.server(), self.service.blob_server());
        let (given, used) = (token.clone(), Arc::clone(&was_used));
        let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(given.clone());
            request.extensions_mut().insert(client.clone());
            used.store(true, Ordering::Release);
            match request.uri().path().starts_with(BLOBS) {
                true => blobs.clone().call(request),
                false => server.clone().call(request),
            }
        });
        let mut connection = Box::pin(
            http2::Builder::new(TokioExecutor::new())
                // It would read the system's clock.
                .auto_date_header(false)
                .initial_stream_window_size(STREAM_WINDOW_BYTES)
                .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
                .max_concurrent_streams(settings.streams_per_connection())
                .max_header_list_size(MAX_HEADER_BYTES)
                .max_send_buf_size(SEND_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), answer),
        );
        let mut wait = OPENING_DEADLINE;
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a connection has ended");
                    }
                    return;
                }
                _ = self.stopping.wait_for(|is| *is), if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                // One that nobody uses is closed: the other end may be gone without a word.
                () = self.clock.sleep(wait) => {
                    // Two are the connection's own.
                    let is_held = Arc::strong_count(&token.0) > 2;
                    if !was_used.swap(false, Ordering::AcqRel) && !is_held {
                        return;
                    }
                    wait = idle_after(settings.heartbeat());
                }
            }
        }
    }
}

/// What paths of calls about blobs begin with.
const BLOBS: &str = "/bulla.carrier.v1.Blobs/";

/// How long a connection without a stream stays.
const fn idle_after(heartbeat: Duration) -> Duration {
    heartbeat.saturating_mul(2)
}
