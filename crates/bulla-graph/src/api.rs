mod body;
mod credentials;
mod fields;
mod path;
mod request;
mod trace;

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Response};
use axum::serve::ListenerExt;
use bulla_base::{Clock, PhoneNumberId, Rng};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::path::Path;
use self::request::Request;
pub(crate) use self::trace::Trace;
use crate::refusal::Refusal;
use crate::{Desk, Tokens, wamid};

/// The Graph API over a [`Desk`], which is to say over a relay.
///
/// It answers `POST /{version}/{phone number id}/messages` (any version, or none), and everything else with an error as clients know it:
///
/// | code | said when | HTTP |
/// |---|---|---|
/// | 190 | no token, or one that opens nothing | 401 |
/// | 100, `GraphMethodException` | the path, the method or the sending number is not there for this token | 400, 405 |
/// | 100 | the request as a whole cannot be read, or a field has another JSON type than it should | 400, 408, 413 |
/// | 100 | the idempotency key belongs to another message | 409 |
/// | 131008 | a required field is missing | 400 |
/// | 131009 | a field is of the right type and its value cannot be: too long, not a number, no such message or user | 400 |
/// | 131051 | the message's type is not supported | 400 |
/// | 131000 | the relay failed: its disk, or itself | 500 |
/// | 131016 | the carrier cannot be reached, or this relay has been replaced or has stopped: try again | 503 |
///
/// The details name the field and the limit. Nothing was stored, counted or sent then, but for a disk that failed under way.
///
/// # Security
/// A request is authorised before its body is read. Nothing a client sends is logged.
///
/// # Limits
/// Bodies, tokens, nesting and the time a body may take are bounded by this crate's constants. Not here: TLS, a bound on connections, on
/// the time the head of a request may take, and on requests per second. Put a proxy with those in front of it, or `router` into a server
/// that has them.
pub struct GraphApi<D> {
    desk: Arc<D>,
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl<D: Desk> GraphApi<D> {
    /// The API over `desk`, which is a relay or an `Arc` of one, opened by `tokens`.
    #[must_use]
    pub fn new(desk: D, tokens: Tokens, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { desk: Arc::new(desk), tokens: Arc::new(tokens), clock, rng }
    }

    /// The API as a router, to be served by the host, alone or nested under a prefix. Whatever is under it is answered by the API, with an
    /// error where nothing stands.
    pub fn router(&self) -> Router {
        let api = self.clone();
        Router::new().fallback(move |request: HttpRequest| {
            let api = api.clone();
            async move { api.answer(request).await }
        })
    }

    /// Serves the API on `listener` until `end` is ready; requests under way are still answered.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve(
        &self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        // Answers are small and wait for nothing: without this they wait for the client's acknowledgement of the last one.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays without TCP_NODELAY");
            }
        });
        axum::serve(listener, self.router()).with_graceful_shutdown(end).await
    }

    async fn answer(&self, request: HttpRequest) -> Response<Body> {
        let trace = Trace::new(&*self.rng);
        let mut response = match self.carry_out(request, &trace).await {
            Ok(reply) => {
                let mut response = Response::new(Body::from(reply.to_string()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(refusal) => {
                tracing::debug!(trace = trace.as_str(), ?refusal, "a request was refused");
                refusal.into_response(&trace)
            }
        };
        response.headers_mut().insert("x-fb-trace-id", trace.header());
        response
    }

    async fn carry_out(&self, request: HttpRequest, trace: &Trace) -> Result<Value, Refusal> {
        let (head, body) = request.into_parts();
        let token = credentials::token(&head).ok_or_else(Refusal::token)?;
        let grant = self.tokens.find(&token).ok_or_else(Refusal::token)?;
        let Path::Messages(number) = Path::read(head.uri.path()).ok_or_else(Refusal::path)?;
        if head.method != Method::POST {
            return Err(Refusal::method());
        }
        let number = PhoneNumberId::parse(number)
            .ok()
            .filter(|number| grant.covers(*number) && self.desk.speaks_for(*number))
            .ok_or_else(Refusal::number)?;
        let once = credentials::idempotency_key(&head)?;
        let body = body::read(&head.headers, body, &*self.clock).await?;
        match Request::read(&body, once)? {
            Request::Send { contact, message } => {
                let handle = self.desk.accept(number, message).await.map_err(|error| logged(error, trace))?;
                Ok(json!({
                    "messaging_product": "whatsapp",
                    "contacts": [contact],
                    "messages": [{ "id": wamid::write(handle) }],
                }))
            }
            Request::MarkRead { message } => {
                self.desk.mark_read(number, message).await.map_err(|error| logged(error, trace))?;
                Ok(json!({ "success": true }))
            }
        }
    }
}

/// The refusal that `error` becomes, told to the operator when it is not the client's move.
fn logged<E: std::error::Error + Into<Refusal>>(error: E, trace: &Trace) -> Refusal {
    let chain = std::iter::successors(error.source(), |error| error.source());
    let message = chain.fold(error.to_string(), |message, cause| format!("{message}: {cause}"));
    let refusal: Refusal = error.into();
    if refusal.is_ours() {
        tracing::warn!(trace = trace.as_str(), error = message, "a request failed");
    }
    refusal
}

impl<D> Clone for GraphApi<D> {
    fn clone(&self) -> Self {
        let Self { desk, tokens, clock, rng } = self;
        Self { desk: desk.clone(), tokens: tokens.clone(), clock: clock.clone(), rng: rng.clone() }
    }
}

impl<D> fmt::Debug for GraphApi<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { desk: _, tokens, clock: _, rng: _ } = self;
        write!(f, "GraphApi({tokens:?})")
    }
}
