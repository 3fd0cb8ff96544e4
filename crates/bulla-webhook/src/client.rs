use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::Clock;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::WebhookError;
use crate::limits::{
    ANSWER_TIMEOUT, MAX_IDLE_CONNECTIONS, MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEAD_BYTES, MAX_RETRY_AFTER,
};

/// Calls web servers, and does not wait for them for ever.
pub(crate) struct WebhookClient {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    clock: Arc<dyn Clock>,
}

/// What a web server answered.
pub(crate) struct WebhookResponse {
    pub(crate) status: StatusCode,
    /// How long it asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The body, if it came in time and was not too long.
    pub(crate) body: Option<Bytes>,
}

impl WebhookClient {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Trying a second address while the first is slow would take a timer that is not ours.
        connector.set_happy_eyeballs_timeout(None);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_RESPONSE_HEAD_BYTES)
            .build(connector);
        Self { http, clock }
    }

    /// Makes one call. Its time covers everything from connecting to the last byte of the answer's body; a body that is late or too long is
    /// left out of the answer, because the status alone already says what became of the call.
    pub(crate) async fn call(&self, request: Request<Full<Bytes>>) -> Result<WebhookResponse, WebhookError> {
        let mut end = self.clock.sleep(ANSWER_TIMEOUT);
        let response = match select(self.http.request(request), &mut end).await {
            Either::Left((response, _)) => {
                response.map_err(|error| WebhookError::Unreachable(error.into()))?
            }
            Either::Right(_) => return Err(WebhookError::TooSlow { limit: ANSWER_TIMEOUT }),
        };
        let (status, retry_after) = (response.status(), retry_after(&response));
        let body = pin!(Limited::new(response.into_body(), MAX_RESPONSE_BODY_BYTES).collect());
        let body = match select(body, &mut end).await {
            Either::Left((Ok(body), _)) => Some(body.to_bytes()),
            Either::Left((Err(_), _)) | Either::Right(_) => None,
        };
        Ok(WebhookResponse { status, retry_after, body })
    }
}

/// The seconds a web server that is busy asks for.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let busy = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = response.headers().get(RETRY_AFTER).filter(|_| busy)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, seconds: &str) -> Option<u64> {
        let response = Response::builder().status(status).header("retry-after", seconds).body(()).unwrap();
        retry_after(&response).map(|span| span.as_secs())
    }

    #[test]
    fn a_busy_server_is_left_alone_for_at_most_the_longest_pause() {
        assert_eq!(asked(503, "3600"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(asked(429, "3601"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(asked(429, "7"), Some(7));
        for (status, text) in [(500, "7"), (503, "-7"), (503, "Fri, 31 Dec 1999 23:59:59 GMT"), (503, "")] {
            assert_eq!(asked(status, text), None);
        }
    }
}
