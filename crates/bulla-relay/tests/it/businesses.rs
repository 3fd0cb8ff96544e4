//! Businesses come and go while the relay runs.

use std::time::Duration;

use bulla_base::{BusinessAccountId, Number, Partition, Party, PhoneNumberId};
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{Business, BusinessError, RelayError, SubmitError, Suspended, SuspendedPart};

use crate::cancellation::{Row, everything, of, partition};
use crate::erasure::heard;
use crate::world::{BAKERY, SHOP, World, alice, bob, business, says, to};

const KIOSK: PhoneNumberId = PhoneNumberId::new(7);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_business_that_is_added_sends_and_receives_at_once() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let refused = world.relay.submit(KIOSK, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::UnknownBusiness { business: KIOSK })));
    world.relay.add_business(business(KIOSK)).await.unwrap();
    let again = world.relay.add_business(business(KIOSK)).await;
    assert!(matches!(again, Err(BusinessError::Known { business: KIOSK })));
    world.relay.submit(KIOSK, to(alice(), "hello")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("hello")));
    phone.send(KIOSK, &says("good morning")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["good morning"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_business_that_was_removed_waits_until_it_is_added_again() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    world.relay.remove_business(SHOP).await.unwrap();
    assert!(world.relay.business(SHOP).is_none());
    let gone = world.relay.remove_business(SHOP).await;
    assert!(matches!(gone, Err(BusinessError::Unknown { business: SHOP })));
    let refused = world.relay.submit(SHOP, to(alice(), "anybody there?")).await;
    assert!(matches!(refused, Err(SubmitError::UnknownBusiness { business: SHOP })));
    phone.send(SHOP, &says("anybody there?")).await.unwrap();
    world.pass(MINUTE * 60).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);

    world.relay.add_business(business(SHOP)).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello", "anybody there?"], "with the keys it had");
    world.relay.submit(SHOP, to(alice(), "yes")).await.unwrap();
}

/// A message that waited in the outbox, and an event that waited for the sink, when their business was
/// removed.
#[tokio::test(start_paused = true)]
async fn what_waited_when_a_business_was_removed_goes_on_when_it_is_back() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.refuse_user(Some(alice()));
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(true);
    world.relay.submit(SHOP, to(alice(), "wait")).await.unwrap();
    world.pass(MINUTE).await;
    world.relay.remove_business(SHOP).await.unwrap();
    let offered = world.sink.offered();
    world.line.cut(false);
    world.sink.refuse_user(None);
    world.pass(MINUTE * 600).await;
    assert_eq!(world.sink.offered(), offered, "nothing runs for it any more");
    world.relay.add_business(business(SHOP)).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
    let mut event = phone.next().await.unwrap();
    while !matches!(event.kind(), DeviceEventKind::Message(said) if *said == says("wait")) {
        event = phone.next().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_business_is_changed_without_being_interrupted() {
    let world = World::new().await;
    let number = Number::parse("15550000000").unwrap();
    let changed = Business::new(SHOP, BusinessAccountId::new(9), number);
    world.relay.change_business(changed.clone()).await.unwrap();
    assert_eq!(world.relay.business(SHOP), Some(changed));
    let unknown = world.relay.change_business(business(KIOSK)).await;
    assert!(matches!(unknown, Err(BusinessError::Unknown { business: KIOSK })));
    assert!(world.relay.business(KIOSK).is_none());
}

#[tokio::test(start_paused = true)]
async fn businesses_that_are_added_while_the_carrier_is_away_come_in_when_it_is_back() {
    let world = World::new().await;
    world.line.cut(true);
    world.relay.add_business(business(KIOSK)).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(false);
    world.pass(MINUTE * 5).await;
    let phone = world.device(alice()).await;
    phone.send(KIOSK, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
}

/// Everything in the partitions of the shop and of its users, and everything that is named after it.
async fn of_the_shop(world: &World) -> Vec<Row> {
    let name = SHOP.number().to_be_bytes();
    let home = of(&world.rows, &Party::Business(SHOP)).await;
    let mut rows = everything(&world.rows).await;
    rows.retain(|row| row.partition == home || row.key.name().starts_with(&name));
    rows
}

#[tokio::test(start_paused = true)]
async fn a_business_that_is_erased_leaves_nothing_behind_and_others_stay() {
    let world = World::new().await;
    let phones = [world.device(alice()).await, world.device(bob()).await];
    for phone in &phones {
        phone.send(SHOP, &says("hello shop")).await.unwrap();
    }
    phones[0].send(BAKERY, &says("hello bakery")).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(true);
    world.relay.submit(SHOP, to(alice(), "waits").idempotency_key("key")).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(false);
    let bobs = partition(&world.rows, &bob()).await;
    assert!(of_the_shop(&world).await.len() > 100, "prekeys, sessions, queues");

    world.relay.erase_business(SHOP).await.unwrap();
    assert_eq!(of_the_shop(&world).await, []);
    let left = everything(&world.rows).await;
    assert!(left.iter().all(|row| row.partition != bobs), "Bob had talked to nobody else");
    let refused = world.relay.submit(SHOP, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::UnknownBusiness { business: SHOP })));
    world.relay.submit(BAKERY, to(alice(), "still here")).await.unwrap();
    world.relay.erase_business(SHOP).await.unwrap();
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToBusiness), 2, "the bill stays");

    world.relay.add_business(business(SHOP)).await.unwrap();
    world.relay.submit(SHOP, to(bob(), "we begin anew")).await.unwrap();
    world.pass(MINUTE).await;
    let mut event = phones[1].next().await.unwrap();
    while !matches!(event.kind(), DeviceEventKind::Message(said) if *said == says("we begin anew")) {
        phones[1].acknowledge(event).await.unwrap();
        event = phones[1].next().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_erasure_of_a_business_that_is_cut_short_is_carried_out_at_the_next_opening() {
    let world = World::new().await;
    let phones = [world.device(alice()).await, world.device(bob()).await];
    for phone in &phones {
        phone.send(SHOP, &says("hello")).await.unwrap();
    }
    world.pass(MINUTE).await;
    let all = of_the_shop(&world).await.len();
    tokio::select! {
        biased;
        erased = world.relay.erase_business(SHOP) => panic!("too early: {erased:?}"),
        // A commit takes four milliseconds.
        () = world.pass(Duration::from_millis(40)) => {}
    }
    world.relay.close().await;
    world.pass(MINUTE).await;
    let left = of_the_shop(&world).await.len();
    assert!(0 < left && left < all, "{left} of {all}");
    let relay = world.reopen_for(vec![business(BAKERY)]).await.unwrap();
    assert_eq!(of_the_shop(&world).await, []);
    relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
}

/// Heads, sessions and salts had no date, and stayed for ever.
#[tokio::test(start_paused = true)]
async fn a_conversation_in_which_nothing_was_said_for_30_days_leaves_nothing_behind() {
    const DAY: Duration = Duration::from_secs(86_400);
    let world = World::new().await;
    let phones = [world.device(alice()).await, world.device(bob()).await];
    phones[0].send(SHOP, &says("hello")).await.unwrap();
    world.relay.submit(BAKERY, to(bob(), "hello bob")).await.unwrap();
    let [alices, bobs] = [partition(&world.rows, &alice()).await, partition(&world.rows, &bob()).await];
    let about = async |user: Partition| {
        let mut rows = everything(&world.rows).await;
        rows.retain(|row| row.partition == user || row.key.name().ends_with(user.as_bytes()));
        rows.len()
    };
    world.pass(DAY * 20).await;
    phones[1].send(BAKERY, &says("hello bakery")).await.unwrap();
    world.pass(DAY * 10).await;
    assert!(about(alices).await > 0);
    world.pass(DAY * 3).await;
    assert_eq!(about(alices).await, 0, "33 days after the last word");
    assert!(about(bobs).await > 0, "13 days after the last word");
    // The phone does not know, and what it says first is asked for again.
    phones[0].send(SHOP, &says("are you there?")).await.unwrap();
    world.pass(MINUTE).await;
    phones[0].send(SHOP, &says("hello again")).await.unwrap();
    world.pass(MINUTE).await;
    assert!(heard(&world.sink.taken()).contains(&"hello again".to_owned()));
    world.pass(DAY * 33).await;
    assert_eq!((about(alices).await, about(bobs).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_business_at_whose_opening_something_panics_stops_alone() {
    let world = World::new().await;
    world.relay.close().await;
    world.line.break_for(Some(SHOP));
    let relay = world.reopen().await.unwrap();
    let suspended = relay.suspended();
    let [Suspended { part, why, .. }] = &suspended[..] else { panic!("{suspended:?}") };
    assert!(*part == SuspendedPart::Business(SHOP) && matches!(**why, RelayError::Panicked), "{suspended:?}");
    relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    world.line.break_for(None);
    relay.resume(SuspendedPart::Business(SHOP)).await.unwrap();
    relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
}
