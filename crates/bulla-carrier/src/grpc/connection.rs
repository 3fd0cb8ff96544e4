use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_base::Clock;
use bulla_store::Store;
use bulla_transport::grpc::{ChannelBinding, MAX_HEADER_BYTES};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tonic::codegen::Service;

use super::address_places::AddressPlace;
use super::call_body::{CallBody, MessageRoom};
use super::handshakes::Handshakes;
use super::limits::{
    CONNECTION_WINDOW_BYTES, MAX_BROKEN_STREAMS, MAX_RESETS_WAITING, OPENING_DEADLINE, SEND_BUFFER_BYTES,
    STREAM_WINDOW_BYTES, UNFINISHED_BYTES_PER_CONNECTION,
};
use super::refused_calls::{RefusedCalls, is_refusal};
use super::taking_turns::TakingTurns;
use super::{ClientConnection, GrpcService};
use crate::metrics::CONNECTIONS_CLOSED;
use crate::trace_span;

/// One client's connection, from its beginning to its end.
pub(crate) struct Connection<S> {
    pub(crate) service: GrpcService<S>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) place: AddressPlace,
}

/// Held by whatever uses a connection.
#[derive(Debug, Clone)]
pub(crate) struct Token(Arc<()>);

impl<S: Store> Connection<S> {
    /// Serves `stream` until it ends, after a handshake if there is to be one.
    pub(crate) async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        tls: Option<Handshakes>,
    ) {
        let stream = TakingTurns::new(stream);
        let Some(tls) = tls else {
            return self.speak(stream, ClientConnection::new([ChannelBinding::None])).await;
        };
        // In boxes, what is large: else each connection would hold the room for it more than once, for as
        // long as it lasts.
        let handshake = tokio::select! {
            handshake = Box::pin(tls.accept(stream)) => {
                handshake.map(|(stream, bindings)| (Box::new(stream), bindings))
            }
            () = self.clock.sleep(OPENING_DEADLINE) => return closed("no handshake"),
        };
        match handshake {
            Ok((stream, bindings)) => self.speak(stream, ClientConnection::new(bindings)).await,
            Err(error) => {
                closed("no handshake");
                let error = &error as &dyn std::error::Error;
                trace_span::task(SERVING)
                    .in_scope(|| tracing::debug!(error, "a connection did not come to TLS"));
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
        let room = MessageRoom {
            of_connection: Arc::new(Semaphore::new(UNFINISHED_BYTES_PER_CONNECTION)),
            of_address: self.place.room(),
        };
        let (clock, refused) = (Arc::clone(&self.clock), Arc::new(RefusedCalls::default()));
        let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(given.clone());
            request.extensions_mut().insert(client.clone());
            used.store(true, Ordering::Release);
            let is_stream = STREAMS.contains(&request.uri().path());
            let request =
                request.map(|body| CallBody::new(body, is_stream, room.clone(), Arc::clone(&clock)));
            let is_challenge = request.uri().path() == CHALLENGE;
            let call = match request.uri().path().starts_with(BLOBS) {
                true => blobs.clone().call(request),
                false => server.clone().call(request),
            };
            let (refused, clock) = (Arc::clone(&refused), Arc::clone(&clock));
            async move {
                let response = call.await?;
                refused.count(is_challenge || is_refusal(response.headers()), &*clock).await;
                Ok::<_, std::convert::Infallible>(response)
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
                .max_pending_accept_reset_streams(MAX_RESETS_WAITING)
                .max_local_error_reset_streams(MAX_BROKEN_STREAMS)
                .serve_connection(TokioIo::new(stream), answer),
        );
        let mut wait = OPENING_DEADLINE;
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        if !is_of_the_network(&error) {
                            closed("protocol");
                        }
                        trace_span::task(SERVING).in_scope(|| {
                            let error = &error as &dyn std::error::Error;
                            tracing::debug!(error, "a connection has ended");
                        });
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
                        return closed("unused");
                    }
                    wait = idle_after(settings.heartbeat());
                }
            }
        }
    }
}

/// The task of which is told what became of connections. They have no span of their own: each would hold it
/// for as long as it lasts.
pub(crate) const SERVING: &str = "serve connections";

/// What paths of calls about blobs begin with.
const BLOBS: &str = "/bulla.carrier.v1.Blobs/";

/// How long a connection without a stream stays.
const fn idle_after(heartbeat: Duration) -> Duration {
    heartbeat.saturating_mul(2)
}

/// The path of the call that asks for a nonce.
const CHALLENGE: &str = "/bulla.carrier.v1.Carrier/Challenge";

/// The paths of the calls that send a stream of messages.
const STREAMS: [&str; 2] = ["/bulla.carrier.v1.Carrier/Exchange", "/bulla.carrier.v1.Blobs/Upload"];

/// Whether a connection has ended because the network or the other end has cut it, and not for what was said
/// on it.
fn is_of_the_network(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>())
}

/// Counts that the service has closed a connection.
pub(crate) fn closed(reason: &'static str) {
    metrics::counter!(CONNECTIONS_CLOSED, "reason" => reason).increment(1);
}
