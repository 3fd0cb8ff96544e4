//! Web pages that call the API from a browser: which may, and what their browser is told.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use bulla_graph::{PREFLIGHT_LIFE, Settings};

use crate::fake_relay::NUMBER;
use crate::harness::{Bench, Reply, TOKEN};

const PAGE: &str = "https://app.example.org";

fn allowing(origins: &[&str]) -> Bench {
    Bench::new().settings(Settings::default().allowed_origins(origins.iter().copied()))
}

fn messages(method: &str, origin: &str) -> Builder {
    let request = Request::builder().method(method).uri(format!("/v23.0/{NUMBER}/messages"));
    request.header("host", "relay.example").header("origin", origin)
}

/// What a browser asks before it makes a request of a page of `origin`.
async fn preflight(bench: &Bench, origin: &str) -> Reply {
    let request = messages("OPTIONS", origin).header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "authorization,content-type");
    bench.call(request.body(Body::empty()).unwrap()).await
}

async fn text(bench: &Bench, origin: &str) -> Reply {
    let body = r#"{ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } }"#;
    let request = messages("POST", origin).header("authorization", format!("Bearer {TOKEN}"));
    bench.call(request.body(Body::from(body)).unwrap()).await
}

/// The fields of an answer that are about pages of other origins.
fn told(reply: &Reply) -> Vec<(&str, &str)> {
    let is_told = |name: &str| name.starts_with("access-control-") || name == "vary";
    let fields = reply.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let mut told: Vec<_> = fields.filter(|(name, _)| is_told(name)).collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn no_page_is_allowed_unless_the_host_says_so() {
    let bench = Bench::new();
    let asked = preflight(&bench, PAGE).await;
    assert_eq!((asked.status.as_u16(), asked.code(), told(&asked)), (401, 190, vec![]));
    let sent = text(&bench, PAGE).await;
    assert_eq!((sent.status.as_u16(), told(&sent)), (200, vec![]));
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_ask_and_read() {
    let bench = allowing(&["https://other.example", "HTTPS://app.example.org/"]);
    let asked = preflight(&bench, PAGE).await;
    assert_eq!(asked.status.as_u16(), 204);
    let life = PREFLIGHT_LIFE.as_secs().to_string();
    assert_eq!(
        told(&asked),
        [
            ("access-control-allow-headers", "Authorization, Content-Type, Idempotency-Key, File_Offset"),
            ("access-control-allow-methods", "GET, POST, DELETE"),
            ("access-control-allow-origin", PAGE),
            ("access-control-max-age", &life),
            ("vary", "origin"),
        ]
    );
    assert_eq!(bench.relay.take(), [], "the relay was asked");

    let read = [
        ("access-control-allow-origin", PAGE),
        ("access-control-expose-headers", "Retry-After, X-FB-Trace-ID"),
        ("vary", "origin"),
    ];
    let sent = text(&bench, PAGE).await;
    assert_eq!((sent.status.as_u16(), told(&sent)), (200, read.to_vec()));
    // A page is to know why it was refused, too.
    let request = messages("POST", PAGE).header("authorization", "Bearer nobodys");
    let refused = bench.call(request.body(Body::empty()).unwrap()).await;
    assert_eq!((refused.code(), told(&refused)), (190, read.to_vec()));
}

#[tokio::test]
async fn pages_of_other_origins_learn_nothing() {
    let bench = allowing(&[PAGE, "null"]);
    // A scheme, a port, a part of a name, and none that a browser would tell.
    let others = ["http://app.example.org", "https://app.example.org:8443", "https://example.org"];
    for origin in others.into_iter().chain(["https://app.example.org.evil.example", "null", "", "*"]) {
        let asked = preflight(&bench, origin).await;
        assert_eq!((asked.status.as_u16(), asked.code()), (401, 190), "{origin}");
        assert_eq!(told(&asked), [("vary", "origin")], "{origin}");
        let sent = text(&bench, origin).await;
        assert_eq!((sent.status.as_u16(), told(&sent)), (200, vec![("vary", "origin")]), "{origin}");
    }
    // Nor do two at once.
    let twice = messages("OPTIONS", PAGE).header("origin", "https://evil.example");
    let twice = twice.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
    assert_eq!(told(&bench.call(twice).await), [("vary", "origin")]);
}

#[tokio::test]
async fn any_origin_is_told_so_and_never_beside_credentials() {
    let bench = allowing(&[PAGE, "*"]);
    for origin in [PAGE, "https://evil.example", "null"] {
        for reply in [preflight(&bench, origin).await, text(&bench, origin).await] {
            assert!(reply.status.is_success(), "{origin}");
            assert_eq!(reply.headers["access-control-allow-origin"], "*", "{origin}");
            assert!(!reply.headers.contains_key("access-control-allow-credentials"), "{origin}");
            assert!(!reply.headers.contains_key("vary"), "{origin}");
        }
    }
}

#[tokio::test]
async fn what_only_looks_like_a_question_is_a_request() {
    let bench = allowing(&[PAGE]);
    for request in
        [messages("OPTIONS", PAGE), messages("POST", PAGE).header("access-control-request-method", "POST")]
    {
        let reply = bench.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, 190));
    }
    let request =
        Request::builder().method("OPTIONS").uri("/").header("access-control-request-method", "POST");
    assert_eq!(bench.call(request.body(Body::empty()).unwrap()).await.code(), 190);
}
