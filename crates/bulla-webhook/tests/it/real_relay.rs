//! The API, a real relay, a real carrier and the sink, together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use bulla_base::{Clock, SeededRng};
use bulla_carrier::Carrier;
use bulla_graph::{GraphApi, Tokens};
use bulla_relay::Relay;
use bulla_store::MemoryStore;
use bulla_transport::InProcess;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::api_ids::NUMBER;
use crate::clock::WaitingClock;
use crate::receiver::Receiver;
use crate::updates::{business, sink};

const TOKEN: &str = "EAATESTTOKEN";

type RealRelay = Relay<MemoryStore, InProcess<Carrier<MemoryStore>>, bulla_webhook::WebhookSink>;

async fn open(receiver: &Receiver) -> (RealRelay, GraphApi<RealRelay>) {
    let clock = Arc::new(WaitingClock);
    let rng = Arc::new(SeededRng::new(1));
    let carrier = Carrier::open(MemoryStore::new(), clock.clone(), &*rng).await.unwrap();
    let relay = Relay::builder(
        MemoryStore::new(),
        InProcess::new(Arc::new(carrier)),
        sink(receiver),
        clock.clone(),
        rng.clone(),
    )
    .business(business())
    .open()
    .await
    .unwrap();
    let tokens = Tokens::new(&*rng);
    tokens.grant(TOKEN, [NUMBER]).unwrap();
    let api = GraphApi::new(relay.clone(), tokens, clock, rng);
    (relay, api)
}

async fn post(api: &GraphApi<RealRelay>, key: &str, body: &Value) -> (u16, Value) {
    let request = Request::post(format!("/v23.0/{NUMBER}/messages"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    let response = api.router().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// Waits for the first update.
async fn update(receiver: &Receiver) -> Value {
    for _ in 0..500 {
        if let Some(seen) = receiver.take().iter().find(|seen| seen.method == Method::POST) {
            return serde_json::from_slice(&seen.body).unwrap();
        }
        WaitingClock.sleep(Duration::from_millis(10)).await;
    }
    panic!("no update came");
}

#[tokio::test]
async fn a_message_to_nobody_is_accepted_once_and_fails_by_webhook_under_its_id() {
    let receiver = Receiver::start().await;
    let (relay, api) = open(&receiver).await;
    let body = json!({
        "messaging_product": "whatsapp", "to": "+1 650 555 1234", "text": { "body": "hello" },
        "biz_opaque_callback_data": "order 7",
    });
    let (status, reply) = post(&api, "key", &body).await;
    assert_eq!(status, 200, "{reply}");
    let id = reply["messages"][0]["id"].as_str().unwrap();

    let told = update(&receiver).await;
    let value = &told["entry"][0]["changes"][0]["value"];
    let line = &value["statuses"][0];
    assert_eq!((&line["id"], &line["status"]), (&json!(id), &json!("failed")));
    assert_eq!(
        (&line["errors"][0]["code"], &line["biz_opaque_callback_data"]),
        (&json!(131_026), &json!("order 7"))
    );
    assert_eq!(value["contacts"][0]["wa_id"], "16505551234");

    assert_eq!(post(&api, "key", &body).await.1["messages"][0]["id"], id, "sent again under one key");
    let mut other = body.clone();
    other["text"]["body"] = json!("something else");
    assert_eq!(post(&api, "key", &other).await.0, 409);

    // The user's id leads to the same user, while the message lives.
    let by_id = json!({
        "messaging_product": "whatsapp", "recipient": value["contacts"][0]["user_id"], "text": { "body": "again" },
        "context": { "message_id": id },
    });
    let (status, reply) = post(&api, "key 2", &by_id).await;
    assert_eq!(status, 200, "{reply}");
    relay.close().await;
    assert_eq!(post(&api, "key 3", &body).await.0, 503, "a closed relay accepts nothing");
}
