//! What a carrier that protects users does about a business, as the business sees it.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Number, PhoneNumberId};
use bulla_carrier::{Carrier, Reason};
use bulla_relay::{AccountEvent, Event, Failure, MessageRef, Outgoing, Relay, Restriction, Status};
use bulla_store::{BoxStore, MemoryStore};

use crate::world::{Line, SHOP, TestDevice, TestRelay, World, alice, business, says, text};

const HOUR: Duration = Duration::from_secs(3_600);

/// The same world with a carrier that protects users, and a relay for the shop alone.
async fn protected() -> (World, TestRelay) {
    let mut world = World::new().await;
    world.relay.close().await;
    let (rows, clock) = (Arc::new(MemoryStore::new()), Arc::clone(&world.clock));
    let carrier = Carrier::open(rows, clock, &*world.rng).await.unwrap();
    world.line = Line::to(carrier.with_protection(Arc::clone(&world.rng)));
    let (store, line, sink) = (world.store.clone(), world.line.clone(), world.sink.clone());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let builder = Relay::builder(BoxStore::new(store), line, sink, clock, rng);
    let relay = builder.business(business(SHOP)).open().await.unwrap();
    (world, relay)
}

/// Numbers far from each other.
fn user(number: u64) -> Number {
    Number::parse(&format!("1650{:07}", number * 4_321)).unwrap()
}

async fn write(relay: &TestRelay, user: &Number) -> MessageRef {
    relay.submit(SHOP, Outgoing::new(user.clone(), text("Half price!"))).await.unwrap()
}

fn statuses(world: &World, of: MessageRef) -> Vec<Status> {
    let status = |event: Event| match event {
        Event::Status(about, update) if about.message == of => Some(update.status),
        _ => None,
    };
    world.sink.taken().into_iter().filter_map(status).collect()
}

/// So many users get a message, one an hour, and report it.
async fn complaints(world: &World, relay: &TestRelay, users: std::ops::Range<u64>) -> Vec<TestDevice> {
    let mut phones = Vec::new();
    for number in users {
        let phone = world.device(user(number)).await;
        let sent = write(relay, &user(number)).await;
        world.pass(HOUR).await;
        phone.report(SHOP, &[sent.id()], Reason::Spam, false).await.unwrap();
        phones.push(phone);
    }
    phones
}

#[tokio::test(start_paused = true)]
async fn who_writes_too_fast_waits_and_what_it_has_written_goes_by_itself() {
    let (world, relay) = protected().await;
    let mut phones = Vec::new();
    for number in 0..12 {
        phones.push(world.device(user(number)).await);
    }
    let mut sent = Vec::new();
    for number in 0..12 {
        sent.push(write(&relay, &user(number)).await);
    }
    world.pass(Duration::from_secs(60)).await;
    let went = sent.iter().filter(|sent| statuses(&world, **sent).contains(&Status::Sent)).count();
    assert_eq!(went, 10);
    world.pass(2 * HOUR).await;
    for sent in sent {
        assert_eq!(statuses(&world, sent)[..2], [Status::Sent, Status::Delivered]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_restricted_is_told_so_of_each_message_and_answers_those_it_knows() {
    let (world, relay) = protected().await;
    let _phones = complaints(&world, &relay, 0..6).await;
    let (phone, stranger) = (world.device(alice()).await, world.device(user(900)).await);
    let refused = write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, refused), [Status::Failed(Failure::Restricted)]);
    // And once of its number.
    write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    let told = world.sink.of_accounts();
    let [AccountEvent::Restriction(update)] = &told[..] else { panic!("{told:?}") };
    let day = update.until.unwrap().since(update.at);
    assert_eq!((update.business, update.restriction), (SHOP, Restriction::Limited));
    assert!(day <= 24 * HOUR && day > 22 * HOUR, "{day:?}");
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let answer = write(&relay, &alice()).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, answer)[..2], [Status::Sent, Status::Delivered]);
    // Nothing was lost but that message: in the same session the next one is opened.
    world.pass(24 * HOUR).await;
    let next = write(&relay, &user(900)).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, next)[..2], [Status::Sent, Status::Delivered]);
    drop(stranger);
    assert!(world.line.ledger().standing(PhoneNumberId::new(1)).await.unwrap().is_none());
}
