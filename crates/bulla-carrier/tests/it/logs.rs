//! What an operator is told, and in which span.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use bulla_base::{Address, Party};
use bulla_transport::Transport;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use crate::{World, alice, caller, shop};

thread_local! {
    /// What was told on this thread, with all fields of events and of spans.
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Told;

impl Told {
    /// Listens from now on, in all threads: whether a place in the code is listened to is found out once for
    /// all of them.
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Self).unwrap());
    }

    /// What was told on this thread since last.
    fn take() -> Vec<String> {
        TOLD.take()
    }

    fn tell(line: Line) {
        TOLD.with_borrow_mut(|told| told.push(line.0));
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
        Self::tell(line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, fields: &Record<'_>) {
        let mut line = Line("recorded".to_owned());
        fields.record(&mut line);
        Self::tell(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        Self::tell(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An operator who sees that a copy was shut out knows which of two programs to stop.
#[tokio::test]
async fn it_is_told_when_earlier_incarnations_are_shut_out_and_only_then() {
    Told::listen();
    let world = World::new().await;
    for (incarnation, is_news) in [(1, false), (2, true), (2, false), (5, true)] {
        world.transport().connect(&caller(shop(), incarnation)).await.unwrap();
        let lines = Told::take();
        let news: Vec<_> = lines.iter().filter(|line| line.contains("are shut out")).collect();
        assert_eq!(news.len(), usize::from(is_news), "{incarnation}: {lines:?}");
        assert!(news.iter().all(|line| line.contains(&format!(" incarnation={incarnation}"))), "{news:?}");
    }
}

#[tokio::test]
async fn a_call_is_in_a_span_of_its_business_and_conversation_and_says_no_number() {
    Told::listen();
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let _ = Told::take();
    let envelope = world.envelope(&us, &her);
    world.transport().send(&us, envelope.clone()).await.unwrap();
    let lines = Told::take().join("\n");
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
