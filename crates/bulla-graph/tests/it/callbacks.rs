//! Callbacks that clients set: taken after the handshake, told, and the number's goes before the account's.

use std::sync::{Arc, Mutex};

use bulla_graph::{Answering, CallbackHandshake, CallbackRecordError, CallbackRefused, Scope};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, NUMBER};
use crate::harness::Bench;

/// The callback of a number, among the kinds of records.
const CALLBACK: u8 = 12;

/// Takes every callback but those at `bad.example`, and waits for ever for those at `slow.example`.
#[derive(Clone, Default)]
struct Handshakes(Arc<Mutex<Vec<(String, String)>>>);

impl CallbackHandshake for Handshakes {
    fn verify<'a>(&'a self, url: &'a str, verify_token: &'a str) -> Answering<'a, (), CallbackRefused> {
        self.0.lock().unwrap().push((url.to_owned(), verify_token.to_owned()));
        Box::pin(async move {
            match url {
                _ if url.contains("bad.example") => Err(CallbackRefused::Handshake("403".into())),
                _ if url.contains("slow.example") => std::future::pending().await,
                _ => Ok(()),
            }
        })
    }
}

fn bench() -> (Bench, Handshakes) {
    let (bench, handshakes) = (Bench::new(), Handshakes::default());
    (Bench { api: bench.api.clone().callbacks(handshakes.clone()), ..bench }, handshakes)
}

fn callback(url: &str) -> Value {
    json!({ "override_callback_uri": url, "verify_token": "a s3cret word" })
}

async fn set_number(bench: &Bench, callback: Value) -> u16 {
    let body = json!({ "webhook_configuration": callback });
    bench.ask("POST", format!("/v26.0/{NUMBER}/"), body).await.status.as_u16()
}

async fn set_account(bench: &Bench, callback: Value) -> u16 {
    bench.ask("POST", format!("/v26.0/{ACCOUNT}/subscribed_apps"), callback).await.status.as_u16()
}

#[tokio::test]
async fn the_numbers_callback_goes_before_the_accounts_and_each_is_removed_by_naming_none() {
    let (bench, handshakes) = bench();
    let records = bench.api.callback_records();
    assert_eq!(records.callback(NUMBER).await.unwrap(), None);
    assert_eq!(set_account(&bench, callback("http://account.example/")).await, 200);
    assert_eq!(records.callback(NUMBER).await.unwrap().as_deref(), Some("http://account.example/"));
    assert_eq!(set_number(&bench, callback("http://number.example/")).await, 200);
    assert_eq!(records.callback(NUMBER).await.unwrap().as_deref(), Some("http://number.example/"));
    let word = "a s3cret word".to_owned();
    let expected =
        [("http://account.example/".into(), word.clone()), ("http://number.example/".into(), word)];
    assert_eq!(*handshakes.0.lock().unwrap(), expected);
    assert!(!bench.relay.all_configured().contains("s3cret"), "the token is kept");

    let told = bench.ask("GET", format!("/{NUMBER}?fields=webhook_configuration"), Value::Null).await.json;
    let expected = json!({
        "phone_number": "http://number.example/",
        "whatsapp_business_account": "http://account.example/",
    });
    assert_eq!(told["webhook_configuration"], expected);
    let told = bench.ask("GET", format!("/{ACCOUNT}/subscribed_apps"), Value::Null).await.json;
    assert_eq!(told["data"][0]["override_callback_uri"], "http://account.example/");

    assert_eq!(set_number(&bench, json!({ "override_callback_uri": "" })).await, 200);
    assert_eq!(bench.relay.configured_of(CALLBACK), 0);
    assert_eq!(records.callback(NUMBER).await.unwrap().as_deref(), Some("http://account.example/"));
    // It is subscribed still, and its callback gone.
    assert_eq!(set_account(&bench, Value::Null).await, 200);
    assert_eq!(records.callback(NUMBER).await.unwrap(), None);
    let told = bench.ask("GET", format!("/{ACCOUNT}/subscribed_apps"), Value::Null).await.json;
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
    assert!(told["data"][0].get("override_callback_uri").is_none());

    assert_eq!(set_account(&bench, callback("http://account.example/")).await, 200);
    bench.ask("DELETE", format!("/{ACCOUNT}/subscribed_apps"), Value::Null).await;
    assert_eq!(records.callback(NUMBER).await.unwrap(), None);
    drop(bench);
    assert!(matches!(records.callback(NUMBER).await, Err(CallbackRecordError::Ended)));
}

#[tokio::test]
async fn one_that_has_not_made_the_handshake_changes_nothing() {
    let (bench, _) = bench();
    assert_eq!(set_number(&bench, callback("http://number.example/")).await, 200);
    let body = json!({ "webhook_configuration": callback("http://bad.example/") });
    let reply = bench.ask("POST", format!("/{NUMBER}"), body).await;
    assert_eq!((reply.code(), reply.status.as_u16()), (2200, 400));
    assert!(reply.details().starts_with("override_callback_uri: "), "{}", reply.details());
    let records = bench.api.callback_records();
    assert_eq!(records.callback(NUMBER).await.unwrap().as_deref(), Some("http://number.example/"));
    let body = json!({ "override_callback_uri": "http://account.example/" });
    let reply = bench.ask("POST", format!("/{ACCOUNT}/subscribed_apps"), body).await;
    assert!(reply.code() == 100 && reply.details().starts_with("verify_token"), "{}", reply.details());
}

#[tokio::test]
async fn none_is_taken_where_the_host_takes_none_or_the_token_may_not_manage() {
    let bench = Bench::new();
    assert_eq!(set_number(&bench, callback("http://number.example/")).await, 400);
    assert_eq!(set_account(&bench, callback("http://account.example/")).await, 400);
    assert_eq!(bench.relay.all_configured(), "");
    // None is removed all the same, when the host takes none any more.
    assert_eq!(set_number(&bench, json!({ "override_callback_uri": "" })).await, 200);
    let (bench, handshakes) = self::bench();
    let grant = bulla_graph::Grant::new([NUMBER]).scopes([Scope::Messaging]);
    let tokens = crate::harness::tokens();
    tokens.put("writes", grant).unwrap();
    let api = bulla_graph::GraphApi::new(
        Arc::clone(&bench.relay),
        tokens,
        Arc::new(bulla_base::ManualClock::default()),
        Arc::new(bulla_base::SeededRng::new(1)),
    );
    let bench = Bench { api: api.callbacks(handshakes.clone()), ..bench };
    let request = axum::http::Request::post(format!("/{ACCOUNT}/subscribed_apps?access_token=writes"));
    let body = axum::body::Body::from(callback("http://account.example/").to_string());
    let reply = bench.call(request.body(body).unwrap()).await;
    assert_eq!((reply.code(), handshakes.0.lock().unwrap().len()), (10, 0));
}

#[tokio::test]
async fn the_longest_is_taken_and_one_character_more_is_not_and_no_more_at_once_than_sixteen() {
    let (bench, _) = bench();
    let url = |chars: usize| format!("http://a.example/{}", "x".repeat(chars - 17));
    assert_eq!(set_number(&bench, callback(&url(2048))).await, 200);
    assert_eq!(set_number(&bench, callback(&url(2049))).await, 400);
    let token = |chars: usize| {
        let token = "t".repeat(chars);
        json!({ "override_callback_uri": "http://a.example/", "verify_token": token })
    };
    assert_eq!(set_number(&bench, token(512)).await, 200);
    assert_eq!(set_number(&bench, token(513)).await, 400);

    let mut waiting: Vec<_> =
        (0..16).map(|_| Box::pin(set_number(&bench, callback("http://slow.example/")))).collect();
    assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
    assert_eq!(set_number(&bench, callback("http://a.example/")).await, 503);
    waiting.pop();
    assert_eq!(set_number(&bench, callback("http://a.example/")).await, 200);
}
