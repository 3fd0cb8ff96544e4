//! A business's web server that receives webhooks: it answers the handshake, checks signatures and hands on
//! what it is told.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use bulla::webhook::signature;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::exit_error::ExitError;

/// More than any update has.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What a business is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// A user has written.
    Text {
        /// The message.
        id: String,
        /// The user's number.
        from: String,
        /// What was written.
        body: String,
        /// The message it answers.
        context: Option<String>,
    },
    /// A user has put an emoji on a message.
    Reaction {
        /// The user's number.
        from: String,
        /// The message reacted to.
        to: String,
        /// The emoji.
        emoji: Option<String>,
    },
    /// A message of the business has come further.
    Status {
        /// The message.
        id: String,
        /// How far: `sent`, `delivered`, `read` or `failed`.
        status: String,
        /// The user it went to.
        to: String,
    },
}

/// A web server that receives a business's updates. It serves until the runtime ends.
#[derive(Debug)]
pub struct WebhookReceiver {
    address: SocketAddr,
    handler: Arc<Handler>,
}

/// What answers the requests.
#[derive(Debug)]
struct Handler {
    verify_token: String,
    app_secret: String,
    updates: mpsc::UnboundedSender<Update>,
    accepting: watch::Sender<bool>,
    rejected: watch::Sender<u64>,
}

impl WebhookReceiver {
    /// Starts a server on a free port of this machine. Updates come out at the other end, in the order in
    /// which they were taken.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub async fn start(
        verify_token: &str,
        app_secret: &str,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Update>), ExitError> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(ExitError::because("the webhook cannot listen"))?;
        let address = listener.local_addr().map_err(ExitError::because("the webhook has no address"))?;
        let (updates, taken) = mpsc::unbounded_channel();
        let handler = Arc::new(Handler {
            verify_token: verify_token.to_owned(),
            app_secret: app_secret.to_owned(),
            updates,
            accepting: watch::Sender::new(true),
            rejected: watch::Sender::new(0),
        });
        let shared = handler.clone();
        let router = Router::new().fallback(move |request: Request| {
            let handler = shared.clone();
            async move { handler.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((Self { address, handler }, taken))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// Takes updates, or turns them away with a 503. It starts by taking them.
    pub fn set_accepting(&self, accepting: bool) {
        self.handler.accepting.send_replace(accepting);
    }

    /// Waits until an update has been turned away, now or before.
    pub async fn has_rejected(&self) {
        // The sender is in our own handler: it cannot be gone.
        let _ = self.handler.rejected.subscribe().wait_for(|count| *count > 0).await;
    }
}

impl Handler {
    async fn answer(&self, request: Request) -> (StatusCode, String) {
        let refused = |status: StatusCode| (status, String::new());
        let (head, body) = request.into_parts();
        if head.method == Method::GET {
            return match self.challenge(head.uri.query().unwrap_or_default()) {
                Some(challenge) => (StatusCode::OK, challenge),
                None => refused(StatusCode::FORBIDDEN),
            };
        }
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            return refused(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let signature = head.headers.get(signature::HEADER).and_then(|value| value.to_str().ok());
        if !signature.is_some_and(|value| signature::verify(self.app_secret.as_bytes(), &body, value)) {
            return refused(StatusCode::UNAUTHORIZED);
        }
        if !*self.accepting.borrow() {
            self.rejected.send_modify(|count| *count += 1);
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        let update = serde_json::from_slice(&body).ok().and_then(|body: Value| read(&body));
        match update.map(|update| self.updates.send(update)) {
            Some(Ok(())) => refused(StatusCode::OK),
            Some(Err(_)) => refused(StatusCode::SERVICE_UNAVAILABLE),
            None => refused(StatusCode::BAD_REQUEST),
        }
    }

    /// The challenge to answer with, when the one who asks knows the verify token.
    fn challenge(&self, query: &str) -> Option<String> {
        let field = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        (field("hub.verify_token")? == self.verify_token).then(|| field("hub.challenge"))?.map(String::from)
    }
}

fn read(body: &Value) -> Option<Update> {
    let value = body.pointer("/entry/0/changes/0/value")?;
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if let Some(status) = text("/statuses/0/status") {
        return Some(Update::Status {
            id: text("/statuses/0/id")?,
            status,
            to: text("/statuses/0/recipient_id")?,
        });
    }
    let from = text("/messages/0/from")?;
    match text("/messages/0/type")?.as_str() {
        "text" => Some(Update::Text {
            id: text("/messages/0/id")?,
            from,
            body: text("/messages/0/text/body")?,
            context: text("/messages/0/context/id"),
        }),
        "reaction" => Some(Update::Reaction {
            from,
            to: text("/messages/0/reaction/message_id")?,
            emoji: text("/messages/0/reaction/emoji"),
        }),
        _ => None,
    }
}
