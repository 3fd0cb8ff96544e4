//! The API, a real relay and a real carrier, together. With webhooks they are tested beside those.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bulla_base::{BusinessAccountId, Category, Number, SeededRng};
use bulla_carrier::Carrier;
use bulla_device::{Device, DeviceEventKind};
use bulla_graph::{GraphApi, Tokens};
use bulla_relay::{
    Business, Event, EventSink, OnBreach, Outgoing, OutgoingBody, PairRate, Relay, Rules, SinkError,
};
use bulla_store::MemoryStore;
use bulla_transport::InProcess;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::WaitingClock;
use crate::fake_relay::{NUMBER, wamid};
use crate::harness::{TOKEN, messages};
use crate::sockets::within;

type RealRelay = Relay<MemoryStore, InProcess<Carrier<MemoryStore>>, IgnoreEvents>;

/// Takes everything.
struct IgnoreEvents;

impl EventSink for IgnoreEvents {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

fn business() -> Business {
    Business::new(NUMBER, BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}

async fn open() -> (RealRelay, GraphApi<RealRelay>) {
    let carrier = Carrier::open(MemoryStore::new(), Arc::new(WaitingClock), &SeededRng::new(2)).await;
    open_at(Arc::new(carrier.unwrap())).await
}

async fn open_at(carrier: Arc<Carrier<MemoryStore>>) -> (RealRelay, GraphApi<RealRelay>) {
    open_with(carrier, business()).await
}

async fn open_with(
    carrier: Arc<Carrier<MemoryStore>>,
    business: Business,
) -> (RealRelay, GraphApi<RealRelay>) {
    let clock = Arc::new(WaitingClock);
    let rng = Arc::new(SeededRng::new(1));
    let relay =
        Relay::builder(MemoryStore::new(), InProcess::new(carrier), IgnoreEvents, clock.clone(), rng.clone())
            .business(business)
            .open()
            .await
            .unwrap();
    let tokens = Tokens::new(&*rng);
    tokens.grant(TOKEN, [NUMBER]).unwrap();
    let api = GraphApi::new(relay.clone(), tokens, clock, rng);
    (relay, api)
}

async fn post(api: &GraphApi<RealRelay>, key: &str, body: &Value) -> (u16, Value) {
    let request = messages().header("idempotency-key", key).body(Body::from(body.to_string())).unwrap();
    let response = api.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn what_belongs_elsewhere_is_refused_by_the_relay_itself() {
    let (relay, api) = open().await;
    for (changes, field) in [
        (
            json!({ "type": "reaction", "reaction": { "message_id": wamid(9), "emoji": "👍" } }),
            "reaction.message_id",
        ),
        (json!({ "to": null, "recipient": format!("ZZ.{}", "0".repeat(39)) }), "recipient"),
        (json!({ "status": "read", "message_id": wamid(9) }), "message_id"),
    ] {
        let mut body =
            json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "hello" } });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let (status, reply) = post(&api, "key", &body).await;
        assert_eq!((status, &reply["error"]["code"]), (400, &json!(131_009)), "{reply}");
        let details = reply["error"]["error_data"]["details"].as_str().unwrap();
        assert!(details.starts_with(&format!("{field}: ")), "{details}");
    }
    relay.close().await;
}

#[tokio::test]
async fn a_client_that_breaks_a_rule_is_told_when_to_come_back() {
    let carrier = Carrier::open(MemoryStore::new(), Arc::new(WaitingClock), &SeededRng::new(2)).await;
    let rate = PairRate::new(Duration::from_secs(3600), 1).unwrap();
    let rules = Rules::none().pair_rate(rate, OnBreach::Refuse);
    let (relay, api) = open_with(Arc::new(carrier.unwrap()), business().rules(rules)).await;
    let body = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "hello" } });
    assert_eq!(post(&api, "one", &body).await.0, 200);
    let request = messages().body(Body::from(body.to_string())).unwrap();
    let response = api.router().oneshot(request).await.unwrap();
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(response.status(), 429);
    assert!(seconds > 3590 && seconds <= 3600, "{seconds}");
    let reply: Value =
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(reply["error"]["code"], 131_056, "{reply}");
    assert_eq!(post(&api, "one", &body).await.0, 200, "what was accepted is answered");
    relay.close().await;
}

#[tokio::test]
async fn an_answer_to_a_message_that_is_not_known_is_sent_without_the_quote() {
    let (relay, api) = open().await;
    let body = json!({
        "messaging_product": "whatsapp",
        "to": "16505551234",
        "text": { "body": "hello" },
        "context": { "message_id": wamid(9) },
    });
    let (status, reply) = post(&api, "key", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert!(reply["messages"][0]["id"].as_str().is_some_and(|id| id.starts_with("wamid.")), "{reply}");
    relay.close().await;
}

#[tokio::test]
async fn a_nul_in_a_text_is_accepted_and_reaches_the_user_as_u_fffd() {
    let (clock, rng) = (Arc::new(WaitingClock), Arc::new(SeededRng::new(3)));
    let carrier = Arc::new(Carrier::open(MemoryStore::new(), clock.clone(), &*rng).await.unwrap());
    let (relay, api) = open_at(carrier.clone()).await;
    let user = Number::parse("16505551234").unwrap();
    let transport = InProcess::new(carrier);
    let device = Device::open(MemoryStore::new(), transport, clock, rng, user).await.unwrap();
    let body =
        json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "be\0fore" } });
    let (status, reply) = post(&api, "key", &body).await;
    assert_eq!(status, 200, "{reply}");
    let event = within(device.next()).await.unwrap();
    // Written out: `Text::new` would replace what is expected, too.
    let DeviceEventKind::Message(said) = event.kind() else { panic!("{event:?}") };
    let bulla_content::Body::Text(text) = said.body() else { panic!("{said:?}") };
    assert_eq!(text.body(), "be\u{fffd}fore");
    device.close().await;
    relay.close().await;
}

/// Messages to two markets and of two categories: what is told of them is what was sent and delivered.
#[tokio::test]
async fn figures_are_those_of_what_the_relay_has_sent_and_delivered() {
    let (clock, rng) = (Arc::new(WaitingClock), Arc::new(SeededRng::new(3)));
    let carrier = Arc::new(Carrier::open(MemoryStore::new(), clock.clone(), &*rng).await.unwrap());
    let (relay, api) = open_at(carrier.clone()).await;
    let [american, french] = ["16505551234", "33612345678"].map(|digits| Number::parse(digits).unwrap());
    let transport = InProcess::new(carrier);
    let open = async |user: &Number| {
        let (store, transport) = (MemoryStore::new(), transport.clone());
        Device::open(store, transport, clock.clone(), rng.clone(), user.clone()).await.unwrap()
    };
    let (device, away) = (open(&american).await, open(&french).await);
    // It has keys, so that it is written to, and is not there.
    away.close().await;
    let body = json!({ "messaging_product": "whatsapp", "to": "16505551234", "text": { "body": "hello" } });
    for key in ["one", "two"] {
        assert_eq!(post(&api, key, &body).await.0, 200);
    }
    let offer = |to: &Number| {
        let text = bulla_content::Text::new("An offer").unwrap();
        Outgoing::new(to.clone(), OutgoingBody::Text(text)).category(Category::Marketing)
    };
    for to in [&american, &french, &french] {
        relay.submit(NUMBER, offer(to)).await.unwrap();
    }
    for _ in 0..3 {
        within(device.next()).await.unwrap();
    }
    let told = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
        let response = api.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    // The day of that clock, which is 2026-11-21.
    let (start, end) = (1_795_219_200, 1_795_305_600);
    let field = format!("/1?fields=analytics.start({start}).end({end}).granularity(DAY)");
    // The last receipt may still be on its way.
    let delivered = async || told(&field).await["analytics"]["data_points"][0]["delivered"] == 3;
    within(async {
        while !delivered().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let expected = json!({ "id": "1", "analytics": {
        "phone_numbers": ["15550783881"], "granularity": "DAY",
        "data_points": [{ "start": start, "end": end, "sent": 5, "delivered": 3 }],
    } });
    assert_eq!(told(&field).await, expected);
    let of_france = told(&format!("{field}.country_codes([%22FR%22])")).await;
    let points = json!([{ "start": start, "end": end, "sent": 2, "delivered": 0 }]);
    assert_eq!(of_france["analytics"]["data_points"], points);
    let dimensions = "dimensions=COUNTRY,PRICING_CATEGORY";
    let path = format!("/1/pricing_analytics?start={start}&end={end}&granularity=DAILY&{dimensions}");
    let point = |category: &str, volume: u64| json!({ "start": start, "end": end, "country": "US", "pricing_category": category, "volume": volume });
    let points = json!([point("SERVICE", 2), point("MARKETING", 1)]);
    assert_eq!(told(&path).await, json!({ "data": [{ "data_points": points }] }));
    device.close().await;
    relay.close().await;
}
