//! What the carrier has leaves the outbox with the next record, and soon without one.

use std::sync::Arc;
use std::time::Duration;

use bulla_store::{Key, MemoryStore, Scan, Space, Store};

use crate::{SHOP, World, says};

const OUTBOX: Space = Space::new(0x31);

/// How many envelopes stand in the outbox.
async fn waiting(store: &MemoryStore) -> usize {
    let home = crate::lost_device::home_of(store).await;
    let rows: Vec<Key> = store.keys(home, &Scan::everything(OUTBOX), bulla_store::BEFORE_ALL).await.unwrap();
    rows.len()
}

#[tokio::test(start_paused = true)]
async fn handed_over_envelopes_leave_the_outbox_with_the_next_record_or_after_two_seconds() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    for words in ["one", "two"] {
        device.send(SHOP, &says(words)).await.unwrap();
    }
    assert_eq!(world.hear(2).await.len(), 2);
    assert!((1..=2).contains(&waiting(&store).await), "no record is made for them alone");

    device.send(SHOP, &says("three")).await.unwrap();
    assert_eq!(world.hear(1).await.len(), 1);
    assert_eq!(waiting(&store).await, 1, "the first two have gone with the third");

    world.clock.sleep(Duration::from_secs(3)).await;
    assert_eq!(waiting(&store).await, 0);
}

#[tokio::test(start_paused = true)]
async fn handed_over_envelopes_that_a_crash_left_in_the_outbox_arrive_once() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    device.send(SHOP, &says("one")).await.unwrap();
    assert_eq!(world.hear(1).await.len(), 1);
    assert_eq!(waiting(&store).await, 1);
    let as_it_died = crate::lost_device::copy_of(&store, &world).await;
    drop(device);

    let device = world.device(&as_it_died).await;
    device.send(SHOP, &says("two")).await.unwrap();
    let heard = world.hear(1).await;
    assert_eq!(heard[0].1, says("two"), "the first is not there twice");
    world.clock.sleep(Duration::from_secs(3)).await;
    assert_eq!(waiting(&as_it_died).await, 0);
}

#[tokio::test(start_paused = true)]
async fn handed_over_envelopes_are_not_left_behind_by_a_close() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    device.send(SHOP, &says("one")).await.unwrap();
    assert_eq!(world.hear(1).await.len(), 1);
    device.close().await;
    assert_eq!(waiting(&store).await, 0);
}
