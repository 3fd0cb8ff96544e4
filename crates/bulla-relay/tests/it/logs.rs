//! What an operator is told, and how often.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;
use std::time::Duration;

use tracing::Level;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use crate::fault_isolation::{sick, unreadable};
use crate::world::{SHOP, alice, to};

thread_local! {
    /// The warnings on this thread.
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
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Told {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("bulla_relay")
            && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        TOLD.with_borrow_mut(|told| told.push(line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_waits_for_the_store_is_told_of_once_however_often_it_is_tried() {
    Told::listen();
    let (world, store, relay) = sick().await;
    let _phone = world.device(alice()).await;
    relay.submit(SHOP, to(alice(), "first")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    world.line.cut(true);
    relay.submit(SHOP, to(alice(), "second")).await.unwrap();
    TOLD.take();
    let before = relay.stats().retried;
    store.fail_all(unreadable);
    world.line.cut(false);
    world.pass(Duration::from_secs(3600)).await;
    assert!(relay.stats().retried > before + 10, "{:?}", relay.stats());
    let told = TOLD.take();
    let waits = told.iter().filter(|line| line.contains("a conversation waits, to be tried again"));
    assert_eq!(waits.count(), 1, "{told:#?}");
}
