//! What a caller meets when too much is under way or waits.

use std::time::Duration;

use bulla_base::{Number, PhoneNumberId};
use bulla_device::DeviceEventKind;
use bulla_relay::{
    MAX_CALLS_PER_CONVERSATION, MAX_WAITING, MarkReadError, RETRY_AFTER, Settings, SubmitError,
};
use futures_util::FutureExt;

use crate::world::{BAKERY, SHOP, World, alice, bob, says, to};

/// A call goes on when its caller hangs up: whoever asked and hung up, again and again, filled the memory.
#[tokio::test(start_paused = true)]
async fn who_floods_one_conversation_is_refused_with_a_time_and_others_are_served() {
    let world = World::new().await;
    let (_alice, phone) = (world.device(alice()).await, world.device(bob()).await);
    let read = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.relay.submit(SHOP, to(bob(), "hello")).await.unwrap();
    let posts: Vec<_> = (0..MAX_CALLS_PER_CONVERSATION)
        .map(|_| {
            let relay = world.relay.clone();
            tokio::spawn(async move {
                // It hangs up at once.
                assert!(relay.submit(SHOP, to(alice(), "flood")).now_or_never().is_none());
            })
        })
        .collect();
    for post in posts {
        post.await.unwrap();
    }
    let refused = world.relay.submit(SHOP, to(alice(), "one more")).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Busy { limit: MAX_CALLS_PER_CONVERSATION }), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(RETRY_AFTER));
    let refused = world.relay.mark_read(SHOP, read).await;
    assert!(matches!(refused, Err(MarkReadError::Submit(SubmitError::Busy { .. }))), "{refused:?}");
    let asked = tokio::time::Instant::now();
    world.relay.submit(SHOP, to(bob(), "meanwhile")).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(50), "{:?}", asked.elapsed());
    for words in ["hello", "meanwhile"] {
        assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    }
    world.pass(RETRY_AFTER * 10).await;
    world.relay.submit(SHOP, to(alice(), "after the flood")).await.unwrap();
}

/// While the carrier is away everything that is accepted waits here.
#[tokio::test(start_paused = true)]
async fn as_many_wait_for_the_carrier_as_may_and_one_more_is_refused_with_a_time() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    phone.next().await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    world.line.cut(true);
    for _ in 0..MAX_WAITING {
        world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    }
    let refused = world.relay.submit(SHOP, to(alice(), "one more")).await.unwrap_err();
    assert!(matches!(refused, SubmitError::TooManyWaiting { limit: MAX_WAITING }), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(RETRY_AFTER));
    world.line.cut(false);
    world.pass(Duration::from_secs(7200)).await;
    world.relay.submit(SHOP, to(alice(), "after it")).await.unwrap();
}

fn carol() -> Number {
    Number::parse("16505557777").unwrap()
}

/// A relay in which something of each kind may wait in two conversations of a business, and in three in all.
async fn narrow() -> World {
    World::with(Settings::default().waiting_queues(3, 2)).await
}

async fn limit_of(world: &World, business: PhoneNumberId, number: Number) -> Option<usize> {
    match world.relay.submit(business, to(number, "in the outage")).await {
        Ok(_) => None,
        Err(refused @ SubmitError::Backlogged { limit }) => {
            assert_eq!(refused.retry_after(), Some(RETRY_AFTER));
            Some(limit)
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn messages_to_as_many_users_wait_as_may_and_to_one_more_they_are_refused_with_a_time() {
    let world = narrow().await;
    let phones = [world.device(alice()).await, world.device(bob()).await, world.device(carol()).await];
    for business in [SHOP, BAKERY] {
        for number in [alice(), bob(), carol()] {
            world.relay.submit(business, to(number, "hello")).await.unwrap();
            world.pass(Duration::from_secs(1)).await;
        }
    }
    world.line.cut(true);
    assert_eq!(limit_of(&world, SHOP, alice()).await, None);
    assert_eq!(limit_of(&world, SHOP, bob()).await, None);
    assert_eq!(limit_of(&world, SHOP, carol()).await, Some(2), "of one business");
    assert_eq!(limit_of(&world, SHOP, alice()).await, None, "something waits for her already");
    assert_eq!(limit_of(&world, BAKERY, alice()).await, None, "another business has room");
    assert_eq!(limit_of(&world, BAKERY, carol()).await, Some(3), "in all");
    world.line.cut(false);
    world.pass(RETRY_AFTER).await;
    assert_eq!(limit_of(&world, SHOP, carol()).await, None);
    let mut heard = Vec::new();
    for phone in &phones {
        world.pass(Duration::from_secs(1)).await;
        let mut count = 0;
        while let Some(event) = phone.next().now_or_never() {
            let event = event.unwrap();
            count += usize::from(matches!(event.kind(), DeviceEventKind::Message(_)));
            phone.acknowledge(event).await.unwrap();
        }
        heard.push(count);
    }
    assert_eq!(heard, [2 + 3, 2 + 1, 2 + 1]);
}

#[tokio::test(start_paused = true)]
async fn what_users_send_stays_with_the_carrier_while_as_much_waits_for_the_business_as_may() {
    let world = narrow().await;
    let phones = [world.device(alice()).await, world.device(bob()).await, world.device(carol()).await];
    world.sink.close(true);
    for phone in &phones {
        phone.send(SHOP, &says("are you open?")).await.unwrap();
        world.pass(Duration::from_secs(5)).await;
    }
    let offered = |number| world.sink.offers(&number).len();
    assert!(offered(alice()) > 0 && offered(bob()) > 0);
    assert_eq!(offered(carol()), 0, "it is not received");
    phones[2].send(BAKERY, &says("and you?")).await.unwrap();
    world.pass(Duration::from_secs(5)).await;
    assert!(offered(carol()) > 0, "another business has room");
    world.sink.close(false);
    let taken = world.sink.wait_for(4, &*world.clock).await;
    let said: Vec<_> = taken.iter().map(|event| (event.subject().business, &event.subject().user)).collect();
    for number in [alice(), bob(), carol()] {
        assert!(said.contains(&(SHOP, &number)), "{said:?}");
    }
}
