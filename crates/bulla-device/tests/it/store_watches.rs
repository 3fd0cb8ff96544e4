//! A store that tells its watches long before its callers hear that what they committed is durable.

use std::sync::Arc;
use std::time::Duration;

use bulla_device::{Device, DeviceEventKind};
use bulla_store::{MemoryStore, Pause, SlowStore};

use crate::{SHOP, World, alice, says};

/// Everybody who waits looks before a commit is answered.
fn late() -> SlowStore<MemoryStore> {
    SlowStore::new(MemoryStore::new()).after(|call| Pause::turns(if call.is_commit() { 100 } else { 0 }))
}

/// Whoever was woken by the store looked before there was anything to be seen, and waited for ever.
#[tokio::test(start_paused = true)]
async fn what_is_put_is_sent_and_shown_however_late_its_commit_is_heard_of() {
    let world = World::new().await;
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let device = Device::open(late(), world.line.clone(), clock, rng, alice()).await.unwrap();
    for round in 0..3 {
        let words = format!("round {round}");
        device.send(SHOP, &says(&words)).await.unwrap();
        assert_eq!(world.hear(1).await[0].1, says(&words));
        world.say(&words).await;
        let event = device.next().await.unwrap();
        assert_eq!(event.kind(), &DeviceEventKind::Message(says(&words)));
        device.acknowledge(event).await.unwrap();
        world.hear(2).await;
    }
}

/// What was durable was not sent before the next start.
#[tokio::test(start_paused = true)]
async fn what_is_durable_is_sent_though_its_caller_has_left() {
    let world = World::new().await;
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let device = Device::open(late(), world.line.clone(), clock, rng, alice()).await.unwrap();
    device.send(SHOP, &says("hello")).await.unwrap();
    world.hear(1).await;
    // Nothing else is being committed then.
    world.clock.sleep(Duration::from_secs(1)).await;
    let (leaves, words) = (device.clone(), says("and farewell"));
    let mut sending = Box::pin(leaves.send(SHOP, &words));
    for _ in 0..50 {
        tokio::select! {
            biased;
            sent = &mut sending => panic!("{sent:?}, too soon"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(sending);
    world.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(world.hear(1).await[0].1, words);
}
