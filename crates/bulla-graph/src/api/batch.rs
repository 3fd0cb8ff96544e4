//! Several requests in one: `POST /` with a `batch`, and `GET /` with `ids`.

use std::pin::Pin;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request as HttpRequest};
use serde_json::{Map, Value, json};
use tracing::Span;

use super::body::Incoming;
use super::parameters::Parameters;
use super::request_headers::query;
use super::{GraphApi, Reply, TraceId};
use crate::api_error::ApiError;
use crate::limits::{MAX_BATCH, MAX_PARAMETERS_BYTES};
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
        match head.method {
            Method::GET => self.by_ids(head, body, grant, span).await,
            Method::POST => {
                // A batch has no batch in it.
                let trace = trace.ok_or_else(ApiError::path)?;
                let said = self.parameters(head, body).await?;
                let requests = said.list("batch")?.ok_or_else(ApiError::path)?;
                if requests.len() > MAX_BATCH {
                    return Err(ApiError::long("batch", "requests", requests.len(), MAX_BATCH));
                }
                let mut replies = Vec::with_capacity(requests.len());
                // One after the other: a later one may be about what an earlier one has made.
                for request in requests {
                    let (code, body) = match self.part(head, request, span).await {
                        Ok(reply) => (200, reply.to_string()),
                        Err(api_error) => api_error.into_part(trace),
                    };
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

    /// Carries out one request of a batch, with the token of the whole.
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
                json_of(&form).to_string()
            }
            Some(json) => json,
            None => String::new(),
        };
        let mut part = HttpRequest::new(());
        *part.method_mut() = method;
        *part.uri_mut() = target.parse().map_err(|_| ApiError::value("relative_url", "it is no path"))?;
        *part.headers_mut() = head.headers.clone();
        for of_whole in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            part.headers_mut().remove(of_whole);
        }
        part.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (mut part, ()) = part.into_parts();
        // The token may stand in the query of the whole.
        let token = query(head, "access_token").filter(|_| query(&part, "access_token").is_none());
        if let Some(token) = token {
            let token = HeaderValue::from_str(&format!("Bearer {token}"));
            part.headers.insert("authorization", token.map_err(|_| ApiError::token())?);
        }
        let mut body = Incoming::new(&part.headers, Body::from(body));
        match self.carry_out(&part, &mut body, (None, span)).await? {
            Reply::Json(reply) => Ok(reply),
            Reply::Content(_) => Err(ApiError::value("relative_url", "files are not given in a batch")),
        }
    }
}

/// A form as JSON: in a batch objects stand as JSON in the fields of a form.
fn json_of(form: &str) -> Value {
    let field = |value: &str| match serde_json::from_str(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_) | Value::Bool(_))) => value,
        _ => Value::String(value.to_owned()),
    };
    let pairs = form_urlencoded::parse(form.as_bytes());
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), field(&value))).collect())
}
