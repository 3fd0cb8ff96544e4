//! A failure stops what it is about, and nothing else: a call, a conversation, a business, the relay.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bulla_device::DeviceEventKind;
use bulla_relay::{
    EraseError, MarkReadError, Relay, RelayError, Report, Status, Subject, SubmitError, Suspended,
    SuspendedPart,
};
use bulla_store::{Batch, BoxStore, Commit, FaultyStore, MemoryStore, Space, Store, StoreError};
use bulla_transport::TransportError;

use crate::cancellation::{Row, everything, of, partition, relay, rows};
use crate::erasure::heard;
use crate::world::{BAKERY, SHOP, TestRelay, World, alice, bob, business, says, to};

const IDENTITY: Space = Space::new(0x10);
const SESSIONS: Space = Space::new(0x15);
const EVENTS: Space = Space::new(0x24);
const MINUTE: Duration = Duration::from_secs(60);

fn poisoned() -> StoreError {
    StoreError::Poisoned { source: Some(io::ErrorKind::StorageFull.into()) }
}

pub(crate) fn unreadable() -> StoreError {
    StoreError::Unreadable { source: io::ErrorKind::Other.into() }
}

/// Puts something unreadable in the place of `row`.
async fn damage(engine: &MemoryStore, row: &Row) {
    let mut batch = Batch::new(row.partition);
    batch.put(row.key.clone(), vec![0xff; 3]);
    assert!(matches!(engine.commit(batch).await.unwrap(), Commit::Committed(_)));
}

/// Puts `row` back as it was.
async fn mend(engine: &MemoryStore, row: &Row) {
    let mut batch = Batch::new(row.partition);
    match row.expiry {
        Some(expiry) => batch.put_until(row.key.clone(), row.value.clone(), expiry),
        None => batch.put(row.key.clone(), row.value.clone()),
    }
    assert!(matches!(engine.commit(batch).await.unwrap(), Commit::Committed(_)));
}

/// The row of `space` of Alice's that comes first.
async fn first_of_alices(engine: &Arc<MemoryStore>, space: Space) -> Row {
    let hers = partition(engine, &alice()).await;
    let rows = rows(engine, &[hers]).await;
    rows.into_iter().find(|row| row.key.space() == space).unwrap()
}

async fn identity_of(engine: &MemoryStore, business: bulla_base::PhoneNumberId) -> Row {
    let home = of(engine, &bulla_base::Party::Business(business)).await;
    rows(engine, &[home]).await.into_iter().find(|row| row.key.space() == IDENTITY).unwrap()
}

pub(crate) async fn sick() -> (World, FaultyStore<MemoryStore>, TestRelay) {
    let world = World::new().await;
    world.relay.close().await;
    let store = FaultyStore::default();
    let relay = relay(&world, &store).await;
    (world, store, relay)
}

/// The store was full, and the relay answered every call with an error of its own for ten minutes and was not
/// restarted.
#[tokio::test(start_paused = true)]
async fn the_first_call_that_finds_the_store_dead_stops_the_relay() {
    for call in ["accept", "mark_read", "erase", "bill"] {
        let (world, store, relay) = sick().await;
        let phone = world.device(alice()).await;
        phone.send(SHOP, &says("hello")).await.unwrap();
        let message = world.sink.wait_for(1, &*world.clock).await[0].subject().message;
        world.pass(MINUTE).await;
        let mut reports = relay.reports();
        store.fail_all(poisoned);
        match call {
            "accept" => {
                let refused = relay.submit(SHOP, to(alice(), "hi")).await;
                assert!(matches!(refused, Err(SubmitError::Stopped)), "{refused:?}");
            }
            "mark_read" => {
                let refused = relay.mark_read(SHOP, message).await;
                assert!(matches!(refused, Err(MarkReadError::Submit(SubmitError::Stopped))), "{refused:?}");
            }
            "erase" => {
                let refused = relay.erase(&alice()).await;
                assert!(matches!(refused, Err(EraseError::Stopped)), "{refused:?}");
            }
            _ => drop(relay.bill(SHOP).await.unwrap_err()),
        }
        let why = relay.stopped().await.unwrap_err();
        assert!(matches!(*why, RelayError::Store(StoreError::Poisoned { source: Some(_) })), "{why:?}");
        let last = reports.next().await;
        assert!(matches!(last, Some(Report::Stopped { .. })), "{call}: {last:?}");
        assert!(reports.next().await.is_none());
        store.recover();
        let refused = relay.submit(SHOP, to(bob(), "hi")).await;
        assert!(matches!(refused, Err(SubmitError::Stopped)), "it stays stopped: {refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_for_a_while_stops_nothing() {
    stops_nothing(unreadable).await;
}

/// A day's first message found no open file left, and its conversation was suspended, though its store had
/// said "try again".
#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_begin_to_write_for_a_while_stops_nothing() {
    stops_nothing(|| StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() }).await;
}

async fn stops_nothing(why: fn() -> StoreError) {
    let (world, store, relay) = sick().await;
    let phone = world.device(alice()).await;
    relay.submit(SHOP, to(alice(), "first")).await.unwrap();
    let event = phone.next().await.unwrap();
    phone.acknowledge(event).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(true);
    relay.submit(SHOP, to(alice(), "before")).await.unwrap();
    store.fail_all(why);
    world.line.cut(false);
    phone.send(SHOP, &says("meanwhile")).await.unwrap();
    let refused = relay.submit(SHOP, to(alice(), "now")).await;
    assert!(matches!(&refused, Err(SubmitError::Store(error)) if error.may_pass()), "{refused:?}");
    world.pass(MINUTE * 20).await;
    store.recover();
    world.pass(MINUTE * 60).await;
    assert_eq!(heard(&world.sink.taken()), ["meanwhile"]);
    let mut event = phone.next().await.unwrap();
    while !matches!(event.kind(), DeviceEventKind::Message(said) if *said == says("before")) {
        event = phone.next().await.unwrap();
    }
    assert!(relay.suspended().is_empty());
    relay.close().await;
    relay.stopped().await.unwrap();
}

fn conversation(suspended: &Suspended) -> bulla_relay::UserId {
    match suspended.part {
        SuspendedPart::Conversation { business: SHOP, user } => user,
        part => panic!("{part:?}"),
    }
}

/// A relay whose store holds two events of Alice's, the first of which cannot be read, and one of Bob's.
async fn with_a_damaged_event(world: &World) -> (Row, TestRelay) {
    let phones = [world.device(alice()).await, world.device(bob()).await];
    world.sink.refuse_user(Some(alice()));
    for words in ["one", "two"] {
        phones[0].send(SHOP, &says(words)).await.unwrap();
    }
    world.pass(MINUTE).await;
    world.relay.close().await;
    world.sink.refuse_user(None);
    let event = first_of_alices(&world.rows, EVENTS).await;
    damage(&world.rows, &event).await;
    let relay = world.reopen().await.unwrap();
    phones[1].send(SHOP, &says("from bob")).await.unwrap();
    world.pass(MINUTE).await;
    (event, relay)
}

#[tokio::test(start_paused = true)]
async fn an_event_that_does_not_open_suspends_its_conversation_until_it_is_mended() {
    let world = World::new().await;
    let (event, relay) = with_a_damaged_event(&world).await;
    assert_eq!(heard(&world.sink.taken()), ["from bob"]);
    let suspended = relay.suspended();
    assert_eq!((suspended.len(), relay.stats().suspended), (1, 1));
    assert!(matches!(*suspended[0].why, RelayError::Store(StoreError::Damaged { what: "event" })));
    let user = conversation(&suspended[0]);
    let report = relay.reports().next().await;
    assert!(matches!(&report, Some(Report::Suspended(told)) if told.part == suspended[0].part), "{report:?}");
    let refused = relay.submit(SHOP, to(alice(), "hello?")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, SubmitError::Suspended { part, .. } if part == suspended[0].part));
    relay.submit(BAKERY, to(alice(), "of another business")).await.unwrap();
    relay.submit(SHOP, to(bob(), "hello bob")).await.unwrap();

    mend(&world.rows, &event).await;
    relay.resume(SuspendedPart::Conversation { business: SHOP, user }).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["from bob", "one", "two"]);
    assert_eq!((relay.suspended().len(), relay.stats().suspended), (0, 0));
    relay.submit(SHOP, to(alice(), "there you are")).await.unwrap();
}

/// What comes in a conversation whose session cannot be read is neither lost nor acknowledged.
#[tokio::test(start_paused = true)]
async fn what_a_user_sends_while_their_session_is_damaged_arrives_when_it_is_mended() {
    let world = World::new().await;
    let (phone, others) = (world.device(alice()).await, world.device(bob()).await);
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    world.pass(MINUTE).await;
    let session = first_of_alices(&world.rows, SESSIONS).await;
    damage(&world.rows, &session).await;
    for words in ["one", "two"] {
        phone.send(SHOP, &says(words)).await.unwrap();
        others.send(SHOP, &says(&format!("bob's {words}"))).await.unwrap();
        world.pass(MINUTE).await;
    }
    assert_eq!(heard(&world.sink.taken()), ["hello", "bob's one", "bob's two"]);
    let suspended = world.relay.suspended();
    assert_eq!(suspended.len(), 1, "{suspended:?}");
    mend(&world.rows, &session).await;
    world.relay.resume(suspended[0].part).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello", "bob's one", "bob's two", "one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_its_session_damaged_suspends_its_conversation() {
    let world = World::new().await;
    let _phones = [world.device(alice()).await, world.device(bob()).await];
    world.relay.submit(SHOP, to(alice(), "one")).await.unwrap();
    world.pass(MINUTE).await;
    damage(&world.rows, &first_of_alices(&world.rows, SESSIONS).await).await;
    for _ in 0..2 {
        let refused = world.relay.submit(SHOP, to(alice(), "two")).await;
        assert!(matches!(refused, Err(SubmitError::Suspended { .. })), "{refused:?}");
    }
    assert_eq!(world.relay.suspended().len(), 1);
    world.relay.submit(SHOP, to(bob(), "hello")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_business_whose_identity_does_not_open_keeps_no_other_from_being_opened() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.close().await;
    let identity = identity_of(&world.rows, BAKERY).await;
    damage(&world.rows, &identity).await;

    let relay = world.reopen().await.unwrap();
    let report = relay.reports().next().await;
    let Some(Report::Suspended(Suspended { part: SuspendedPart::Business(BAKERY), why, .. })) = report else {
        panic!("{report:?}")
    };
    assert!(matches!(*why, RelayError::Identity { business: BAKERY, .. }), "{why:?}");
    let refused = relay.submit(BAKERY, to(alice(), "hello")).await;
    assert!(
        matches!(refused, Err(SubmitError::Suspended { part: SuspendedPart::Business(BAKERY), .. })),
        "{refused:?}"
    );
    assert!(relay.resume(SuspendedPart::Business(BAKERY)).await.is_err(), "it is as it was");
    relay.submit(SHOP, to(alice(), "from the shop")).await.unwrap();

    mend(&world.rows, &identity).await;
    relay.resume(SuspendedPart::Business(BAKERY)).await.unwrap();
    relay.submit(BAKERY, to(alice(), "from the bakery")).await.unwrap();
    phone.send(BAKERY, &says("hello bakery")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello bakery"]);
    assert!(relay.suspended().is_empty());
    assert!(relay.resume(SuspendedPart::Business(BAKERY)).await.is_err(), "nothing is suspended");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_was_fenced_stops_alone() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let (line, sink) = (world.line.clone(), world.sink.clone());
    let (clock, rng) = (world.clock.clone(), world.rng.clone());
    // Moved: another relay on the same store speaks for the bakery now.
    let settings = bulla_relay::Settings::default();
    let businesses = vec![business(BAKERY)];
    let _other = Relay::builder(BoxStore::new(world.store.clone()), line, sink, clock, rng)
        .businesses(businesses)
        .settings(settings)
        .open()
        .await
        .unwrap();
    world.pass(MINUTE).await;
    let suspended = world.relay.suspended();
    assert!(
        matches!(&suspended[..], [Suspended { part: SuspendedPart::Business(BAKERY), why, .. }]
            if matches!(**why, RelayError::Transport(TransportError::Fenced { .. }))),
        "{suspended:?}"
    );
    let refused = world.relay.submit(BAKERY, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::Fenced { .. })), "{refused:?}");
    let reference = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    assert!(matches!(phone.next().await.unwrap().kind(), DeviceEventKind::Message(_)));
    world.pass(MINUTE).await;
    let sent = |subject: &Subject| subject.message == reference;
    assert!(world.sink.taken().iter().any(|event| sent(event.subject())));
    let is_sent = |event: &bulla_relay::Event| match event {
        bulla_relay::Event::Status(subject, update) => sent(subject) && update.status == Status::Sent,
        _ => false,
    };
    assert!(world.sink.taken().iter().any(is_sent));
    assert!(!everything(&world.rows).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_set_aside_and_the_conversation_goes_on() {
    let world = World::new().await;
    let (_, relay) = with_a_damaged_event(&world).await;
    let suspended = relay.suspended();
    let user = conversation(&suspended[0]);
    let done = relay.set_aside(SHOP, user).await.unwrap();
    assert_eq!((done.events, done.envelopes, done.messages, done.sessions, done.others), (1, 0, 0, 0, 0));
    assert_eq!(relay.suspended().len(), 1, "until it is resumed");
    relay.resume(suspended[0].part).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["from bob", "two"]);
    relay.submit(SHOP, to(alice(), "what did you say?")).await.unwrap();
    let not_suspended = relay.set_aside(SHOP, user).await;
    assert!(matches!(not_suspended, Err(bulla_relay::BusinessError::NotSuspended { .. })));
}

/// The next places of the queues were lost: were they given out from the beginning again, what waits there
/// would be overwritten.
#[tokio::test(start_paused = true)]
async fn places_that_cannot_be_read_go_on_behind_those_that_are_taken() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.refuse_user(Some(alice()));
    for words in ["one", "two"] {
        phone.send(SHOP, &says(words)).await.unwrap();
        world.pass(MINUTE).await;
    }
    damage(&world.rows, &first_of_alices(&world.rows, Space::new(0x22)).await).await;
    phone.send(SHOP, &says("three")).await.unwrap();
    world.pass(MINUTE).await;
    let suspended = world.relay.suspended();
    let done = world.relay.set_aside(SHOP, conversation(&suspended[0])).await.unwrap();
    assert_eq!((done.events, done.others), (0, 1));
    world.sink.refuse_user(None);
    world.relay.resume(suspended[0].part).await.unwrap();
    world.pass(MINUTE * 120).await;
    assert_eq!(heard(&world.sink.taken()), ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn everything_that_cannot_be_read_is_set_aside_at_once_and_counted() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.relay.submit(SHOP, to(alice(), "hi").idempotency_key("key")).await.unwrap();
    world.pass(MINUTE).await;
    // The indexes of the queues, the user's number, and what was sent under a key.
    for space in [0x22, 0x25, 0x26] {
        damage(&world.rows, &first_of_alices(&world.rows, Space::new(space)).await).await;
    }
    phone.send(SHOP, &says("and this")).await.unwrap();
    world.pass(MINUTE).await;
    let suspended = world.relay.suspended();
    let done = world.relay.set_aside(SHOP, conversation(&suspended[0])).await.unwrap();
    assert_eq!((done.events, done.envelopes, done.messages, done.sessions, done.others), (0, 0, 0, 0, 3));
    world.relay.resume(suspended[0].part).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello", "and this"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_set_aside_is_begun_anew_and_what_came_in_it_is_asked_for_again() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    damage(&world.rows, &first_of_alices(&world.rows, SESSIONS).await).await;
    phone.send(SHOP, &says("not lost")).await.unwrap();
    world.pass(MINUTE).await;
    let suspended = world.relay.suspended();
    let done = world.relay.set_aside(SHOP, conversation(&suspended[0])).await.unwrap();
    assert!(done.sessions > 0, "{done:?}");
    world.relay.resume(suspended[0].part).await.unwrap();
    world.pass(MINUTE).await;
    phone.send(SHOP, &says("once more")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello", "not lost", "once more"]);
    assert!(world.relay.suspended().is_empty());
}
