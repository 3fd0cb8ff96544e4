use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, Sleep, Timestamp};
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use crate::circuit_breaker::SharedPermits;
use crate::http_connection::HttpConnection;
use crate::limits::{ANSWER_TIMEOUT, MAX_RESPONSE_BODY_BYTES, MAX_RETRY_AFTER, QUEUE_TIMEOUT};
use crate::server_state::ServerState;
use crate::{Connector, WebhookError, metrics};

/// Who calls.
const OUR_NAME: HeaderValue = HeaderValue::from_static(concat!("bulla-webhook/", env!("CARGO_PKG_VERSION")));

/// Calls web servers, and does not wait for them for ever.
#[derive(Debug)]
pub(crate) struct WebhookClient {
    connector: Connector,
    clock: Arc<dyn Clock>,
    shared: SharedPermits,
}

/// What a web server answered.
#[derive(Debug)]
pub(crate) struct WebhookResponse {
    pub(crate) status: StatusCode,
    /// How long it asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The body, if it came in time and was not too long.
    pub(crate) body: Option<Bytes>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Update,
    Handshake,
}

impl WebhookClient {
    pub(crate) fn new(connector: Connector, clock: Arc<dyn Clock>) -> Self {
        Self { connector, clock, shared: SharedPermits::new() }
    }

    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Makes one call when it is its turn. From then on its time covers everything to the last byte of the
    /// answer's body; a body that is late or too long is left out of the answer, because the status alone
    /// already says what became of the call.
    pub(crate) async fn call(
        &self,
        server: &ServerState,
        purpose: Purpose,
        mut request: Request<Full<Bytes>>,
    ) -> Result<WebhookResponse, WebhookError> {
        // Ours to set: a connection of hyper's sends what it is given, and adds no `Host`.
        let host = HeaderValue::from_str(&server.origin.to_string()).map_err(WebhookError::broken)?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(USER_AGENT, OUR_NAME);
        let outcome = self.take_turn(server, purpose, request).await;
        let told = outcome.as_ref().map_or_else(WebhookError::reason, |_| "answered");
        ::metrics::counter!(metrics::CALLS, "kind" => purpose.name(), "outcome" => told).increment(1);
        outcome
    }

    async fn take_turn(
        &self,
        server: &ServerState,
        purpose: Purpose,
        request: Request<Full<Bytes>>,
    ) -> Result<WebhookResponse, WebhookError> {
        let turn = pin!(server.breaker.acquire(&self.shared));
        let permit = match select(turn, self.clock.sleep(QUEUE_TIMEOUT)).await {
            Either::Left((permit, _)) => permit.map_err(|_| WebhookError::StillSilent)?,
            Either::Right(_) => return Err(WebhookError::Busy { limit: QUEUE_TIMEOUT }),
        };
        let under_way = UnderWay::begin(purpose, &*self.clock);
        let outcome = self.exchange(server, request).await;
        under_way.end();
        // A caller that gives up drops the permit instead: that says nothing about the web server.
        server.breaker.release(permit, outcome.is_ok());
        outcome
    }

    async fn exchange(
        &self,
        server: &ServerState,
        request: Request<Full<Bytes>>,
    ) -> Result<WebhookResponse, WebhookError> {
        let mut used = None;
        let outcome = self.answer(server, request, &mut used).await;
        let whole = outcome.as_ref().is_ok_and(|response| response.body.is_some());
        match used {
            Some(connection) if whole => server.idle.put(connection, self.shared.idle(), &self.clock),
            // Closed before the turn ends, or there would be more connections than turns.
            Some(connection) => connection.close().await,
            None => {}
        }
        outcome
    }

    /// The answer to `request`, and in `used` the connection that it came or should have come on.
    async fn answer(
        &self,
        server: &ServerState,
        request: Request<Full<Bytes>>,
        used: &mut Option<HttpConnection>,
    ) -> Result<WebhookResponse, WebhookError> {
        let mut end = self.clock.sleep(ANSWER_TIMEOUT);
        let response = match select(pin!(self.ask(server, request, used)), &mut end).await {
            Either::Left((answered, _)) => answered?,
            Either::Right(_) => return Err(WebhookError::TooSlow { limit: ANSWER_TIMEOUT }),
        };
        let (status, retry_after) = (response.status(), retry_after(&response));
        // One end for head and body: a body that drips may not hold the turn for longer.
        Ok(WebhookResponse { status, retry_after, body: read(response, &mut end).await })
    }

    /// Sends `request`, on an unused connection if there is one. That it breaks may only mean that the web
    /// server had closed it before it saw the request; then there is one more try, on a new one.
    async fn ask(
        &self,
        server: &ServerState,
        request: Request<Full<Bytes>>,
        used: &mut Option<HttpConnection>,
    ) -> Result<Response<Incoming>, WebhookError> {
        if let Some(idle) = server.idle.take()
            // Should the server have seen it after all, it gets the update twice, as after an answer that
            // was lost: it knows it by its id.
            && let Ok(response) = used.insert(idle).send(request.clone()).await
        {
            return Ok(response);
        }
        // Before another is opened, or one call would hold two connections.
        if let Some(broken) = used.take() {
            broken.close().await;
        }
        let stream = self.connector.connect(&server.origin, &server.lookup, &*self.clock).await?;
        used.insert(HttpConnection::open(stream).await?).send(request).await
    }
}

/// The body of `response`, if it is whole before `end` and not too long.
async fn read(response: Response<Incoming>, end: &mut Sleep<'_>) -> Option<Bytes> {
    let body = pin!(Limited::new(response.into_body(), MAX_RESPONSE_BODY_BYTES).collect());
    match select(body, end).await {
        Either::Left((Ok(body), _)) => Some(body.to_bytes()),
        Either::Left((Err(_), _)) | Either::Right(_) => None,
    }
}

/// The seconds a web server that is busy asks for.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    // Others bear the header too, redirects for one, and do not ask for patience with it.
    let busy = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = response.headers().get(RETRY_AFTER).filter(|_| busy)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Handshake => "handshake",
        }
    }
}

/// A call that is counted among those under way until this is dropped.
struct UnderWay<'a> {
    purpose: Purpose,
    clock: &'a dyn Clock,
    since: Timestamp,
}

impl<'a> UnderWay<'a> {
    fn begin(purpose: Purpose, clock: &'a dyn Clock) -> Self {
        ::metrics::gauge!(metrics::IN_FLIGHT).increment(1.0);
        Self { purpose, clock, since: clock.now() }
    }

    /// Writes down how long it took. One that was given up by its caller is not written down.
    fn end(self) {
        let millis = self.clock.now().as_millis().saturating_sub(self.since.as_millis());
        let seconds = Duration::from_millis(millis).as_secs_f64();
        ::metrics::histogram!(metrics::CALL_SECONDS, "kind" => self.purpose.name()).record(seconds);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        ::metrics::gauge!(metrics::IN_FLIGHT).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, seconds: &str) -> Option<u64> {
        let response = Response::builder().status(status).header("retry-after", seconds).body(()).unwrap();
        retry_after(&response).map(|span| span.as_secs())
    }

    #[test]
    fn a_busy_server_is_left_alone_for_at_most_the_longest_time() {
        assert_eq!(asked(503, "3600"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(asked(429, "3601"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(asked(429, "7"), Some(7));
        for (status, text) in [(500, "7"), (503, "-7"), (503, "Fri, 31 Dec 1999 23:59:59 GMT"), (503, "")] {
            assert_eq!(asked(status, text), None);
        }
    }
}
