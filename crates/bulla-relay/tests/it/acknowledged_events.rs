//! Events that the business has taken, and a relay that ends soon after.

use std::time::Duration;

use bulla_relay::{Event, Status};

use crate::world::{SHOP, World, alice, bob, to};

fn statuses(events: &[Event]) -> Vec<Status> {
    let status = |event: &Event| match event {
        Event::Status(_, update) => Some(update.status),
        _ => None,
    };
    events.iter().filter_map(status).collect()
}

/// A business that has just been told that its message was delivered.
async fn told() -> World {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let taken = world.sink.wait_for(2, &*world.clock).await;
    assert_eq!(statuses(&taken), [Status::Sent, Status::Delivered]);
    phone.close().await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_dies_tells_the_last_status_again_and_none_before_it() {
    let world = told().await;
    let _next = world.reopen().await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Delivered, Status::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_dies_four_seconds_later_tells_nothing_again() {
    let world = told().await;
    world.pass(Duration::from_millis(4100)).await;
    let _next = world.reopen().await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_closed_tells_nothing_again() {
    let world = told().await;
    world.relay.close().await;
    let _next = world.reopen().await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_not_told_again_because_somebody_else_is_erased() {
    let world = told().await;
    world.relay.erase(&bob()).await.unwrap();
    world.relay.close().await;
    let _next = world.reopen().await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_next_is_told_once_while_what_was_taken_is_still_there() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    for round in 1..=50 {
        world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
        let event = phone.next().await.unwrap();
        phone.acknowledge(event).await.unwrap();
        let taken = world.sink.wait_for(3 * round, &*world.clock).await;
        let last: Vec<_> = taken[3 * (round - 1)..].to_vec();
        assert_eq!(statuses(&last), [Status::Sent, Status::Delivered, Status::Read], "round {round}");
    }
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.sink.taken().len(), 150);
}

#[tokio::test(start_paused = true)]
async fn many_messages_to_one_user_at_once_wait_for_nothing() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let reading = tokio::spawn({
        let phone = phone.clone();
        async move {
            loop {
                let event = phone.next().await.unwrap();
                phone.acknowledge(event).await.unwrap();
            }
        }
    });
    world.sink.wait_for(3, &*world.clock).await;
    let began = world.clock.now();
    for round in 1..=5 {
        let written = (0..64).map(|_| world.relay.submit(SHOP, to(alice(), "hello")));
        futures_util::future::try_join_all(written).await.unwrap();
        world.sink.wait_for(3 + 3 * 64 * round, &*world.clock).await;
    }
    reading.abort();
    let took = world.clock.now().since(began);
    assert!(took < Duration::from_secs(8), "{took:?}");
}
