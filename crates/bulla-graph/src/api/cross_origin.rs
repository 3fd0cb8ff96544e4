//! Requests from web pages: which of them may read the answers in a browser, as the Fetch standard (§ 3.2,
//! "CORS protocol") asks.
//!
//! Nothing here is allowed to cookies and the like: a page has the token, or it has nothing.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::limits::PREFLIGHT_LIFE;

/// The methods that something here is answered by.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");

/// The fields of a request that are read here.
const REQUEST_FIELDS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, File_Offset");

/// The fields of an answer that clients read beside those that every page may.
const ANSWER_FIELDS: HeaderValue = HeaderValue::from_static("Retry-After, X-FB-Trace-ID");

/// The origins whose pages may call the API from a browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedOrigins {
    origins: Vec<String>,
    is_any: bool,
}

/// What a request has to do with pages of another origin.
#[derive(Debug)]
pub(crate) enum Crossing {
    /// Nothing, or its page is not allowed: browsers keep the answer from it.
    None,
    /// It is of a page that may read the answer.
    Request(HeaderValue),
    /// A browser asks whether such a page may make a request.
    Preflight(HeaderValue),
}

impl AllowedOrigins {
    /// These, as browsers write them; `*` is every one.
    pub(crate) fn new(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let written = |origin: String| origin.trim_end_matches('/').to_ascii_lowercase();
        let origins: Vec<String> = origins.into_iter().map(|origin| written(origin.into())).collect();
        Self { is_any: origins.iter().any(|origin| origin == "*"), origins }
    }

    /// What a request with this method and these fields has to do with them.
    pub(crate) fn crossing(&self, method: &Method, fields: &HeaderMap) -> Crossing {
        let Some(allowed) = self.allowed(fields) else { return Crossing::None };
        if method == Method::OPTIONS && fields.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            Crossing::Preflight(allowed)
        } else {
            Crossing::Request(allowed)
        }
    }

    /// Says in an answer who may read it.
    pub(crate) fn mark(&self, crossing: &Crossing, response: &mut Response<Body>) {
        let fields = response.headers_mut();
        if let Crossing::Request(allowed) | Crossing::Preflight(allowed) = crossing {
            fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
        }
        if matches!(crossing, Crossing::Request(_)) {
            fields.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_FIELDS);
        }
        // A cache must not hand the answer for one origin, or for none, to another.
        if !self.is_any && !self.origins.is_empty() {
            fields.append(VARY, HeaderValue::from_static("origin"));
        }
    }

    /// Whom an answer may be read by, if that is the page that asks. `null` is many pages at once, and so
    /// none of those that are named.
    fn allowed(&self, fields: &HeaderMap) -> Option<HeaderValue> {
        let mut given = fields.get_all(ORIGIN).iter();
        let (Some(origin), None) = (given.next(), given.next()) else { return None };
        if self.is_any {
            return Some(HeaderValue::from_static("*"));
        }
        let is_named = origin != "null" && self.origins.iter().any(|allowed| origin == allowed.as_str());
        is_named.then(|| origin.clone())
    }
}

/// What a browser is told that asks: the same of every path, for it has shown no token.
pub(crate) fn permission() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let fields = response.headers_mut();
    fields.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    fields.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_FIELDS);
    fields.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_LIFE.as_secs().into());
    response
}
