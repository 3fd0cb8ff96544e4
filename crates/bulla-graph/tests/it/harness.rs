//! The API over a recording relay, and a client that reads its answers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bulla_base::{Clock, ManualClock, SeededRng};
use bulla_graph::{GraphApi, RelayApi, Settings, Tokens};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::fake_relay::{Codes, NUMBER, OTHER_NUMBER, RecordingRelay};

pub(crate) const TOKEN: &str = "EAATESTTOKEN";

/// The API over a recording relay. [`TOKEN`] may use [`NUMBER`], and another token [`OTHER_NUMBER`].
pub(crate) struct Bench {
    pub(crate) relay: Arc<RecordingRelay>,
    pub(crate) api: GraphApi<Arc<RecordingRelay>>,
    pub(crate) codes: Arc<Codes>,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_clock(Arc::new(ManualClock::default()))
    }

    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let relay = Arc::new(RecordingRelay::default());
        let codes = Arc::<Codes>::default();
        Self { api: api(relay.clone(), clock).number_codes(Arc::clone(&codes)), relay, codes }
    }

    /// The same with other settings.
    pub(crate) fn settings(self, settings: Settings) -> Self {
        Self { api: self.api.settings(settings), ..self }
    }

    /// Makes a request.
    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.api.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: head.status, headers: head.headers, json }
    }

    /// Asks for `path` by `method`, with `body` as JSON, or nothing.
    pub(crate) async fn ask(&self, method: &str, path: impl AsRef<str>, body: Value) -> Reply {
        let request = Request::builder().method(method).uri(path.as_ref());
        let request =
            request.header("authorization", format!("Bearer {TOKEN}")).header("host", "relay.example");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.call(request.body(body).unwrap()).await
    }

    /// Posts `body` to the messages of [`NUMBER`].
    pub(crate) async fn post(&self, body: impl Into<Body>) -> Reply {
        self.call(messages().body(body.into()).unwrap()).await
    }

    /// Posts `body` and expects the error `code`, with nothing asked of the relay. Gives the details.
    pub(crate) async fn refused(&self, body: impl Into<Body>, code: u64) -> String {
        let reply = self.post(body).await;
        assert_eq!(reply.code(), code, "{}", reply.json);
        assert_eq!(self.relay.take(), [], "something was asked of the relay");
        reply.details().to_owned()
    }
}

impl Reply {
    /// The error's code, of an answer that must be an error in the one shape.
    pub(crate) fn code(&self) -> u64 {
        let error = self.json["error"].as_object().unwrap_or_else(|| panic!("not an error: {self:?}"));
        assert!(self.status.as_u16() >= 400, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.json.as_object().unwrap().len(), 1, "{}", self.json);
        let known = ["message", "type", "code", "error_subcode", "error_data", "is_transient", "fbtrace_id"];
        assert!(error.keys().all(|key| known.contains(&key.as_str())), "{error:?}");
        let code = error["code"].as_u64().unwrap();
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("(#{code}) ")) && message.len() > 12, "{message}");
        assert!(["OAuthException", "GraphMethodException"].contains(&error["type"].as_str().unwrap()));
        assert!(error["fbtrace_id"].as_str().unwrap().starts_with('A'));
        assert_eq!(self.headers["x-fb-trace-id"], error["fbtrace_id"].as_str().unwrap());
        if let Some(data) = error.get("error_data") {
            assert_eq!(data["messaging_product"], "whatsapp");
            assert!(!data["details"].as_str().unwrap().is_empty());
        }
        code
    }

    /// The error's details.
    pub(crate) fn details(&self) -> &str {
        self.json["error"]["error_data"]["details"].as_str().unwrap_or_default()
    }
}

/// The API over `relay`. [`TOKEN`] may use [`NUMBER`], another token [`OTHER_NUMBER`], and a third both.
pub(crate) fn api<D: RelayApi>(relay: Arc<D>, clock: Arc<dyn Clock>) -> GraphApi<Arc<D>> {
    GraphApi::new(relay, tokens(), clock, Arc::new(SeededRng::new(1)))
}

/// The tokens of [`api`].
pub(crate) fn tokens() -> Tokens {
    let tokens = Tokens::new(&SeededRng::new(2));
    tokens.grant(TOKEN, [NUMBER]).unwrap();
    tokens.grant("another", [OTHER_NUMBER]).unwrap();
    tokens.grant("both", [NUMBER, OTHER_NUMBER]).unwrap();
    tokens
}

/// A request to the messages of [`NUMBER`], still without a body.
pub(crate) fn messages() -> axum::http::request::Builder {
    Request::post(format!("/v23.0/{NUMBER}/messages"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
}
