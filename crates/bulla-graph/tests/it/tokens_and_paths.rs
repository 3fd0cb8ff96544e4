//! Who may call, and what stands where.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use bulla_base::{ManualClock, SeededRng};
use bulla_graph::{Grant, GraphApi, MAX_TOKEN_BYTES, TokenLookup, TokenLookupError};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fake_relay::{NUMBER, OTHER_NUMBER, RecordingRelay, wamid};
use crate::harness::{Bench, Reply, TOKEN, tokens};

fn text() -> String {
    json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } }).to_string()
}

async fn post(bench: &Bench, target: &str, authorization: Option<&str>) -> Reply {
    let mut request = Request::post(target);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    bench.call(request.body(Body::from(text())).unwrap()).await
}

/// An error without what differs from request to request.
fn without_trace(mut reply: Reply) -> (u16, Value) {
    reply.code();
    reply.json["error"].as_object_mut().unwrap().remove("fbtrace_id");
    (reply.status.as_u16(), reply.json)
}

#[tokio::test]
async fn any_version_or_none_and_a_slash_lead_to_the_messages() {
    let bench = Bench::new();
    for version in ["/v14.0", "/v26.0", "/v3", ""] {
        for slash in ["", "/"] {
            let target = format!("{version}/{NUMBER}/messages{slash}");
            assert_eq!(post(&bench, &target, Some("bearer EAATESTTOKEN")).await.status, 200, "{target}");
        }
    }
    let target = format!("/{NUMBER}/messages?access_token={TOKEN}");
    assert_eq!(post(&bench, &target, None).await.status, 200);
    assert_eq!(bench.relay.take().len(), 9);
}

#[tokio::test]
async fn without_a_good_token_nothing_opens() {
    let bench = Bench::new();
    let target = format!("/v23.0/{NUMBER}/messages");
    let queries = [format!("{target}?access_token=x"), format!("{target}?access_token"), "/".to_owned()];
    let tokens = [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer x"),
        Some("EAATESTTOKEN"),
        Some("Basic EAATESTTOKEN"),
    ];
    for target in queries.iter().chain([&target]) {
        for token in tokens {
            let reply = post(&bench, target, token).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (401, 190), "{target} {token:?}");
            assert_eq!(reply.json["error"]["type"], "OAuthException");
            assert_eq!(reply.json["error"].get("error_data"), None);
        }
    }
    assert_eq!(bench.relay.take(), []);
}

/// Were the answers different, whoever has one token could find out which numbers there are.
#[tokio::test]
async fn a_number_of_another_and_no_number_at_all_are_answered_alike() {
    let bench = Bench::new();
    let mut answers = Vec::new();
    for number in [OTHER_NUMBER.to_string(), "999".to_owned(), "0".to_owned(), "x".to_owned(), "9".repeat(40)]
    {
        let target = format!("/v23.0/{number}/messages");
        answers.push(without_trace(post(&bench, &target, Some("Bearer EAATESTTOKEN")).await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 400);
    let error = &answers[0].1["error"];
    assert_eq!(
        (&error["code"], &error["error_subcode"], &error["type"]),
        (&json!(100), &json!(33), &json!("GraphMethodException"))
    );
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn a_number_the_relay_left_meanwhile_is_answered_like_one_it_never_had() {
    let bench = Bench::new();
    let never = without_trace(post(&bench, "/999/messages", Some("Bearer EAATESTTOKEN")).await);
    bench.relay.fail(bulla_relay::SubmitError::UnknownBusiness { business: NUMBER });
    let left = post(&bench, &format!("/{NUMBER}/messages"), Some("Bearer EAATESTTOKEN")).await;
    assert_eq!(without_trace(left), never);
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_with_an_error() {
    let bench = Bench::new();
    for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW"] {
        for target in ["/", "/v23.0", "/v23.0/x", &format!("/{NUMBER}/files"), "/%00/messages/x", "//"] {
            let request =
                Request::builder().method(method).uri(target).header("authorization", "Bearer EAATESTTOKEN");
            let reply = bench.call(request.body(Body::empty()).unwrap()).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, 100), "{method} {target}");
            assert_eq!(reply.json["error"]["type"], "GraphMethodException");
        }
    }
    for method in ["GET", "DELETE", "PUT", "BREW"] {
        let request = Request::builder().method(method).uri(format!("/{NUMBER}/messages"));
        let request = request.header("authorization", "Bearer EAATESTTOKEN");
        let reply = bench.call(request.body(Body::from(text())).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (405, 100), "{method}");
        assert_eq!(reply.headers["allow"], "POST");
    }
    assert_eq!(bench.relay.take(), []);
}

#[tokio::test]
async fn the_api_can_be_nested_under_a_prefix() {
    let bench = Bench::new();
    let host = axum::Router::new().nest("/graph", bench.api.router());
    let body =
        json!({ "messaging_product": "whatsapp", "status": "read", "message_id": wamid(1) }).to_string();
    let request = Request::post(format!("/graph/v23.0/{NUMBER}/messages"))
        .header("authorization", "Bearer EAATESTTOKEN");
    let response = host.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(bench.relay.take().len(), 1);
}

#[tokio::test]
async fn no_two_requests_have_the_same_trace() {
    let bench = Bench::new();
    let mut traces: Vec<String> = Vec::new();
    for _ in 0..10 {
        let reply = post(&bench, "/", None).await;
        traces.push(reply.headers["x-fb-trace-id"].to_str().unwrap().to_owned());
    }
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 10);
}

#[tokio::test]
async fn tokens_come_and_go_while_the_api_is_served() {
    let (relay, tokens) = (Arc::new(RecordingRelay::default()), tokens());
    let clock = Arc::new(ManualClock::default());
    let api = GraphApi::new(relay.clone(), tokens.clone(), clock, Arc::new(SeededRng::new(1)));
    let bench = Bench { relay, api, codes: Arc::default() };
    let target = format!("/{NUMBER}/messages");
    let status = async || post(&bench, &target, Some("Bearer fresh")).await.status.as_u16();
    assert_eq!(status().await, 401);
    tokens.grant("fresh", [OTHER_NUMBER]).unwrap();
    assert_eq!(status().await, 400);
    tokens.grant("fresh", [NUMBER]).unwrap();
    assert_eq!(status().await, 200);
    assert!(tokens.revoke("fresh"));
    assert_eq!(status().await, 401);
}

/// Tokens that stand elsewhere, and cannot be looked up while that is away.
struct Elsewhere {
    is_away: bool,
}

impl TokenLookup for Elsewhere {
    async fn look_up(&self, token: &[u8]) -> Result<Option<Grant>, TokenLookupError> {
        assert!(!token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
        if self.is_away {
            return Err(TokenLookupError::Unavailable { source: None });
        }
        Ok((token == b"kept elsewhere").then(|| Grant::new([NUMBER])))
    }
}

#[tokio::test]
async fn a_host_brings_its_own_tokens_and_when_they_are_away_the_client_is_asked_to_try_again() {
    let target = format!("/{NUMBER}/messages");
    let long = format!("Bearer {}", "t".repeat(MAX_TOKEN_BYTES + 1));
    for (is_away, authorization, status, code) in [
        (false, "Bearer kept elsewhere", 200, None),
        (false, "Bearer x", 401, Some(190)),
        (false, long.as_str(), 401, Some(190)),
        (false, "Bearer ", 401, Some(190)),
        (true, "Bearer kept elsewhere", 503, Some(131_016)),
    ] {
        let clock = Arc::new(ManualClock::default());
        let (relay, rng) = (Arc::new(RecordingRelay::default()), Arc::new(SeededRng::new(1)));
        let api = GraphApi::new(relay, Arc::new(Elsewhere { is_away }), clock, rng);
        let request = Request::post(&target).header("authorization", authorization);
        let response = api.router().oneshot(request.body(Body::from(text())).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["error"]["code"].as_u64(), code);
    }
}
