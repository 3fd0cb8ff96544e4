use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use bulla_base::Clock;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::OverTls;
use super::answer_body::AnswerBody;
use super::connection_activity::Activity;
use super::connection_slots::ConnectionSlot;
use super::head_timer::HeadTimer;
use super::socket::Socket;
use crate::limits::{DRAIN_PIECE_BYTES, HEAD_TIMEOUT, LINGER_TIMEOUT, MAX_HEAD_BYTES, MAX_LINGER_BYTES};
use crate::metrics::{self, GaugeGuard};
use crate::{GraphApi, RelayApi, TokenLookup};

/// A connection with a client.
pub(super) struct Connection {
    pub(super) slot: Arc<ConnectionSlot>,
    pub(super) activity: Arc<Activity>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) closed: watch::Receiver<bool>,
}

impl Connection {
    pub(super) fn new(slot: ConnectionSlot, clock: Arc<dyn Clock>, closed: watch::Receiver<bool>) -> Self {
        Self { slot: Arc::new(slot), activity: Arc::default(), clock, closed }
    }

    /// Answers requests in the clear until either side has enough.
    pub(super) async fn serve<D: RelayApi, A: TokenLookup>(self, stream: TcpStream, api: GraphApi<D, A>) {
        let _gauge = GaugeGuard::new(metrics::CONNECTIONS);
        let socket = self.socket(stream);
        self.serve_http1(socket, false, api).await;
    }

    pub(super) fn socket(&self, stream: TcpStream) -> Socket {
        Socket::new(stream, self.activity.clone(), self.clock.clone())
    }

    /// Answers requests of HTTP/1.1 on `io`, which may be TLS.
    pub(super) async fn serve_http1<D: RelayApi, A: TokenLookup>(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send,
        is_tls: bool,
        api: GraphApi<D, A>,
    ) {
        let Self { slot, activity, clock, mut closed } = self;
        let service = {
            let (slot, activity) = (slot.clone(), activity.clone());
            service_fn(move |mut request: Request<Incoming>| {
                if is_tls {
                    request.extensions_mut().insert(OverTls);
                }
                let (api, slot, activity) = (api.clone(), slot.clone(), activity.clone());
                Box::pin(async move {
                    let working = slot.work();
                    let response = api.answer(request.map(Body::new), true).await;
                    let closes =
                        response.headers().get(CONNECTION) == Some(&HeaderValue::from_static("close"));
                    activity.answer(closes);
                    Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, working)))
                })
            })
        };
        let mut builder = http1::Builder::new();
        builder
            .timer(HeadTimer { clock: clock.clone(), activity: activity.clone() })
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            // A client may say that it has sent all, and still wait for its answer.
            .half_close(true);
        let mut connection = builder.serve_connection(TokioIo::new(io), service);
        slot.wait();

        let asked_to_leave = async {
            tokio::select! {
                biased;
                () = slot.evicted() => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        };
        let outcome = tokio::select! {
            biased;
            // Without the shutdown that hyper would do: whether something is left unread decides how the
            // socket is closed.
            outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(outcome),
            () = asked_to_leave => None,
        };
        let evicted = outcome.is_none();
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                match poll_fn(|cx| Poll::Ready(connection.poll_without_shutdown(cx))).await {
                    Poll::Ready(outcome) => outcome,
                    // A request that has come is answered; one that is still to come is not waited for.
                    Poll::Pending if slot.is_idle() => {
                        count("wanted");
                        return;
                    }
                    Poll::Pending => poll_fn(|cx| connection.poll_without_shutdown(cx)).await,
                }
            }
        };
        if let Err(error) = &outcome {
            tracing::debug!(%error, "a connection has ended");
        }
        let unread = outcome.as_ref().map_or_else(hyper::Error::is_parse, |()| activity.has_unread());
        count(match outcome {
            _ if activity.has_ended() => "client",
            _ if unread => "unread",
            Err(error) if is_slow(&error) => "slow",
            Ok(()) if evicted => "wanted",
            _ => "ended",
        });
        let io = connection.into_parts().io.into_inner();
        if unread && !activity.has_ended() {
            let lingering = pin!(linger(io, &*clock));
            tokio::select! {
                biased;
                () = lingering => {}
                () = slot.evicted() => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        }
    }
}

pub(super) fn count(reason: &'static str) {
    ::metrics::counter!(metrics::CLOSED, "reason" => reason).increment(1);
}

/// Whether the client took longer than it may: for a head, or to take an answer.
fn is_slow(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    error.is_timeout() || source.is_some_and(|source| source.kind() == io::ErrorKind::TimedOut)
}

/// Lets the answer arrive: were the socket closed while the client still sends, the system would tell the
/// client to forget what it has not read yet. So nothing more is written, and what comes is read and thrown
/// away until the client has seen that, within a bound.
async fn linger(mut io: impl AsyncRead + AsyncWrite + Unpin, clock: &dyn Clock) {
    if io.shutdown().await.is_err() {
        return;
    }
    let reading = async {
        let mut piece = vec![0; DRAIN_PIECE_BYTES];
        let mut left = MAX_LINGER_BYTES;
        while let Ok(read @ 1..) = io.read(&mut piece).await {
            let Some(rest) = left.checked_sub(read) else { break };
            left = rest;
        }
    };
    tokio::select! {
        biased;
        () = reading => {}
        () = clock.sleep(LINGER_TIMEOUT) => {}
    }
}
