//! Businesses come and go while the relay runs.

use std::time::Duration;

use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_device::News;
use bulla_relay::{AcceptError, Business, BusinessError};

use crate::erasing::heard;
use crate::world::{SHOP, World, alice, business, says, to};

const KIOSK: PhoneNumberId = PhoneNumberId::new(7);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_business_that_is_added_sends_and_receives_at_once() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let refused = world.relay.accept(KIOSK, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(AcceptError::UnknownBusiness { business: KIOSK })));
    world.relay.add_business(business(KIOSK)).await.unwrap();
    let again = world.relay.add_business(business(KIOSK)).await;
    assert!(matches!(again, Err(BusinessError::Known { business: KIOSK })));
    world.relay.accept(KIOSK, to(alice(), "hello")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().news(), &News::Said(says("hello")));
    phone.send(KIOSK, &says("good morning")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.desk.taken()), ["good morning"]);
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
    let refused = world.relay.accept(SHOP, to(alice(), "anybody there?")).await;
    assert!(matches!(refused, Err(AcceptError::UnknownBusiness { business: SHOP })));
    phone.send(SHOP, &says("anybody there?")).await.unwrap();
    world.pass(MINUTE * 60).await;
    assert_eq!(heard(&world.desk.taken()), ["hello"]);

    world.relay.add_business(business(SHOP)).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.desk.taken()), ["hello", "anybody there?"], "with the keys it had");
    world.relay.accept(SHOP, to(alice(), "yes")).await.unwrap();
}

/// A message that waited in the outbox, and an event that waited for the sink, when their business was removed.
#[tokio::test(start_paused = true)]
async fn what_waited_when_a_business_was_removed_goes_on_when_it_is_back() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.desk.refuse_user(Some(alice()));
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    world.line.cut(true);
    world.relay.accept(SHOP, to(alice(), "wait")).await.unwrap();
    world.pass(MINUTE).await;
    world.relay.remove_business(SHOP).await.unwrap();
    let offered = world.desk.offered();
    world.line.cut(false);
    world.desk.refuse_user(None);
    world.pass(MINUTE * 600).await;
    assert_eq!(world.desk.offered(), offered, "nothing runs for it any more");
    world.relay.add_business(business(SHOP)).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.desk.taken()), ["hello"]);
    let mut notice = phone.next().await.unwrap();
    while !matches!(notice.news(), News::Said(said) if *said == says("wait")) {
        notice = phone.next().await.unwrap();
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
    assert_eq!(heard(&world.desk.taken()), ["hello"]);
}
