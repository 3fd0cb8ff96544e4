//! The one shape in which the API says no. Which code says what stands at [`GraphApi`](crate::GraphApi).

mod management;
mod methods;
mod submit;
mod template;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

pub(crate) use self::methods::Methods;
use crate::api::TraceId;

/// An error as clients know it.
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: u32,
    subcode: Option<u32>,
    title: Cow<'static, str>,
    details: Option<Cow<'static, str>>,
    /// Whether the details repeat a business's own words: they are for the client alone.
    is_quoting: bool,
    /// What it is counted as.
    reason: &'static str,
    /// After how long the client is asked to try again, if at all.
    again: Option<Duration>,
    /// With what it is to be called instead.
    allow: Option<Methods>,
}

impl ApiError {
    const fn new(status: StatusCode, code: u32, title: &'static str) -> Self {
        let (kind, subcode, details) = ("OAuthException", None, None);
        let reason = match code {
            190 => "token",
            10 => "permission",
            1 | 15 | 101 => "app",
            2200 => "callback",
            100 => "parameter",
            131_000 => "failed",
            131_009 => "value",
            131_016 => "unavailable",
            131_021 => "own number",
            131_026 | 139_100..=139_103 => "blocked",
            133_000..=133_020 => "registration",
            139_000..=139_004 => "flow",
            131_051 => "type",
            131_052 | 131_053 => "media",
            130_429 => "throughput",
            131_047 => "window closed",
            131_048 => "messaging limit",
            131_056 => "pair rate",
            131_008 | 132_000 | 132_001 | 132_005 | 132_012 | 132_015 | 132_016 => "template",
            _ => "other",
        };
        Self {
            status,
            kind,
            code,
            subcode,
            title: Cow::Borrowed(title),
            details,
            is_quoting: false,
            reason,
            again: None,
            allow: None,
        }
    }

    /// No token, or one that opens nothing.
    pub(crate) const fn token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 190, "The access token is missing or not valid")
    }

    /// The token has opened something, and does no more.
    pub(crate) const fn expired() -> Self {
        let mut api_error = Self::new(StatusCode::UNAUTHORIZED, 190, "The access token has expired");
        api_error.subcode = Some(463);
        api_error
    }

    /// The token is not for that.
    pub(crate) fn permission() -> Self {
        Self::new(StatusCode::FORBIDDEN, 10, "Application does not have permission for this action")
            .because("the token has not the scope that this needs")
    }

    /// It is not shown, or wrongly, that the client knows the app's secret.
    pub(crate) fn proof() -> Self {
        Self::parameter("Invalid appsecret_proof provided in the API argument".into()).because(
            "appsecret_proof: the HMAC-SHA-256 of the token under the app's secret, in hexadecimal digits",
        )
    }

    /// The sending number is not there for this token. Whether it exists for another is not said.
    pub(crate) const fn number() -> Self {
        let mut api_error = Self::new(
            StatusCode::BAD_REQUEST,
            100,
            "There is no object with this id, or the token may not use it",
        );
        api_error.kind = "GraphMethodException";
        api_error.reason = "number";
        api_error.subcode = Some(33);
        api_error
    }

    /// Nothing stands at this path.
    pub(crate) fn path() -> Self {
        let mut api_error = Self::new(StatusCode::BAD_REQUEST, 100, "This path is not supported");
        api_error.kind = "GraphMethodException";
        api_error.reason = "path";
        api_error.because("the documentation of the API lists the paths that are there")
    }

    /// Something stands at this path, but not for this method.
    pub(crate) fn method(allow: Methods) -> Self {
        let mut api_error =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, 100, "This method is not supported here");
        api_error.kind = "GraphMethodException";
        api_error.reason = "path";
        api_error.allow = Some(allow);
        api_error.because(format!("it is called with {}", allow.names()))
    }

    /// Nothing is kept under the name of media, or not any more.
    pub(crate) fn gone() -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::number() }
    }

    /// A file is not what it is said to be, or too large.
    pub(crate) fn media(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_053, "Media upload error").because(details)
    }

    /// What a user has attached is not to be had (any more).
    pub(crate) fn not_fetched() -> Self {
        Self::new(StatusCode::NOT_FOUND, 131_052, "Media download error").because(
            "the carrier does not have what came with the message any more, or it is not what the message \
             tells of; ask the user to send it again",
        )
    }

    /// The id in `field` names no media.
    pub(crate) fn unknown_media(field: &str) -> Self {
        Self::value(field, "it names no media of this number, or media whose time is over")
    }

    /// The request as a whole cannot be read.
    pub(crate) fn unreadable(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter").because(details)
    }

    /// The request's body is too long.
    pub(crate) fn too_long(limit: usize) -> Self {
        let details = format!("the request's body is longer than the {limit} bytes allowed");
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, reason: "too long", ..Self::unreadable(details) }
    }

    /// The request's body did not arrive in time.
    pub(crate) fn too_slow(limit: std::time::Duration) -> Self {
        let details = format!("the request's body did not arrive within {} seconds", limit.as_secs());
        Self { status: StatusCode::REQUEST_TIMEOUT, reason: "too slow", ..Self::unreadable(details) }
    }

    /// As many requests as may be are under way.
    pub(crate) fn busy() -> Self {
        let api_error = Self::unavailable("as many requests as may be are under way; send this one again");
        Self { reason: "busy", ..api_error }
    }

    /// An HTTP/1.1 request has not exactly one `Host`.
    pub(crate) fn host() -> Self {
        Self::unreadable("an HTTP/1.1 request must have one Host")
    }

    /// A field has another JSON type than it should.
    pub(crate) fn mistyped(field: &'static str, expected: &str) -> Self {
        Self::parameter(format!("Param {} must be {expected}.", Parameter(field)))
            .because(format!("{field} must be {expected}"))
    }

    /// A required field is missing or empty.
    pub(crate) fn missing(field: &'static str) -> Self {
        Self::parameter(format!("The parameter {} is required.", Parameter(field)))
            .because(format!("{field} is missing"))
    }

    /// A field is none of the words it can be.
    pub(crate) fn one_of(field: &'static str, words: &'static str) -> Self {
        Self::parameter(format!("Param {} must be one of {{{words}}}.", Parameter(field)))
            .because(format!("{field}: it must be one of {words}"))
    }

    /// `field` has `actual` `unit`, more than `limit`.
    pub(crate) fn long(field: &'static str, unit: &str, actual: usize, limit: usize) -> Self {
        Self::parameter(format!("Param {} must be at most {limit} {unit} long.", Parameter(field)))
            .because(format!("{field}: it has {actual} {unit}, more than the {limit} allowed"))
    }

    /// The recipient is the sender.
    pub(crate) fn own_number() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_021, "Recipient cannot be sender")
            .because("to: it is the number of the business itself")
    }

    /// There is no such type of message.
    pub(crate) fn unknown_type() -> Self {
        Self::one_of(
            "type",
            "AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO",
        )
    }

    /// There is such a message, but not here.
    pub(crate) fn unsupported(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_051, "Unsupported message type").because(details)
    }

    /// A field's value is well formed and cannot be.
    pub(crate) fn value(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_009, "Parameter value is not valid")
            .because(format!("{field}: {why}"))
    }

    fn because(mut self, details: impl Into<Cow<'static, str>>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Adds what a business itself has said once.
    fn quoting(mut self, words: &str) -> Self {
        self.is_quoting = true;
        let details = self.details.take().unwrap_or_default();
        self.because(format!("{details}; {words}"))
    }

    fn parameter(title: String) -> Self {
        Self { title: title.into(), ..Self::new(StatusCode::BAD_REQUEST, 100, "") }
    }

    /// Whether it is the relay's fault, and not the client's.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// What it is counted as: one of few words.
    pub(crate) const fn reason(&self) -> &'static str {
        self.reason
    }

    /// What tells it from others of its reason, without anything a client said.
    pub(crate) const fn cause(&self) -> &'static str {
        match &self.details {
            Some(Cow::Borrowed(details)) => details,
            _ => self.reason,
        }
    }

    /// It as the answer to a part of a batch: its status and its body.
    pub(crate) fn into_part(self, trace: &TraceId) -> (u16, String) {
        (self.status.as_u16(), String::from_utf8_lossy(&self.envelope(trace)).into_owned())
    }

    fn envelope(&self, trace: &TraceId) -> Vec<u8> {
        let envelope = Envelope {
            error: Inner {
                message: format!("(#{}) {}", self.code, self.title),
                kind: self.kind,
                code: self.code,
                error_subcode: self.subcode,
                error_data: self
                    .details
                    .as_deref()
                    .map(|details| Data { messaging_product: "whatsapp", details }),
                is_transient: self.again.map(|_| true),
                fbtrace_id: trace.as_str(),
            },
        };
        // Only text and numbers stand in it, which always serialise.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// The response, under the name `trace` by which the operator finds it again.
    pub(crate) fn into_response(self, trace: &TraceId) -> Response<Body> {
        let body = self.envelope(trace);
        let Self { status, again, allow, .. } = self;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(again) = again {
            // Whole seconds, and none too few.
            let seconds = again.as_millis().div_ceil(1000).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        if let Some(allow) = allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow.names()));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl fmt::Debug for ApiError {
    /// For the log: nothing a client said stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            kind: _,
            code,
            subcode,
            title,
            details,
            is_quoting,
            reason: _,
            again: _,
            allow: _,
        } = self;
        let details = details.as_ref().filter(|_| !is_quoting);
        write!(f, "ApiError({}, {code}, {subcode:?}, {title:?}, {details:?})", status.as_u16())
    }
}

/// A field as the original's errors write it: `text['body']` for what we call `text.body`.
struct Parameter(&'static str);

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('.') {
            Some((object, field)) => write!(f, "{object}['{field}']"),
            None => f.write_str(self.0),
        }
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
    use bulla_relay::{Rule, SubmitError};

    use super::*;

    #[test]
    fn a_refusal_names_field_and_limit_as_the_original_does() {
        for (api_error, title, details) in [
            (ApiError::missing("to"), "The parameter to is required.", "to is missing"),
            (
                ApiError::long("text.body", "characters", 4097, 4096),
                "Param text['body'] must be at most 4096 characters long.",
                "text.body: it has 4097 characters, more than the 4096 allowed",
            ),
            (
                ApiError::mistyped("text.body", "a string"),
                "Param text['body'] must be a string.",
                "text.body must be a string",
            ),
        ] {
            assert_eq!(
                format!("{api_error:?}"),
                format!("ApiError(400, 100, None, {title:?}, Some({details:?}))")
            );
        }
    }

    /// Counters tell refusals apart by it.
    #[test]
    fn reasons_tell_refusals_apart() {
        let limit = std::time::Duration::from_secs(1);
        for (api_error, reason) in [
            (ApiError::busy(), "busy"),
            (ApiError::too_slow(limit), "too slow"),
            (ApiError::too_long(1), "too long"),
            (ApiError::number(), "number"),
            (ApiError::path(), "path"),
            (SubmitError::Busy { limit: 1 }.into(), "busy"),
            (SubmitError::KeyReused { field: "tracking" }.into(), "key reused"),
            (SubmitError::WindowClosed.into(), "window closed"),
            (SubmitError::Limited { rule: Rule::PairRate, wait: limit }.into(), "pair rate"),
            (SubmitError::Limited { rule: Rule::MessagingLimit, wait: limit }.into(), "messaging limit"),
            (SubmitError::Limited { rule: Rule::Throughput, wait: limit }.into(), "throughput"),
            (SubmitError::Stopped.into(), "unavailable"),
            (SubmitError::Panicked.into(), "failed"),
        ] {
            assert_eq!(api_error.reason(), reason, "{api_error:?}");
        }
    }
}
