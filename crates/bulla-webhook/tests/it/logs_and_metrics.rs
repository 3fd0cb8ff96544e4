//! Who calls is said in every call, and a webhook that fails is told to the operator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla_base::PhoneNumberId;
use bulla_relay::{Business, Event, EventSink, Subject};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use crate::receiver::{Receiver, plain, well_behaved};
use crate::updates::{business, hello, sink, webhook};

#[tokio::test]
async fn every_call_says_who_calls() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    sink.forward(&hello()).await.unwrap();
    let seen = receiver.take();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        let agent = seen.headers["user-agent"].to_str().unwrap();
        assert_eq!(agent, concat!("bulla-webhook/", env!("CARGO_PKG_VERSION")), "{}", seen.method);
    }
}

/// What the crate told, by any test, with all fields.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// Listens from now on, in all threads: whether a place in the code is listened to is found out once for
    /// all of them.
    fn listen() -> Self {
        let told = Self::default();
        tracing::subscriber::set_global_default(told.clone()).unwrap();
        told
    }

    /// What was told of `business` since last.
    fn take(&self, business: PhoneNumberId) -> Vec<String> {
        let name = format!("business={business} ");
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.iter_mut().for_each(|line| line.push(' '));
        lines.retain(|line| line.contains(&name));
        lines
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl tracing::Subscriber for Told {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("bulla_webhook")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_operator_is_told_at_the_first_failure_and_at_changes_and_never_the_url() {
    const QUIET: PhoneNumberId = PhoneNumberId::new(4242);
    let told = Told::listen();
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    let business = Business::new(QUIET, business().account(), business().display_number().clone());
    sink.subscribe([business], webhook(&receiver)).unwrap();
    let Event::Message(about, incoming) = hello() else { unreachable!() };
    let about = Subject::new(QUIET, about.user, about.user_id, about.message, about.at);
    let event = Event::Message(about, incoming);
    sink.forward(&event).await.unwrap();
    assert_eq!(told.take(QUIET), Vec::<String>::new());
    let mut all = Vec::new();
    for (status, reason) in [(500, "reason=\"status\""), (503, "answered 503")] {
        receiver.answer(move |_| plain(status, ""));
        for _ in 0..5 {
            assert!(sink.forward(&event).await.is_err());
        }
        let lines = told.take(QUIET);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("WARN") && lines[0].contains(reason), "{lines:?}");
        all.extend(lines);
    }
    receiver.answer(well_behaved);
    sink.forward(&event).await.unwrap();
    sink.forward(&event).await.unwrap();
    let lines = told.take(QUIET);
    assert!(
        matches!(&lines[..], [line] if line.starts_with("INFO") && line.contains("failures=10")),
        "{lines:?}"
    );
    all.extend(lines);
    for line in all {
        for secret in ["/hook", "key=1", "127.0.0.1", "16505551234", "tok&en", "app secret", "hello"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

/// Counters by name and labels.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(std::sync::atomic::AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, std::sync::atomic::Ordering::SeqCst);
    }

    fn absolute(&self, _: u64) {
        unreachable!("nothing here counts so")
    }
}

impl metrics::Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> =
            key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        let name = format!("{}{}", key.name(), labels.concat());
        Counter::from_arc(self.0.lock().unwrap().entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn every_update_and_every_call_is_counted_by_what_came_of_it() {
    let counts = Counts::default();
    let guard = metrics::set_default_local_recorder(&counts);
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    receiver.answer(|_| plain(200, "not the challenge"));
    assert!(sink.forward(&hello()).await.is_err());
    receiver.answer(well_behaved);
    for _ in 0..3 {
        sink.forward(&hello()).await.unwrap();
    }
    receiver.answer(|_| plain(500, ""));
    for _ in 0..2 {
        assert!(sink.forward(&hello()).await.is_err());
    }
    drop(guard);
    let counts = counts.0.lock().unwrap();
    let counts: Vec<(&str, u64)> = counts
        .iter()
        .map(|(name, count)| (name.as_str(), count.0.load(std::sync::atomic::Ordering::SeqCst)))
        .collect();
    assert_eq!(
        counts,
        [
            ("bulla_webhook_calls_total kind=handshake outcome=answered", 2),
            ("bulla_webhook_calls_total kind=update outcome=answered", 5),
            ("bulla_webhook_updates_total outcome=status", 2),
            ("bulla_webhook_updates_total outcome=taken", 3),
            ("bulla_webhook_updates_total outcome=wrong_challenge", 1),
        ]
    );
}
