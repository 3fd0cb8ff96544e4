//! The one shape in which the API says no. Which code says what stands at [`GraphApi`](crate::GraphApi).

mod accept;

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::api::Trace;

/// Seconds after which a client is asked to try again.
const RETRY_AFTER_SECS: &str = "5";

/// An error as clients know it.
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    code: u32,
    subcode: Option<u32>,
    title: &'static str,
    details: Option<Cow<'static, str>>,
    /// Whether something the client said stands in the details.
    repeats: bool,
    again: bool,
}

impl Refusal {
    const fn new(status: StatusCode, code: u32, title: &'static str) -> Self {
        let (kind, subcode, details) = ("OAuthException", None, None);
        Self { status, kind, code, subcode, title, details, repeats: false, again: false }
    }

    fn because(mut self, details: impl Into<Cow<'static, str>>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// No token, or one that opens nothing.
    pub(crate) const fn token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 190, "The access token is missing or not valid")
    }

    /// The sending number is not there for this token. Whether it exists for another is not said.
    pub(crate) const fn number() -> Self {
        let mut refusal = Self::new(
            StatusCode::BAD_REQUEST,
            100,
            "There is no object with this id, or the token may not use it",
        );
        refusal.kind = "GraphMethodException";
        refusal.subcode = Some(33);
        refusal
    }

    /// Nothing stands at this path.
    pub(crate) fn path() -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, 100, "This path is not supported");
        refusal.kind = "GraphMethodException";
        refusal.because("only /{version}/{phone number id}/messages is there, with or without the version")
    }

    /// Something stands at this path, but not for this method.
    pub(crate) fn method() -> Self {
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, 100, "This method is not supported here");
        refusal.kind = "GraphMethodException";
        refusal.because("messages are sent with POST")
    }

    /// The request as a whole cannot be read.
    pub(crate) fn unreadable(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter").because(details)
    }

    /// The request's body is too long.
    pub(crate) fn too_long(limit: usize) -> Self {
        let details = format!("the request's body is longer than the {limit} bytes allowed");
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, ..Self::unreadable(details) }
    }

    /// The request's body did not arrive in time.
    pub(crate) fn too_slow(limit: std::time::Duration) -> Self {
        let details = format!("the request's body did not arrive within {} seconds", limit.as_secs());
        Self { status: StatusCode::REQUEST_TIMEOUT, ..Self::unreadable(details) }
    }

    /// A field has another JSON type than it should.
    pub(crate) fn mistyped(field: &str, expected: &str) -> Self {
        Self::unreadable(format!("{field} must be {expected}"))
    }

    /// A required field is missing.
    pub(crate) fn missing(field: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_008, "Required parameter is missing")
            .because(format!("{field} is missing"))
    }

    /// A field's value cannot be.
    pub(crate) fn value(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_009, "Parameter value is not valid")
            .because(format!("{field}: {why}"))
    }

    /// A message's type is not supported.
    pub(crate) fn kind_of_message(kind: &str) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, 131_051, "Unsupported message type");
        let details = format!("messages of type {kind} are not supported; text and reaction are");
        Self { repeats: true, ..refusal.because(details) }
    }

    /// Whether it is the relay's fault, and not the client's.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// The response, under the name `trace` by which the operator finds it again.
    pub(crate) fn into_response(self, trace: &Trace) -> Response<Body> {
        let Self { status, kind, code, subcode, title, details, repeats: _, again } = self;
        let envelope = Envelope {
            error: Inner {
                message: format!("(#{code}) {title}"),
                kind,
                code,
                error_subcode: subcode,
                error_data: details.as_deref().map(|details| Data { messaging_product: "whatsapp", details }),
                is_transient: again.then_some(true),
                fbtrace_id: trace.as_str(),
            },
        };
        // Only text and numbers stand in it, which always serialise.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if again {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECS));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl fmt::Debug for Refusal {
    /// For the log: nothing a client said stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, kind: _, code, subcode, title, details, repeats, again: _ } = self;
        let details = details.as_deref().filter(|_| !repeats);
        write!(f, "Refusal({}, {code}, {subcode:?}, {title:?}, {details:?})", status.as_u16())
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    code: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_subcode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_transient: Option<bool>,
    fbtrace_id: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    messaging_product: &'static str,
    details: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_said_is_answered_and_not_logged() {
        let refusal = Refusal::kind_of_message("a secret");
        assert_eq!(format!("{refusal:?}"), r#"Refusal(400, 131051, None, "Unsupported message type", None)"#);
        assert!(refusal.details.is_some_and(|details| details.contains("a secret")));
        let logged = format!("{:?}", Refusal::missing("to"));
        assert!(logged.ends_with(r#"Some("to is missing"))"#), "{logged}");
    }
}
