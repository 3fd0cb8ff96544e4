//! What waits of one device is opened together.

use std::time::Duration;

use bulla_relay::{Event, Status};

use crate::forward_events::words;
use crate::start_up::counted;
use crate::world::{SHOP, World, alice, says, to};

/// How many records a relay makes to start and to open so many messages that wait for it.
async fn records_for(waiting: usize) -> usize {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    world.pass(Duration::from_secs(10)).await;
    world.relay.close().await;
    for number in 0..waiting {
        phone.send(SHOP, &says(&format!("{number}"))).await.unwrap();
    }
    world.pass(Duration::from_secs(1)).await;
    world.sink.close(true);
    let (relay, counts) = counted(&world).await;
    let records = counts.take().commits;
    world.sink.close(false);
    let taken = world.sink.wait_for(waiting + 1, &*world.clock).await;
    let expected = (0..waiting).map(|number| number.to_string());
    assert_eq!(words(&taken)[1..], expected.collect::<Vec<_>>(), "in their order, each once");
    relay.close().await;
    records
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_of_one_device_are_opened_sixteen_in_a_record() {
    let (two, more) = (records_for(2).await, records_for(64).await);
    // Four of sixteen, instead of one of two.
    assert!(more <= two + 3, "{two} records for 2 messages, {more} for 64");
}

#[tokio::test(start_paused = true)]
async fn receipts_of_one_message_that_wait_together_are_told_in_their_order() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.sink.wait_for(1, &*world.clock).await;
    world.relay.close().await;
    let before = world.sink.taken().len();
    let event = phone.next().await.unwrap();
    phone.acknowledge(event).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let (_relay, _) = counted(&world).await;
    world.pass(Duration::from_secs(10)).await;
    let status = |event: &Event| match event {
        Event::Status(_, update) => update.status,
        other => panic!("{other:?}"),
    };
    let all: Vec<Status> = world.sink.taken().iter().map(status).collect();
    assert_eq!(all, [Status::Sent, Status::Delivered, Status::Read], "{before} of them before the restart");
}
