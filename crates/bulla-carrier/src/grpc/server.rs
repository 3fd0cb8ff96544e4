use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bulla_base::Timestamp;
use bulla_store::Store;
use bulla_transport::grpc::ChannelBinding;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::GrpcService;
use super::address_places::AddressPlaces;
use super::connection::{Connection, SERVING, closed};
use super::handshakes::Handshakes;
use super::limits::{ACCEPT_AGAIN, ACCEPT_TOLD_EVERY, MAX_CONNECTIONS, STOPPING_DEADLINE};
use crate::trace_span;

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
    let of_addresses = AddressPlaces::new(service.settings());
    let Listening { listener, tls, end_points } = listening;
    let tls = tls.map(|acceptor| Handshakes::new(acceptor, end_points));
    let mut connections = JoinSet::new();
    let (mut shutdown, mut told) = (pin!(shutdown), None::<Timestamp>);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, from, place)) => {
                let Some(of_address) = of_addresses.enter(from.ip()) else {
                    closed("address");
                    continue;
                };
                let connection = Connection {
                    service: service.clone(),
                    clock: Arc::clone(&clock),
                    stopping: stopping.subscribe(),
                    place: of_address,
                };
                let tls = tls.clone();
                connections.spawn(async move {
                    connection.serve(stream, tls).await;
                    drop(place);
                });
            }
            Err(error) => {
                let now = clock.now();
                if told.is_none_or(|told| told.after(ACCEPT_TOLD_EVERY) <= now) {
                    told = Some(now);
                    trace_span::task(SERVING).in_scope(|| {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "no connection can be accepted; trying on");
                    });
                }
                clock.sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
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
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    // Who has left already is noticed when it is read from.
    let _ = stream.set_nodelay(true);
    Ok((stream, from, place))
}
