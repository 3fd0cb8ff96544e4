//! A user is forgotten; the others are not.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::Party;
use bulla_content::{Progress, Receipt};
use bulla_device::DeviceEventKind;
use bulla_relay::{Event, Incoming, Outgoing, Recipient, Relay, SubmitError};
use bulla_store::{BoxStore, CountingStore, FaultyStore, MemoryStore};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};

use crate::cancellation::{everything, of, partition, relay, rows};
use crate::world::{BAKERY, SHOP, World, alice, bob, business, says, text, to};

/// The texts users have said, as far as the business knows.
pub(crate) fn heard(events: &[Event]) -> Vec<String> {
    let said = |event: &Event| match event {
        Event::Message(_, Incoming::Text { text, .. }) => Some(text.body().to_owned()),
        _ => None,
    };
    events.iter().filter_map(said).collect()
}

#[tokio::test(start_paused = true)]
async fn an_erased_user_is_gone_and_begins_anew() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    for business in [SHOP, BAKERY] {
        phone.send(business, &says("hello")).await.unwrap();
        world.relay.submit(business, to(alice(), "good morning")).await.unwrap();
    }
    world.sink.wait_for(4, &*world.clock).await;
    world.pass(Duration::from_secs(60)).await;
    let before = world.sink.taken();
    let user = before[0].subject().user_id;
    let store = &world.rows;
    let before_erasing = everything(store).await;

    let erased = world.relay.erase(&alice()).await.unwrap();
    assert!(erased.records() > 10 && erased.at() <= world.clock.now(), "{erased:?}");
    let left = everything(store).await;
    assert_eq!(left.len() + erased.records(), before_erasing.len());
    let tag = partition(store, &alice()).await;
    assert!(left.iter().all(|row| row.partition != tag && !row.key.name().ends_with(tag.as_bytes())));
    assert_eq!(world.relay.erase(&alice()).await.unwrap().records(), 0);
    let by_id = Outgoing::new(Recipient::UserId(user), text("who?"));
    assert!(matches!(world.relay.submit(SHOP, by_id).await, Err(SubmitError::UnknownUser)));

    // What the device writes in the session it still has cannot be opened. It is asked for again, and sent
    // again.
    loop {
        tokio::select! {
            event = phone.next() => phone.acknowledge(event.unwrap()).await.unwrap(),
            () = world.pass(Duration::from_secs(5)) => break,
        }
    }
    phone.send(SHOP, &says("still there?")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    phone.send(SHOP, &says("here I am again")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(heard(&world.sink.taken()[before.len()..]), ["still there?", "here I am again"]);
    assert_eq!(world.sink.taken().last().unwrap().subject().user_id, user);
}

/// What an erasure keeps from being opened is asked for in a new session, which takes keys from the carrier.
/// When it had none to give just then, the envelope was acknowledged all the same, and nobody was ever told.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_is_asked_for_also_when_the_carrier_was_away_just_then() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    loop {
        tokio::select! {
            event = phone.next() => phone.acknowledge(event.unwrap()).await.unwrap(),
            () = world.pass(Duration::from_secs(60)) => break,
        }
    }
    world.relay.erase(&alice()).await.unwrap();
    world.line.withhold_keys(true);
    let asked_for = phone.send(SHOP, &says("still there?")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    world.line.withhold_keys(false);
    let event = tokio::select! {
        event = phone.next() => event.unwrap(),
        () = world.pass(Duration::from_secs(7200)) => panic!("nobody was told"),
    };
    let delivered = Receipt::new(Progress::Delivered, vec![asked_for]).unwrap();
    assert_eq!(event.kind(), &DeviceEventKind::Receipt(delivered));
    assert_eq!(heard(&world.sink.taken()), ["hello", "still there?"]);
}

/// A vault does not show what it has no key for any more. A mark whose hour was over stayed behind with the
/// user's tag in its name, until its day was dropped a day or two later.
#[tokio::test(start_paused = true)]
async fn marks_whose_hour_is_over_are_erased_too() {
    let world = World::new().await;
    world.relay.close().await;
    let (engine, rng) = (Arc::new(MemoryStore::new()), world.rng.clone());
    let (keyring, keys) = (MemoryKeyring::new(), OperatorKey::from_bytes([7; 32], rng.clone()));
    let vault = Vault::open(engine.clone(), keyring, &keys, world.clock.clone(), rng.clone()).await.unwrap();
    let vault = Arc::new(vault);
    let relay = Relay::builder(
        BoxStore::new(vault.clone()),
        world.line.clone(),
        world.sink.clone(),
        world.clock.clone(),
        rng,
    )
    .business(business(SHOP))
    .open()
    .await
    .unwrap();
    relay.submit(SHOP, to(alice(), "to nobody")).await.unwrap();
    world.pass(Duration::from_secs(30 * 86_400 + 4 * 3600)).await;
    let (tag, home) = (partition(&vault, &alice()).await, of(&vault, &Party::Business(SHOP)).await);
    let marks = async || {
        let rows = rows(&engine, &[home]).await;
        rows.into_iter().filter(|row| row.key.name().ends_with(tag.as_bytes())).count()
    };
    assert_eq!(marks().await, 2, "the mark of the day, there and not to be seen, and the conversation");
    relay.erase(&alice()).await.unwrap();
    assert_eq!(marks().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_erasure_costs_two_passes() {
    let world = World::new().await;
    world.relay.close().await;
    let counted = CountingStore::new(MemoryStore::new());
    let counts = counted.counts();
    // An erasure goes page by page through what is over the counts.
    let store = FaultyStore::new(counted);
    let relay = relay(&world, &store).await;
    relay.submit(SHOP, to(alice(), "to nobody")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    for passes in [2, 1] {
        drop(counts.take());
        relay.erase(&alice()).await.unwrap();
        // Every space, the conversations, and whether each of two businesses has one, has blocked the user,
        // and counts the user; once the four kinds of marks of the one there is.
        assert_eq!(counts.take().scans.values().sum::<usize>(), passes * (256 + 1 + 6) + 4 * (passes / 2));
    }
}

/// After an erasure the conversation is marked as busy anew, or nobody would look for its work after a crash.
#[tokio::test(start_paused = true)]
async fn what_is_accepted_after_an_erasure_survives_a_restart() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "before")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("before")));
    world.relay.erase(&alice()).await.unwrap();
    world.line.cut(true);
    world.pass(Duration::from_secs(1)).await;
    world.line.cut(false);
    let reference = world.relay.submit(SHOP, to(alice(), "after")).await.unwrap();
    world.line.cut(true);
    world.relay.close().await;
    world.line.cut(false);
    let _relay = world.reopen().await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("after")));
    world.pass(Duration::from_secs(60)).await;
    assert!(world.sink.taken().iter().any(|event| event.subject().message == reference));
}

/// What waits for a business that does not answer, and for a carrier that cannot be reached, was read before
/// the erasure: it must not leave after it, and what stands in its place then must not be taken for it.
#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_out_does_not_leave_after_the_erasure() {
    let world = World::new().await;
    let (phone, other) = (world.device(alice()).await, world.device(bob()).await);
    world.sink.refuse_user(Some(alice()));
    phone.send(SHOP, &says("to be forgotten")).await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    assert!(world.sink.offered() > 2);
    other.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    world.line.cut(true);
    world.relay.submit(SHOP, to(bob(), "to Bob")).await.unwrap();
    world.relay.submit(SHOP, to(alice(), "to be forgotten, too")).await.unwrap();
    world.pass(Duration::from_secs(10)).await;

    world.relay.erase(&alice()).await.unwrap();
    world.sink.refuse_user(None);
    world.line.cut(false);
    world.relay.submit(SHOP, to(alice(), "new")).await.unwrap();
    world.relay.submit(SHOP, to(alice(), "newer")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("new")));
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("newer")));
    // A receipt for the greeting, then the message.
    assert!(matches!(other.next().await.unwrap().kind(), DeviceEventKind::Receipt(_)));
    assert_eq!(other.next().await.unwrap().kind(), &DeviceEventKind::Message(says("to Bob")));
    world.pass(Duration::from_secs(7200)).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
}
