//! Requests to the Graph API.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use bulla::base::{Number, PhoneNumberId};
use bytes::Bytes;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::super::error_codes::ErrorCode;
use super::super::log::Kind;
use super::super::magic::{self, Course};
use super::super::world::World;
use super::{MAX_BODY_BYTES, Server, whole};

impl Server {
    /// Answers as the relay does, unless a magic number asks for something else.
    pub(super) async fn api(&self, head: Parts, body: Bytes) -> Response<Body> {
        let (_turn, world) = self.take_turn().await;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let n = world.log.begin(Kind::Request, head.method.as_str(), path, &body);
        let response = match ask_magic(&world, &head, &body).await {
            Some(response) => response,
            None => {
                let request = Request::from_parts(head, whole(body));
                // It cannot fail: what goes wrong is an answer.
                let Ok(response) = world.api.clone().oneshot(request).await;
                response
            }
        };
        let (head, body) = response.into_parts();
        let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
        world.log.answered(n, head.status.as_u16(), &body);
        Response::from_parts(head, whole(body))
    }
}

/// What is answered in the relay's place to a message for a magic number. Of the others they have the users
/// there.
async fn ask_magic(world: &World, head: &Parts, body: &[u8]) -> Option<Response<Body>> {
    let business = sending_number(head)?;
    let body: Value = serde_json::from_slice(body).ok()?;
    let to = body.get("to").and_then(Value::as_str).and_then(|to| Number::parse(to).ok());
    let to = to.filter(magic::is_magic)?;
    match magic::course(&to) {
        Err(why) => Some(refuse(MISTAKEN, &why)),
        Ok(Course::Refused(code)) => Some(refuse(code, "the number asks for this error")),
        Ok(_) => match world.call(&to, business).await {
            Ok(()) => None,
            Err(error) => Some(refuse(FAILED, &error.with_causes())),
        },
    }
}

const MISTAKEN: ErrorCode = ErrorCode { code: 131_009, status: 400, title: "Parameter value is not valid" };
const FAILED: ErrorCode = ErrorCode { code: 131_000, status: 500, title: "Something went wrong" };

/// Of which number a message is sent by this request, if it sends one.
fn sending_number(head: &Parts) -> Option<PhoneNumberId> {
    let mut parts = head.uri.path().trim_matches('/').rsplit('/');
    let (edge, number) = (parts.next()?, parts.next()?);
    (head.method == Method::POST && edge == "messages").then(|| PhoneNumberId::parse(number).ok())?
}

/// An error as the Graph API writes it.
fn refuse(error: ErrorCode, details: &str) -> Response<Body> {
    let ErrorCode { code, status, title } = error;
    let body = json!({ "error": {
        "message": format!("(#{code}) {title}"),
        "type": "OAuthException",
        "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": details },
        "fbtrace_id": "ASandboxMagicNumber",
    } });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if error.is_throttling() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}
