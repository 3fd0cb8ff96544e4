//! Several requests in one: `POST /` with a `batch`, and `GET /` with `ids`.

use std::pin::Pin;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request as HttpRequest};
use serde_json::{Map, Value, json};
use tracing::Span;
use zeroize::Zeroizing;

use super::body::Incoming;
use super::folded_json;
use super::parameters::Parameters;
use super::request_headers::{IDEMPOTENCY_KEY, query, token};
use super::{GraphApi, Reply, TraceId};
use crate::api_error::ApiError;
use crate::limits::{MAX_BATCH, MAX_BATCH_REPLY_BYTES, MAX_PARAMETERS_BYTES};
use crate::{Grant, RelayApi, Scope, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Answers what is asked of no object in particular.
    pub(super) async fn root(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (grant, trace): (&Grant, Option<&TraceId>),
        span: &Span,
    ) -> Result<Value, ApiError> {
        // A batch has no batch in it, and no list of objects, each of which would multiply the other.
        let trace = trace.ok_or_else(ApiError::path)?;
        match head.method {
            Method::GET => self.by_ids(head, body, grant, span).await,
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let requests = said.list("batch")?.ok_or_else(ApiError::path)?;
                if requests.len() > MAX_BATCH {
                    return Err(ApiError::long("batch", "requests", requests.len(), MAX_BATCH));
                }
                let (mut replies, mut reply_bytes) = (Vec::with_capacity(requests.len()), 0);
                // One after the other: a later one may be about what an earlier one has made.
                for request in requests {
                    let outcome = match reply_bytes < MAX_BATCH_REPLY_BYTES {
                        true => self.part(head, request, span).await,
                        false => Err(ApiError::long_batch(MAX_BATCH_REPLY_BYTES)),
                    };
                    let (code, body) = match outcome {
                        Ok(reply) => (200, reply.to_string()),
                        Err(api_error) => api_error.into_part(trace),
                    };
                    reply_bytes = reply_bytes.saturating_add(body.len());
                    let headers = json!([{ "name": "Content-Type", "value": "application/json" }]);
                    replies.push(json!({ "code": code, "headers": headers, "body": body }));
                }
                Ok(Value::Array(replies))
            }
            _ => Err(ApiError::path()),
        }
    }

    /// Several objects, by their ids.
    async fn by_ids(
        &self,
        head: &Parts,
        body: &mut Incoming,
        grant: &Grant,
        span: &Span,
    ) -> Result<Value, ApiError> {
        // As of one of them.
        if !grant.has(Scope::Management) {
            return Err(ApiError::permission());
        }
        let ids = query(head, "ids").filter(|ids| !ids.is_empty()).ok_or_else(ApiError::path)?;
        let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        if ids.len() > MAX_BATCH {
            return Err(ApiError::long("ids", "ids", ids.len(), MAX_BATCH));
        }
        let mut objects = Map::new();
        for id in ids {
            let object = Box::pin(self.node(head, body, (grant, id), span)).await?;
            objects.insert(id.to_owned(), object);
        }
        Ok(Value::Object(objects))
    }

    /// Carries out one request of a batch, with the token of the whole or its own.
    ///
    /// In a box of a known type: it calls what it is called from.
    fn part<'a>(
        &'a self,
        head: &'a Parts,
        request: Value,
        span: &'a Span,
    ) -> Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send + 'a>> {
        Box::pin(async move { self.carry_out_part(head, request, span).await })
    }

    async fn carry_out_part(&self, head: &Parts, request: Value, span: &Span) -> Result<Value, ApiError> {
        let request = Parameters::of(request);
        let method = request.required("method", 8)?.to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_| ApiError::one_of("method", "DELETE, GET, POST"))?;
        let target = request.required("relative_url", MAX_PARAMETERS_BYTES)?;
        let target = format!("/{}", target.trim_start_matches('/'));
        let body = match request.text("body", MAX_PARAMETERS_BYTES)? {
            Some(form) if !form.is_empty() && !form.trim_start().starts_with('{') => {
                folded_json::of_form(form.as_bytes())
            }
            Some(json) => json.into_bytes(),
            None => Vec::new(),
        };
        let mut part = HttpRequest::new(());
        *part.method_mut() = method;
        *part.uri_mut() = target.parse().map_err(|_| ApiError::value("relative_url", "it is no path"))?;
        // How the client has reached us, which addresses in answers are made of.
        *part.extensions_mut() = head.extensions.clone();
        *part.version_mut() = head.version;
        *part.headers_mut() = headers_of(head, body.len())?;
        let (mut part, ()) = part.into_parts();
        // A token of its own counts before that of the whole.
        if query(&part, "access_token").is_some() {
            part.headers.remove(AUTHORIZATION);
        }
        let mut body = Incoming::new(&part.headers, Body::from(body));
        match self.carry_out(&part, &mut body, (None, span)).await? {
            Reply::Json(reply) => Ok(reply),
            Reply::Content(_) => Err(ApiError::value("relative_url", "files are not given in a batch")),
        }
    }
}

/// The headers of a part whose body has `body_bytes`: those of the whole that are not about its own body,
/// with its token, which may stand in its query.
fn headers_of(head: &Parts, body_bytes: usize) -> Result<HeaderMap, ApiError> {
    let mut headers = head.headers.clone();
    // By one key for all, the second part would be another message under the key of the first.
    for of_whole in [TRANSFER_ENCODING, EXPECT, IDEMPOTENCY_KEY] {
        headers.remove(of_whole);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body_bytes));
    // HTTP/2 has the host in the address, of which a part has but the path.
    if let Some(authority) = head.uri.authority().filter(|_| !headers.contains_key(HOST)) {
        headers.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| ApiError::host())?);
    }
    let token = token(head).ok_or_else(ApiError::token)?;
    let bearer = Zeroizing::new([&b"Bearer "[..], &*token].concat());
    let mut bearer = HeaderValue::from_bytes(&bearer).map_err(|_| ApiError::token())?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    Ok(headers)
}
