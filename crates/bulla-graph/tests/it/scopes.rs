//! What a token may be used for, until when, and what is told of it; and several requests in one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bulla_base::{Clock, ManualClock, SeededRng};
use bulla_graph::{Grant, GraphApi, Scope, Settings, Tokens};
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, Asked, NUMBER, OTHER_NUMBER, RecordingRelay};
use crate::harness::{Bench, Reply, TOKEN};

struct Gate {
    bench: Bench,
    tokens: Tokens,
    clock: Arc<ManualClock>,
}

impl Gate {
    fn new() -> Self {
        let (relay, tokens) = (Arc::<RecordingRelay>::default(), Tokens::new(&SeededRng::new(2)));
        let clock = Arc::<ManualClock>::default();
        let api = GraphApi::new(relay.clone(), tokens.clone(), clock.clone(), Arc::new(SeededRng::new(1)));
        Self { bench: Bench { relay, api, codes: Arc::default() }, tokens, clock }
    }

    async fn get(&self, token: &str, path: String) -> Reply {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.bench.call(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, token: &str) -> Reply {
        let text = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
        let request = Request::post(format!("/{NUMBER}/messages"));
        let request = request.header("authorization", format!("Bearer {token}"));
        self.bench.call(request.body(Body::from(text.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn a_token_is_for_what_it_was_granted_for() {
    let gate = Gate::new();
    gate.tokens.put("sends", Grant::new([NUMBER]).scopes([Scope::Messaging])).unwrap();
    gate.tokens.put("manages", Grant::new([NUMBER]).scopes([Scope::Management])).unwrap();
    assert_eq!(gate.send("sends").await.status, 200);
    let refused = gate.send("manages").await;
    assert_eq!((refused.code(), refused.status.as_u16()), (10, 403));
    for path in [format!("/{NUMBER}"), format!("/{ACCOUNT}/message_templates"), format!("/{ACCOUNT}/flows")] {
        assert_eq!(gate.get("manages", path.clone()).await.status, 200, "{path}");
        assert_eq!(gate.get("sends", path.clone()).await.code(), 10, "{path}");
    }
    assert_eq!(gate.get("sends", format!("/?ids={NUMBER}")).await.code(), 10);
    assert_eq!(gate.get("manages", format!("/?ids={NUMBER}")).await.status, 200);
    gate.tokens.put("nothing", Grant::new([NUMBER]).scopes([])).unwrap();
    let profile = format!("/{NUMBER}/whatsapp_business_profile");
    for path in [format!("/{NUMBER}/block_users"), profile.clone()] {
        for token in ["sends", "manages"] {
            assert_eq!(gate.get(token, path.clone()).await.status, 200, "{token}: {path}");
        }
        assert_eq!(gate.get("nothing", path.clone()).await.code(), 10, "{path}");
    }
    for (token, status) in [("sends", 403), ("nothing", 403), ("manages", 200)] {
        let request = Request::post(&profile).header("authorization", format!("Bearer {token}"));
        let about = json!({ "messaging_product": "whatsapp", "about": "x" }).to_string();
        let reply = gate.bench.call(request.body(Body::from(about)).unwrap()).await;
        assert_eq!(reply.status, status, "{token}: {}", reply.json);
    }
}

#[tokio::test]
async fn a_token_is_replaced_while_clients_work_and_is_over_from_the_moment_it_ends() {
    let gate = Gate::new();
    gate.tokens.put("old", Grant::new([NUMBER])).unwrap();
    gate.tokens.put("new", Grant::new([NUMBER])).unwrap();
    let end = gate.clock.now().after(Duration::from_secs(60));
    gate.tokens.put("old", Grant::new([NUMBER]).until(end)).unwrap();
    gate.clock.advance(Duration::from_millis(59_999));
    assert_eq!(gate.send("old").await.status, 200);
    gate.clock.advance(Duration::from_millis(1));
    let over = gate.send("old").await;
    assert_eq!(
        (over.code(), over.status.as_u16(), &over.json["error"]["error_subcode"]),
        (190, 401, &json!(463))
    );
    assert_eq!(gate.send("new").await.status, 200);
    gate.tokens.revoke("new");
    assert_eq!(gate.send("new").await.code(), 190);
}

#[tokio::test]
async fn what_a_token_opens_is_told_to_one_that_opens_as_much() {
    let gate = Gate::new();
    gate.tokens.put("both", Grant::new([NUMBER, OTHER_NUMBER])).unwrap();
    let end = gate.clock.now().after(Duration::from_secs(60));
    gate.tokens.put("one", Grant::new([NUMBER]).scopes([Scope::Messaging]).until(end)).unwrap();
    let told = async |by: &str, of: &str| {
        let reply = gate.get(by, format!("/v23.0/debug_token?input_token={of}")).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json["data"].clone()
    };
    let one = told("both", "one").await;
    assert_eq!((&one["is_valid"], &one["expires_at"]), (&json!(true), &json!(60)));
    assert_eq!(one["scopes"], json!(["whatsapp_business_messaging"]));
    let granular = json!([{ "scope": "whatsapp_business_messaging", "target_ids": [ACCOUNT.to_string()] }]);
    assert_eq!(one["granular_scopes"], granular);
    assert_eq!(told("one", "one").await["is_valid"], true);
    // Of one that opens more, and of none, the same is said.
    assert_eq!(told("one", "both").await, told("one", "gone").await);
    // More is also another scope; and what opens nothing is no secret of anybody's to tell of.
    gate.tokens.put("manages", Grant::new([NUMBER]).scopes([Scope::Management])).unwrap();
    gate.tokens.put("nothing", Grant::new([])).unwrap();
    for (by, of) in [("one", "manages"), ("manages", "one"), ("one", "nothing"), ("both", "nothing")] {
        assert_eq!(told(by, of).await, told("one", "gone").await, "{by}: {of}");
    }
    assert_eq!(told("both", "manages").await["is_valid"], true);
    assert_eq!(told("one", &"x".repeat(2000)).await["is_valid"], false);
    gate.clock.advance(Duration::from_secs(60));
    assert_eq!(told("both", "one").await["is_valid"], false);
    assert_eq!(gate.get("both", "/debug_token".into()).await.code(), 100);
}

/// The proof was made with Python's `hmac`, of the token under `secret`.
const PROOF: &str = "ca29b3283e01b05d81a81c97848e7e4a6201d89ed8e77f386dd7ab7128202473";

#[tokio::test]
async fn a_proof_of_the_apps_secret_is_looked_at_and_asked_for_as_the_settings_say() {
    let path = format!("/{NUMBER}");
    for is_required in [false, true] {
        let bench = Bench::new().settings(Settings::default().app_secret("secret", is_required));
        let right = bench.ask("GET", format!("{path}?appsecret_proof={PROOF}"), Value::Null).await;
        assert_eq!(right.status, 200, "{}", right.json);
        let wrong = bench
            .ask("GET", format!("{path}?appsecret_proof={}", PROOF.replace('a', "b")), Value::Null)
            .await;
        assert_eq!(wrong.code(), 100);
        let none = bench.ask("GET", &path, Value::Null).await;
        assert_eq!(none.status == 200, !is_required, "{}", none.json);
    }
}

#[tokio::test]
async fn a_batch_is_answered_part_by_part_and_a_part_that_fails_is_no_others_matter() {
    let bench = Bench::new();
    let text = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    let batch = json!({ "batch": [
        { "method": "POST", "relative_url": format!("v23.0/{NUMBER}/messages"), "body": text.to_string() },
        { "method": "POST", "relative_url": format!("{NUMBER}/messages"),
          "body": "messaging_product=whatsapp&to=16505551234&text=%7B%22body%22%3A%22y%22%7D" },
        { "method": "GET", "relative_url": format!("{NUMBER}?fields=status") },
        { "method": "GET", "relative_url": "1" },
        { "method": "POST", "relative_url": "/", "body": "{\"batch\":[]}" },
        { "relative_url": "1" },
    ] });
    let reply = bench.ask("POST", "/v23.0/", batch).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let codes: Vec<_> =
        reply.json.as_array().unwrap().iter().map(|part| part["code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [200, 200, 200, 400, 400, 400]);
    let body: Value = serde_json::from_str(reply.json[2]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({ "id": NUMBER.to_string(), "status": "CONNECTED" }));
    let asked = bench.relay.take();
    assert!(matches!(&asked[..], [Asked::Submit(..), Asked::Submit(..)]), "{asked:?}");

    // The token may stand in the query of the whole, and a form have the batch as JSON.
    let batch = format!("[{{\"method\":\"GET\",\"relative_url\":\"{NUMBER}\"}}]");
    let form = format!("access_token={TOKEN}&batch={}", batch.replace('"', "%22"));
    let request = Request::post(format!("/?access_token={TOKEN}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let reply = bench.call(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(reply.json[0]["code"], 200, "{}", reply.json);

    let many =
        |count: usize| json!({ "batch": vec![json!({ "method": "GET", "relative_url": "1" }); count] });
    assert_eq!(bench.ask("POST", "/", many(50)).await.json.as_array().unwrap().len(), 50);
    assert_eq!(bench.ask("POST", "/", many(51)).await.code(), 100);
}

#[tokio::test]
async fn several_objects_are_told_of_by_their_ids() {
    let bench = Bench::new();
    let reply = bench.ask("GET", format!("/?ids={NUMBER},{ACCOUNT}&fields=name,status"), Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    assert_eq!(reply.json[NUMBER.to_string()]["status"], "CONNECTED");
    assert_eq!(reply.json[ACCOUNT.to_string()]["id"], ACCOUNT.to_string());
    let ids = |count: usize| vec![NUMBER.to_string(); count].join(",");
    assert_eq!(bench.ask("GET", format!("/?ids={}", ids(50)), Value::Null).await.status, 200);
    assert_eq!(bench.ask("GET", format!("/?ids={}", ids(51)), Value::Null).await.code(), 100);
    assert_eq!(bench.ask("GET", "/?ids=1", Value::Null).await.code(), 100);
    assert_eq!(bench.ask("GET", "/", Value::Null).await.code(), 100);
}

fn codes(reply: &Reply) -> Vec<u64> {
    reply.json.as_array().unwrap().iter().map(|part| part["code"].as_u64().unwrap()).collect()
}

fn text_to(number: bulla_base::PhoneNumberId, query: &str) -> Value {
    let text = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "x" } });
    let target = format!("{number}/messages{query}");
    json!({ "method": "POST", "relative_url": target, "body": text.to_string() })
}

#[tokio::test]
async fn a_batch_ends_when_its_answers_are_too_long_and_says_so() {
    for (bytes, carried_out) in [(32_768, 32), (32_767, 33)] {
        let bench = Bench::new();
        let shown = json!({ "a": "x".repeat(bytes - 8) }).to_string();
        let flow = json!({ "name": "f", "flow_json": shown });
        let made = bench.ask("POST", format!("/{ACCOUNT}/flows"), flow).await;
        let flow = format!("{}/flow.json", made.json["id"].as_str().unwrap());
        let batch = json!({ "batch": vec![json!({ "method": "GET", "relative_url": flow }); 35] });
        let reply = bench.ask("POST", "/", batch).await;
        let done = codes(&reply).iter().filter(|code| **code == 200).count();
        assert_eq!((done, codes(&reply)[carried_out]), (carried_out, 400));
        assert!(reply.json[34]["body"].as_str().unwrap().contains("this part was not carried out"));
    }
}

#[tokio::test]
async fn a_batch_has_no_list_of_objects_in_it() {
    let bench = Bench::new();
    let part = json!({ "method": "GET", "relative_url": format!("?ids={NUMBER}") });
    assert_eq!(codes(&bench.ask("POST", "/", json!({ "batch": [part] })).await), [400]);
}

#[tokio::test]
async fn a_part_of_a_batch_is_proven_with_the_whole_unless_it_has_a_token_of_its_own() {
    let bench = Bench::new().settings(Settings::default().app_secret("secret", true));
    let own = format!("?access_token={TOKEN}");
    let batch = json!({ "batch": [
        text_to(NUMBER, ""),
        text_to(NUMBER, &own),
        text_to(NUMBER, &format!("{own}&appsecret_proof={PROOF}")),
        text_to(OTHER_NUMBER, &format!("?access_token=another&appsecret_proof={PROOF}")),
    ] });
    let reply = bench.ask("POST", format!("/?appsecret_proof={PROOF}"), batch.clone()).await;
    assert_eq!(codes(&reply), [200, 400, 200, 400], "{}", reply.json);
    assert_eq!(bench.ask("POST", "/", batch).await.code(), 100);
}

#[tokio::test]
async fn a_part_of_a_batch_is_carried_out_with_its_own_token_or_that_of_the_whole() {
    let bench = Bench::new();
    let own = "?access_token=another";
    let batch = json!({ "batch": [text_to(OTHER_NUMBER, own), text_to(NUMBER, own), text_to(NUMBER, "")] });
    // A header counts before the query.
    let reply = bench.ask("POST", "/?access_token=another", batch).await;
    assert_eq!(codes(&reply), [200, 400, 200], "{}", reply.json);
    let asked = bench.relay.take();
    assert!(matches!(&asked[..], [Asked::Submit(OTHER_NUMBER, _), Asked::Submit(NUMBER, _)]), "{asked:?}");
}

/// The second part was taken for the first one once more, or refused as another message under its key.
#[tokio::test]
async fn the_idempotency_key_of_a_batch_is_none_of_its_parts() {
    let bench = Bench::new();
    let batch = json!({ "batch": [text_to(NUMBER, ""), text_to(NUMBER, "")] });
    let mut asked = Vec::new();
    for key in [None, Some("once")] {
        let mut request = Request::post("/").header("authorization", format!("Bearer {TOKEN}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let reply = bench.call(request.body(Body::from(batch.to_string())).unwrap()).await;
        assert_eq!(codes(&reply), [200, 200], "{}", reply.json);
        asked.push(bench.relay.take());
    }
    assert_eq!(asked[0], asked[1]);
}
