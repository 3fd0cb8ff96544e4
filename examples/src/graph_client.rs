//! A client of the Graph API, as short as one can be.

use std::net::SocketAddr;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use bulla::base::PhoneNumberId;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::exit_error::ExitError;

/// Speaks for one business number over HTTP.
#[derive(Debug, Clone)]
pub struct GraphClient {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: String,
}

impl GraphClient {
    /// A client of the API at `api`, for the number `business`, which `token` opens.
    #[must_use]
    pub fn new(api: SocketAddr, business: PhoneNumberId, token: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url: format!("http://{api}/v26.0/{business}/messages"),
            token: token.to_owned(),
        }
    }

    /// Sends `text` to the user `to`, as an answer to `context` if there is one, and returns the message's
    /// id.
    ///
    /// # Errors
    /// When it was not accepted, or it is not known whether it was. With a `key`, the same call may be made
    /// again.
    pub async fn say(
        &self,
        to: &str,
        text: &str,
        context: Option<&str>,
        key: Option<&str>,
    ) -> Result<String, ExitError> {
        let context = context.map(|id| json!({ "message_id": id }));
        let text = json!({ "body": text });
        let (_, answer) = self.post(&json!({ "to": to, "text": text, "context": context }), key).await?;
        id(&answer)
    }

    /// Puts `emoji` on a message of the user `to`, and returns the reaction's id.
    ///
    /// # Errors
    /// As when something is said.
    pub async fn react(&self, to: &str, message: &str, emoji: &str) -> Result<String, ExitError> {
        let reaction = json!({ "message_id": message, "emoji": emoji });
        let body = json!({ "to": to, "type": "reaction", "reaction": reaction });
        let (_, answer) = self.post(&body, None).await?;
        id(&answer)
    }

    /// Marks a user's message as read.
    ///
    /// # Errors
    /// When it was not.
    pub async fn mark_read(&self, message: &str) -> Result<(), ExitError> {
        self.post(&json!({ "status": "read", "message_id": message }), None).await?;
        Ok(())
    }

    /// Posts `body` and returns the answer's.
    async fn post(&self, body: &Value, key: Option<&str>) -> Result<(StatusCode, Value), ExitError> {
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("messaging_product".into(), "whatsapp".into());
        }
        let request = Request::post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json");
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let request = request.body(Full::new(Bytes::from(body.to_string())));
        let request = request.map_err(ExitError::because("the request cannot be made"))?;
        let response = self.http.request(request).await;
        let response = response.map_err(ExitError::because("the Graph API cannot be reached"))?;
        let status = response.status();
        let answer = response.into_body().collect().await;
        let answer = answer.map_err(ExitError::because("the Graph API's answer broke off"))?.to_bytes();
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(ExitError::because("the Graph API's answer is no JSON"))?;
        if status != StatusCode::OK {
            return Err(ExitError::new(format!("the Graph API answered {status} {answer}")));
        }
        Ok((status, answer))
    }
}

fn id(answer: &Value) -> Result<String, ExitError> {
    let id = answer.pointer("/messages/0/id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| ExitError::new(format!("the Graph API's answer names no id: {answer}")))
}
