//! What is the app's own: its token for its secret, and to what it is subscribed, for its token alone.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use bulla_graph::{Answering, CallbackHandshake, CallbackRefused, Settings};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::WaitingClock;
use crate::fake_relay::{ACCOUNT, NUMBER};
use crate::harness::{Bench, Reply, TOKEN};

const APP: u64 = 5;
const SECRET: &str = "the secret";

/// What all clients know.
const PROOF_SECRET: &str = "of proofs";

/// The subscription of an app, among the kinds of records.
const APP_SUBSCRIPTION: u8 = 15;

/// Takes every callback but those at `bad.example`.
struct Handshakes;

impl CallbackHandshake for Handshakes {
    fn verify<'a>(&'a self, url: &'a str, _: &'a str) -> Answering<'a, (), CallbackRefused> {
        Box::pin(async move {
            if url.contains("bad.example") { Err(CallbackRefused::Handshake("403".into())) } else { Ok(()) }
        })
    }
}

fn settings() -> Settings {
    Settings::default().app(APP).app_secret(PROOF_SECRET, false).app_owner_secret(SECRET)
}

fn bench() -> Bench {
    let bench = Bench::new().settings(settings());
    Bench { api: bench.api.clone().callbacks(Handshakes), ..bench }
}

/// Asks without a token.
async fn bare(bench: &Bench, method: &str, target: &str, form: &str) -> Reply {
    let request = Request::builder().method(method).uri(target).header("host", "relay.example");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    bench.call(request.body(Body::from(form.to_owned())).unwrap()).await
}

/// Asks as pywa does: the app's token in the query, and another one in the header.
async fn as_app(bench: &Bench, method: &str, token: &str, query: &str) -> Reply {
    let target = format!("/v26.0/{APP}/subscriptions?access_token={token}&{query}");
    bench.ask(method, target, Value::Null).await
}

fn callback(url: &str) -> String {
    format!("object=whatsapp_business_account&callback_url={url}&verify_token=word&fields=messages,flows")
}

#[tokio::test]
async fn the_apps_token_is_given_for_its_secret_and_is_not_it() {
    let bench = bench();
    let said = format!("grant_type=client_credentials&client_id={APP}&client_secret=the%20secret");
    let by_query = bare(&bench, "GET", &format!("/v26.0/oauth/access_token?{said}"), "").await;
    let by_form = bare(&bench, "POST", "/oauth/access_token", &said).await;
    assert_eq!((by_query.status.as_u16(), &by_query.json), (200, &by_form.json));
    assert_eq!(by_query.json["token_type"], "bearer");
    let token = by_query.json["access_token"].as_str().unwrap();
    assert!(token.starts_with("5|") && token.len() == 66 && !token.contains(SECRET), "{token}");

    let get = async |said: &str| {
        let reply = bare(&bench, "GET", &format!("/oauth/access_token?{said}"), "").await;
        (reply.status.as_u16(), reply.code())
    };
    let (of_app, for_it) = ("client_id=5&grant_type=client_credentials", "grant_type=client_credentials");
    assert_eq!(get(&format!("{of_app}&client_secret=the%20secreT")).await, (400, 1));
    assert_eq!(get(&format!("{of_app}&client_secret=")).await, (400, 100));
    assert_eq!(get(of_app).await, (400, 100));
    assert_eq!(get(&format!("{for_it}&client_id=6&client_secret=the%20secret")).await, (400, 101));
    assert_eq!(get(&format!("{for_it}&client_secret=the%20secret")).await, (400, 101));
    assert_eq!(get("client_id=5&client_secret=the%20secret&grant_type=password").await, (400, 100));
    assert_eq!(get("client_id=5&client_secret=the%20secret&code=x").await, (400, 100));
    assert_eq!(get("client_id=5&client_secret=the%20secret").await, (400, 100));
    let reply = bare(&bench, "DELETE", "/oauth/access_token", "").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, 100));
}

/// The secret that proves requests opened all of it, and every client knows that one: one client could have
/// had what is written to all others.
#[tokio::test]
async fn what_is_the_apps_own_is_not_there_without_a_secret_of_its_own() {
    let default = || Settings::default().app(APP);
    for settings in [
        default(),
        default().app_secret(SECRET, false),
        default().app_secret(SECRET, false).app_owner_secret(""),
        default().app_owner_secret(SECRET).app_secret(SECRET, false),
    ] {
        let bench = Bench::new().settings(settings);
        let bench = Bench { api: bench.api.clone().callbacks(Handshakes), ..bench };
        let said = format!("grant_type=client_credentials&client_id={APP}&client_secret=the%20secret");
        let targets = [format!("/oauth/access_token?{said}"), format!("/{APP}/subscriptions")];
        for target in targets {
            let (bare, unknown) =
                (bare(&bench, "GET", &target, "").await, bench.ask("GET", &target, Value::Null));
            assert_eq!((bare.status.as_u16(), bare.code()), (401, 190), "{target}");
            let unknown = unknown.await.json["error"]["message"].clone();
            assert_eq!(unknown, "(#100) This path is not supported", "{target}");
        }
        for shown in ["5%7Cthe%20secret", "5%7C"] {
            let target = format!("/{APP}/subscriptions?access_token={shown}");
            let form = callback("http://app.example/");
            assert_eq!(bare(&bench, "POST", &target, &form).await.code(), 190, "{shown}");
            let target = format!("/debug_token?input_token={TOKEN}&access_token={shown}");
            assert_eq!(bare(&bench, "GET", &target, "").await.code(), 190, "{shown}");
        }
        assert_eq!(bench.relay.configured_of(APP_SUBSCRIPTION), 0);
    }
}

#[tokio::test]
async fn a_client_that_can_prove_its_requests_does_not_act_as_the_app() {
    let bench = bench();
    let said = "grant_type=client_credentials&client_id=5&client_secret=of%20proofs";
    assert_eq!(bare(&bench, "GET", &format!("/oauth/access_token?{said}"), "").await.code(), 1);
    for token in ["5%7Cof%20proofs", "of%20proofs"] {
        let reply = as_app(&bench, "POST", token, &callback("http://app.example/")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (403, 15), "{token}");
    }
    let printed = format!("{:?}", settings());
    assert!(!printed.contains(SECRET) && !printed.contains(PROOF_SECRET), "{printed}");
}

fn asks_for_token(kind: &str, body: Body) -> Request<Body> {
    let request = Request::post("/oauth/access_token").header("host", "relay.example");
    request.header("content-type", kind).body(body).unwrap()
}

const WORDS: &str = "application/x-www-form-urlencoded";

/// Strangers were read forms with parts, for ten minutes each, in the places of everybody.
#[tokio::test]
async fn of_who_has_shown_nothing_little_is_read() {
    let bench = bench();
    let never = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let parts = bench.call(asks_for_token("multipart/form-data; boundary=b", never())).await;
    assert_eq!((parts.status.as_u16(), parts.code()), (400, 100), "{}", parts.json);
    assert_eq!(bench.call(asks_for_token(WORDS, never())).await.status, 408);
    let said = "grant_type=client_credentials&client_id=5&client_secret=the%20secret&x=";
    for (bytes, status) in [(4096, 200), (4097, 413)] {
        let body = format!("{said}{}", "x".repeat(bytes - said.len()));
        let in_pieces = stream::iter([Ok::<_, Infallible>(Bytes::from(body.clone()))]);
        for body in [Body::from(body), Body::from_stream(in_pieces)] {
            let reply = bench.call(asks_for_token(WORDS, body)).await;
            assert_eq!(reply.status, status, "{bytes}: {}", reply.json);
        }
    }
}

#[tokio::test]
async fn strangers_take_no_place_but_their_own() {
    let bench = Bench::with_clock(Arc::new(WaitingClock)).settings(settings().requests(1));
    let said = "grant_type=client_credentials&client_id=5&client_secret=the%20secret";
    let mut held = Vec::new();
    for count in 0..17 {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let body = stream::once(async move {
            drop(ended.await);
            Ok::<_, Infallible>(Bytes::from_static(said.as_bytes()))
        });
        let api = bench.api.clone();
        let request = asks_for_token(WORDS, Body::from_stream(body));
        let asking = async move { api.router().oneshot(request).await.unwrap().status() };
        if count < 16 {
            let mut asking = Box::pin(asking);
            // As far as to where its body is waited for.
            assert!((&mut asking).now_or_never().is_none());
            held.push((end, asking));
        } else {
            assert!(end.send(()).is_ok());
            assert_eq!(asking.await, 503, "one more is read");
        }
    }
    let by_query = bare(&bench, "GET", &format!("/oauth/access_token?{said}"), "").await;
    assert_eq!(by_query.status, 200, "{}", by_query.json);
    let text = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    assert_eq!(bench.post(text.to_string()).await.status, 200, "who has a token waits for strangers");
    for (end, asking) in held {
        assert!(end.send(()).is_ok());
        assert_eq!(asking.await, 200);
    }
    assert_eq!(bench.call(asks_for_token(WORDS, Body::from(said))).await.status, 200);
}

#[tokio::test]
async fn an_app_subscribes_tells_and_leaves_with_its_own_token_alone() {
    let bench = bench();
    let said =
        format!("/oauth/access_token?grant_type=client_credentials&client_id={APP}&client_secret={SECRET}");
    let token = bare(&bench, "GET", &said.replace(' ', "%20"), "").await.json["access_token"].clone();
    let token = token.as_str().unwrap().replace('|', "%7C");
    let both = "5%7Cthe%20secret";
    assert_eq!(as_app(&bench, "GET", both, "").await.json, json!({ "data": [] }));
    let reply = as_app(&bench, "POST", &token, &callback("http://app.example/")).await;
    assert_eq!(reply.json, json!({ "success": true }));
    for token in [both, &token] {
        let told = as_app(&bench, "GET", token, "").await.json;
        let field = |name| json!({ "name": name, "version": "v23.0" });
        let expected = json!({ "data": [{
            "object": "whatsapp_business_account",
            "callback_url": "http://app.example/",
            "active": true,
            "fields": [field("messages"), field("flows")],
        }] });
        assert_eq!(told, expected);
    }
    assert!(!bench.relay.all_configured().contains("word"), "the verify token is kept");

    // In the header as well as in the query, and for nothing but what is the app's.
    let in_header = |target: String, token: &str| {
        let request = Request::get(target).header("authorization", format!("Bearer {token}"));
        request.header("host", "relay.example").body(Body::empty()).unwrap()
    };
    let reply = bench.call(in_header(format!("/{APP}/subscriptions"), "5|the secret")).await;
    assert_eq!(reply.status.as_u16(), 200);
    let reply = bench.call(in_header(format!("/{NUMBER}"), "5|the secret")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, 190));
    let facts = bench.call(in_header(format!("/debug_token?input_token={TOKEN}"), "5|the secret")).await;
    assert_eq!(facts.json["data"]["is_valid"], true);

    for token in ["5%7Cthe%20secreT", "6%7Cthe%20secret", "the%20secret", "5%7C"] {
        let reply = bare(&bench, "GET", &format!("/{APP}/subscriptions?access_token={token}"), "").await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, 190), "{token}");
    }
    let reply = bench.ask("POST", format!("/{APP}/subscriptions"), Value::Null).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (403, 15));
    let reply = bench.ask("GET", format!("/6/subscriptions?access_token={both}"), Value::Null).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, 100));

    assert_eq!(as_app(&bench, "DELETE", both, "fields=flows").await.status.as_u16(), 200);
    let told = as_app(&bench, "GET", both, "").await.json;
    assert_eq!(told["data"][0]["fields"].as_array().unwrap().len(), 1);
    // Who names no fields keeps those that are there.
    let again = "object=whatsapp_business_account&callback_url=http://b.example/&verify_token=w";
    assert_eq!(as_app(&bench, "POST", both, again).await.status.as_u16(), 200);
    let told = as_app(&bench, "GET", both, "").await.json;
    assert_eq!(
        (&told["data"][0]["callback_url"], &told["data"][0]["fields"][0]["name"]),
        (&"http://b.example/".into(), &"messages".into())
    );
    as_app(&bench, "DELETE", both, "object=whatsapp_business_account&fields=messages").await;
    assert_eq!(bench.relay.configured_of(APP_SUBSCRIPTION), 0);
    as_app(&bench, "POST", both, again).await;
    // It names no fields, so there is none of it that would end.
    assert_eq!(as_app(&bench, "DELETE", both, "fields=flows").await.status.as_u16(), 200);
    assert_eq!(bench.relay.configured_of(APP_SUBSCRIPTION), 1);
    for none in ["", "%5B%5D", ","] {
        let reply = as_app(&bench, "DELETE", both, &format!("fields={none}")).await;
        assert_eq!((reply.code(), reply.details()), (100, "fields is missing"), "{none}");
        assert_eq!(as_app(&bench, "POST", both, &format!("{again}&fields={none}")).await.status, 200);
        assert_eq!(as_app(&bench, "GET", both, "").await.json["data"][0]["fields"], json!([]));
    }
    assert_eq!(bench.relay.configured_of(APP_SUBSCRIPTION), 1);
    as_app(&bench, "DELETE", both, "").await;
    assert_eq!(as_app(&bench, "GET", both, "").await.json, json!({ "data": [] }));
}

#[tokio::test]
async fn the_apps_callback_comes_behind_the_numbers_and_the_accounts() {
    let bench = bench();
    let records = bench.api.callback_records();
    as_app(&bench, "POST", "5%7Cthe%20secret", &callback("http://app.example/")).await;
    let is_called =
        async |url: &str| assert_eq!(records.callback(NUMBER).await.unwrap().as_deref(), Some(url));
    is_called("http://app.example/").await;
    let own = |url: &str| json!({ "override_callback_uri": url, "verify_token": "w" });
    bench.ask("POST", format!("/{ACCOUNT}/subscribed_apps"), own("http://account.example/")).await;
    is_called("http://account.example/").await;
    bench
        .ask("POST", format!("/{NUMBER}"), json!({ "webhook_configuration": own("http://n.example/") }))
        .await;
    is_called("http://n.example/").await;
    let told = bench.ask("GET", format!("/{NUMBER}?fields=webhook_configuration"), Value::Null).await.json;
    assert_eq!(
        told["webhook_configuration"],
        json!({
            "application": "http://app.example/",
            "phone_number": "http://n.example/",
            "whatsapp_business_account": "http://account.example/",
        })
    );
    bench.ask("POST", format!("/{NUMBER}"), json!({ "webhook_configuration": own("") })).await;
    bench.ask("DELETE", format!("/{ACCOUNT}/subscribed_apps"), Value::Null).await;
    is_called("http://app.example/").await;
    as_app(&bench, "DELETE", "5%7Cthe%20secret", "").await;
    assert_eq!(records.callback(NUMBER).await.unwrap(), None);
}

#[tokio::test]
async fn what_an_app_subscribes_to_is_bounded_and_named() {
    let bench = bench();
    let put = async |said: String| {
        let reply = as_app(&bench, "POST", "5%7Cthe%20secret", &said).await;
        if reply.status == 200 { (0, String::new()) } else { (reply.code(), reply.details().to_owned()) }
    };
    let with = |fields: String| callback("http://a.example/").replace("messages,flows", &fields);
    let names = |count: usize| (0..count).map(|name| format!("f{name}")).collect::<Vec<_>>().join(",");
    assert_eq!(put(with(names(64))).await.0, 0);
    let refused = put(with(names(65))).await;
    assert!(refused.0 == 100 && refused.1.contains("more than the 64 allowed"), "{refused:?}");
    assert_eq!(put(with("f".repeat(64))).await.0, 0);
    assert_eq!(put(with("f".repeat(65))).await.0, 100);
    assert_eq!(put(with("messages%20now".to_owned())).await.0, 100);
    assert_eq!(put(with("%5B%22messages%22,%22messages%22%5D".to_owned())).await.0, 0);
    let told = as_app(&bench, "GET", "5%7Cthe%20secret", "").await.json;
    assert_eq!(told["data"][0]["fields"].as_array().unwrap().len(), 1);
    let url = |chars: usize| callback(&format!("http://a.example/{}", "x".repeat(chars - 17)));
    assert_eq!(put(url(2048)).await.0, 0);
    assert_eq!(put(url(2049)).await.0, 100);

    let refused = put(callback("http://bad.example/")).await;
    assert!(refused.0 == 2200 && refused.1.starts_with("callback_url: "), "{refused:?}");
    assert_eq!(put(callback("")).await.0, 100);
    assert_eq!(put(callback("http://a.example/").replace("whatsapp_business_account", "page")).await.0, 100);
    assert_eq!(put("callback_url=http://a.example/&verify_token=w".to_owned()).await.0, 100);
    let bench = Bench::new().settings(settings());
    let reply = as_app(&bench, "POST", "5%7Cthe%20secret", &callback("http://a.example/")).await;
    assert!(reply.code() == 100 && reply.details().starts_with("callback_url: "), "{}", reply.details());
}
