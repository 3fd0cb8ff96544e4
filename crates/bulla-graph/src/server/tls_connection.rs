//! A connection on which TLS is spoken, and perhaps HTTP/2.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONNECTION;
use bulla_base::Clock;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::OverTls;
use super::answer_body::AnswerBody;
use super::connection::{Connection, count};
use super::connection_activity::Activity;
use super::connection_slots::ConnectionSlot;
use super::tls::Tls;
use super::watched_answers::{WatchedAnswers, WatchedBody};
use crate::limits::{
    ANSWER_TIMEOUT, CONNECTION_WINDOW_BYTES, HEAD_TIMEOUT, IDLE_TIMEOUT, LEAVE_TIMEOUT, MAX_BROKEN_STREAMS,
    MAX_HEAD_BYTES, MAX_STREAMS, STREAM_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};
use crate::metrics::{self, GaugeGuard};
use crate::{GraphApi, RelayApi, TokenLookup};

impl Connection {
    /// Speaks TLS, and answers requests until either side has enough.
    pub(super) async fn serve_tls<D: RelayApi, A: TokenLookup>(
        mut self,
        stream: TcpStream,
        tls: Tls,
        api: GraphApi<D, A>,
    ) {
        let _gauge = GaugeGuard::new(metrics::CONNECTIONS);
        // Whoever has not said what it wants can be asked to leave for one who does.
        self.slot.wait();
        let socket = self.socket(stream);
        let accepted = tokio::select! {
            biased;
            accepted = tls.accept(socket) => accepted,
            () = self.clock.sleep(HEAD_TIMEOUT) => return count("slow"),
            () = self.slot.evicted() => return count("wanted"),
            _ = self.closed.wait_for(|closed| *closed) => return count("wanted"),
        };
        match accepted {
            Ok((stream, true)) => self.serve_http2(stream, api).await,
            Ok((stream, false)) => self.serve_http1(stream, true, api).await,
            Err(error) => {
                tracing::debug!(%error, "a client does not speak TLS as we do");
                count("ended");
            }
        }
    }

    async fn serve_http2<D: RelayApi, A: TokenLookup>(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        api: GraphApi<D, A>,
    ) {
        let Self { slot, activity, clock, mut closed } = self;
        let answers = Arc::<WatchedAnswers>::default();
        let service = {
            let (slot, activity, answers) = (slot.clone(), activity.clone(), answers.clone());
            service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(OverTls);
                let (api, slot, activity, answers) =
                    (api.clone(), slot.clone(), activity.clone(), answers.clone());
                async move {
                    let working = slot.work();
                    let mut response = api.answer(request.map(Body::new), false).await;
                    // What is left of one request is not taken for another here.
                    response.headers_mut().remove(CONNECTION);
                    activity.answer(false);
                    Ok::<_, Infallible>(
                        response.map(|body| WatchedBody::new(AnswerBody::new(body, working), &answers)),
                    )
                }
            })
        };
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(STREAM_BUFFER_BYTES)
            .max_pending_accept_reset_streams(MAX_BROKEN_STREAMS)
            .max_local_error_reset_streams(MAX_BROKEN_STREAMS);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
        let mut asked_to_leave = pin!(async {
            tokio::select! {
                biased;
                () = slot.evicted() => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
        let mut overdue = pin!(overdue(&slot, &activity, &answers, &*clock));
        let ended = tokio::select! {
            biased;
            ended = &mut connection => Some(ended),
            () = &mut overdue => return count("slow"),
            () = &mut asked_to_leave => None,
        };
        let outcome = match ended {
            Some(outcome) => outcome,
            None => {
                connection.as_mut().graceful_shutdown();
                let mut left = pin!(left_by_all(&slot, &*clock));
                tokio::select! {
                    biased;
                    outcome = &mut connection => outcome,
                    () = &mut left => return count("wanted"),
                    () = &mut overdue => return count("slow"),
                }
            }
        };
        if let Err(error) = &outcome {
            tracing::debug!(%error, "a connection has ended");
        }
        count(if activity.has_ended() { "client" } else { "ended" });
    }
}

/// Ready when the client has let us wait for longer than it may: with its first or its next request, or by
/// taking nothing of an answer.
async fn overdue(slot: &ConnectionSlot, activity: &Activity, answers: &WatchedAnswers, clock: &dyn Clock) {
    let looks = |limit: std::time::Duration| {
        u32::try_from(limit.as_secs() / HEAD_TIMEOUT.as_secs()).unwrap_or(u32::MAX)
    };
    let (mut since, mut waited) = (slot.waits_since(), 0);
    loop {
        clock.sleep(HEAD_TIMEOUT).await;
        let limit = if activity.has_answered() { looks(IDLE_TIMEOUT) } else { 1 };
        let now = slot.waits_since();
        waited = if now.is_some() && now == since { waited + 1 } else { 0 };
        since = now;
        if waited >= limit || answers.have_stalled(looks(ANSWER_TIMEOUT)) {
            return;
        }
    }
}

/// Ready when nothing is under way any more, a while after the client was asked to leave.
async fn left_by_all(slot: &ConnectionSlot, clock: &dyn Clock) {
    loop {
        clock.sleep(LEAVE_TIMEOUT).await;
        if slot.is_idle() {
            return;
        }
    }
}
