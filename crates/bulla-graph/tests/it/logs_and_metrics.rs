//! What the operator sees: counters, spans and warnings, and nothing that a client said.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use bulla_base::{ManualClock, SeededRng};
use bulla_graph::GraphApi;
use bulla_relay::SubmitError;
use bulla_transport::Incarnation;
use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use crate::clock::{HastyClock, WaitingClock};
use crate::fake_relay::{NUMBER, RecordingRelay, wamid};
use crate::harness::{Bench, TOKEN, messages, tokens};
use crate::sockets::{Server, head, request, text};

/// Counters and gauges by name and labels.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }

    fn absolute(&self, _: u64) {
        unreachable!("nothing here counts so")
    }
}

impl GaugeFn for Count {
    fn increment(&self, value: f64) {
        assert!((value - 1.0).abs() < f64::EPSILON);
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn decrement(&self, value: f64) {
        assert!((value - 1.0).abs() < f64::EPSILON);
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn set(&self, _: f64) {
        unreachable!("nothing here counts so")
    }
}

impl Counts {
    fn at(&self, key: &Key) -> Arc<Count> {
        let labels: Vec<String> =
            key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        let name = key.name().trim_start_matches("bulla_graph_").to_owned() + &labels.concat();
        self.0.lock().unwrap().entry(name).or_default().clone()
    }

    fn all(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock().unwrap();
        counts.iter().map(|(name, count)| (name.clone(), count.0.load(Ordering::SeqCst))).collect()
    }
}

impl metrics::Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.at(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.at(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn expected(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn every_request_is_counted_and_every_refusal_by_its_reason() {
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    let bench = Bench::new();
    let body = text();
    bench.post(body.clone()).await;
    bench.post("{}").await;
    let image = json!({ "link": "https://x.co/a.jpg" });
    let linked =
        json!({ "messaging_product": "whatsapp", "type": "image", "to": "1", "image": image }).to_string();
    bench.post(linked.clone()).await;
    bench.relay.fail(SubmitError::Stopped);
    bench.post(body.clone()).await;
    let bearer = format!("Bearer {TOKEN}");
    for (path, authorization) in [("/1/files", &bearer), ("/1/messages", &bearer), ("/x", &String::new())] {
        let request = Request::post(path).header("authorization", authorization);
        bench.call(request.body(Body::empty()).unwrap()).await;
    }
    let bytes = u64::try_from(2 * body.len() + 2 + linked.len()).unwrap();
    assert_eq!(
        counts.all(),
        expected(&[
            ("body_bytes_total", bytes),
            ("in_flight_requests", 0),
            ("refused_total reason=number", 1),
            ("refused_total reason=parameter", 1),
            ("refused_total reason=path", 1),
            ("refused_total reason=token", 1),
            ("refused_total reason=type", 1),
            ("refused_total reason=unavailable", 1),
            ("requests_total route=messages status=2xx", 1),
            ("requests_total route=messages status=4xx", 3),
            ("requests_total route=messages status=5xx", 1),
            ("requests_total route=other status=4xx", 2),
        ])
    );
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open_and_by_how_they_end() {
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    let (patient, hasty) =
        (Bench::with_clock(Arc::new(WaitingClock)), Bench::with_clock(Arc::new(HastyClock)));
    let (server, hasty) = (Server::start(&patient.api).await, Server::start(&hasty.api).await);
    let mut leaving = server.connect().await;
    leaving.send(request(&text())).await;
    leaving.answer().await.unwrap();
    assert!(counts.all().contains(&("open_connections".to_owned(), 1)));
    leaving.stream.shutdown().await.unwrap();
    leaving.is_closed().await;
    hasty.connect().await.is_closed().await;
    let mut refused = server.connect().await;
    refused.send(format!("{}content-length: 1000000\r\n\r\n", head("expired"))).await;
    refused.answer().await.unwrap();
    refused.is_closed().await;
    let mut waiting = server.connect().await;
    waiting.send(request(&text())).await;
    waiting.answer().await.unwrap();
    server.end().await.unwrap().unwrap();
    let counts: Vec<_> = counts.all().into_iter().filter(|(name, _)| !name.contains("request")).collect();
    assert!(counts.contains(&("open_connections".to_owned(), 0)), "{counts:?}");
    for reason in ["client", "slow", "unread", "wanted"] {
        assert!(counts.contains(&(format!("closed_total reason={reason}"), 1)), "{reason}: {counts:?}");
    }
}

/// All that this crate tells in this process, spans included, whoever asked.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Told {
    fn write(&self, line: Line) {
        self.0.lock().unwrap().push(line.0);
    }

    fn containing(&self, text: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }
}

impl tracing::Subscriber for Told {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("bulla_graph")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", attributes.metadata().name()));
        attributes.record(&mut line);
        self.write(line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded".to_owned());
        values.record(&mut line);
        self.write(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.write(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_operator_is_told_of_what_fails_once_and_of_nothing_a_client_said() {
    let told = Told::default();
    tracing::subscriber::set_global_default(told.clone()).unwrap();
    let relay = Arc::new(RecordingRelay::default());
    let (clock, rng) = (Arc::new(ManualClock::default()), Arc::new(SeededRng::new(4242)));
    let bench = Bench {
        relay: relay.clone(),
        api: GraphApi::new(relay, tokens(), clock, rng),
        codes: Arc::default(),
    };
    let good = json!({
        "messaging_product": "whatsapp", "to": "19998887777", "text": { "body": "canary text" },
        "biz_opaque_callback_data": "canary tracking", "context": { "message_id": wamid(5) },
    });
    let mut traces = Vec::new();
    for changes in [
        json!({}),
        json!({ "to": "19998887777x" }),
        json!({ "to": null, "recipient": "canary user" }),
        json!({ "type": "canary type" }),
        json!({ "status": "canary status" }),
        json!({ "messaging_product": "canary product" }),
        json!({ "text": { "body": "canary text".repeat(400) } }),
        json!({ "type": "reaction", "reaction": { "message_id": "canary message", "emoji": "canary emoji" } }),
        json!({ "type": "reaction", "reaction": { "message_id": wamid(1), "emoji": "canary emoji" } }),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let key = messages().header("idempotency-key", "canary key").body(body.to_string().into()).unwrap();
        traces.push(bench.call(key).await.headers["x-fb-trace-id"].to_str().unwrap().to_owned());
    }
    for bad in ["canary that is no JSON", "{\"canary\": "] {
        bench.post(bad).await;
    }
    let outside = Request::post("/canary/path?access_token=canarytoken").header("x", "canary header");
    bench.call(outside.body(Body::from("canary body")).unwrap()).await;
    for _ in 0..5 {
        bench.relay.fail(SubmitError::Fenced { ours: Incarnation::new(4242) });
        assert_eq!(bench.post(good.to_string()).await.status, 503);
    }

    for secret in ["canary", "19998887777", TOKEN, &wamid(5)] {
        assert_eq!(told.containing(secret), Vec::<String>::new());
    }
    for trace in &traces {
        assert_eq!(told.containing(trace).len(), 1, "{trace}");
    }
    assert!(told.containing(&traces[0])[0].contains("route=\"messages\""));
    assert!(!told.containing(&format!("business={NUMBER}")).is_empty());
    let failures = told.containing("4242 is not the latest");
    let warned = failures.iter().filter(|line| line.starts_with("WARN")).count();
    assert_eq!((failures.len(), warned), (5, 1), "{failures:?}");
}
