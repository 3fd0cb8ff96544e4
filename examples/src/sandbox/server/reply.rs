//! What the sandbox itself answers.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// An answer to a test.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    kind: &'static str,
    pub(super) body: String,
}

impl Reply {
    /// `body`.
    pub(super) fn json(body: &Value) -> Self {
        Self { status: StatusCode::OK, kind: "application/json", body: body.to_string() }
    }

    /// A page.
    pub(super) const fn page(body: String) -> Self {
        Self { status: StatusCode::OK, kind: "text/html; charset=utf-8", body }
    }

    /// Says `why` not.
    pub(super) fn error(status: StatusCode, why: &str) -> Self {
        Self { status, ..Self::json(&json!({ "error": why })) }
    }

    /// Says why what was asked cannot be.
    pub(super) fn refused(why: impl std::fmt::Display) -> Self {
        Self::error(StatusCode::BAD_REQUEST, &why.to_string())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        response
    }
}
