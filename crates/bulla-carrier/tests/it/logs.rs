//! What an operator is told, and in which span.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use bulla_base::{Address, Party};
use bulla_transport::Transport;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use crate::{World, alice, caller, shop};

/// What was told on this thread, with all fields of events and of spans.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// What was told since last.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn tell(&self, line: Line) {
        self.0.lock().unwrap().push(line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Told {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("bulla_carrier")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line("span".to_owned());
        span.record(&mut line);
        self.tell(line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, fields: &Record<'_>) {
        let mut line = Line("recorded".to_owned());
        fields.record(&mut line);
        self.tell(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.tell(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An operator who sees that a copy was shut out knows which of two programs to stop.
#[tokio::test]
async fn it_is_told_when_earlier_incarnations_are_shut_out_and_only_then() {
    let told = Told::default();
    let _listening = tracing::subscriber::set_default(told.clone());
    let world = World::new().await;
    for (incarnation, is_news) in [(1, false), (2, true), (2, false), (5, true)] {
        world.transport().connect(&caller(shop(), incarnation)).await.unwrap();
        let lines = told.take();
        let news: Vec<_> = lines.iter().filter(|line| line.contains("are shut out")).collect();
        assert_eq!(news.len(), usize::from(is_news), "{incarnation}: {lines:?}");
        assert!(news.iter().all(|line| line.contains(&format!(" incarnation={incarnation}"))), "{news:?}");
    }
}

#[tokio::test]
async fn a_call_is_in_a_span_of_its_business_and_conversation_and_says_no_number() {
    let told = Told::default();
    let _listening = tracing::subscriber::set_default(told.clone());
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let _ = told.take();
    let envelope = world.envelope(&us, &her);
    world.transport().send(&us, envelope.clone()).await.unwrap();
    let lines = told.take().join("\n");
    let Party::Business(business) = *us.address().party() else { panic!("a shop is a business") };
    assert!(lines.contains("task=\"send\""), "{lines}");
    assert!(lines.contains(&format!("business={business}")), "{lines}");
    assert!(lines.contains("conversation="), "{lines}");
    assert!(lines.contains(&format!("message={}", envelope.id())), "{lines}");
    assert!(!lines.contains(number(&alice())), "{lines}");
}

fn number(user: &Address) -> &str {
    let Party::User(number) = user.party() else { panic!("not a user") };
    number.digits()
}
