use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::serve::Listener;
use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;

/// What a receiver was sent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A business's web server on the loopback: writes down what it is sent, and answers as it is told.
pub(crate) struct Receiver {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Answer,
}

type Make = Arc<dyn Fn(&Seen) -> Response<Body> + Send + Sync>;
type Answer = Arc<Mutex<Make>>;

impl Receiver {
    /// A receiver that answers the handshake and takes every update.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self::on(listener, address)
    }

    /// The same on what `listener` accepts.
    pub(crate) fn on<L: Listener<Addr: std::fmt::Debug>>(listener: L, address: String) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer: Answer = Arc::new(Mutex::new(Arc::new(well_behaved)));
        let (seen_too, answer_too) = (seen.clone(), answer.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (seen_too.clone(), answer_too.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let now =
                    Seen { method: head.method, target: head.uri.to_string(), headers: head.headers, body };
                seen.lock().unwrap().push(now.clone());
                let make = answer.lock().unwrap().clone();
                make(&now)
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen, answer }
    }

    /// Answers like this from now on.
    pub(crate) fn answer(&self, make: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(make);
    }

    /// What was sent since last.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Seen {
    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

pub(crate) fn plain(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// Answers the handshake with the challenge if the token is [`crate::updates::VERIFY_TOKEN`], and takes every
/// update.
pub(crate) fn well_behaved(seen: &Seen) -> Response<Body> {
    match (&seen.method, seen.parameter("hub.verify_token"), seen.parameter("hub.challenge")) {
        (&Method::POST, ..) => plain(200, ""),
        (_, Some(token), Some(challenge)) if token == crate::updates::VERIFY_TOKEN => plain(200, challenge),
        _ => plain(403, ""),
    }
}
