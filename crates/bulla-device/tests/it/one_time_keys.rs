//! One-time keys are there for whoever writes first.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, PhoneNumberId};
use bulla_endpoint::{ONE_TIME_KEYS, RENEWED_AFTER};
use bulla_transport::Transport;

use crate::{World, alice, install};

/// The stock was filled up when as many had been used as were missing. Who asked for keys and did not write
/// emptied it, and the owner did not hear of it before it was started again.
#[tokio::test(start_paused = true)]
async fn one_time_keys_are_brought_again_before_they_run_out_though_nobody_writes() {
    let (world, store) = (World::new().await, Arc::default());
    let _device = world.device(&store).await;
    let mut given = 0;
    for number in 1..60 {
        let (_, _, shop) = install(PhoneNumberId::new(number), &world.line, &*world.clock, &*world.rng).await;
        for _ in 0..5 {
            let keys = world.line.bundle(&shop, &Address::user(alice())).await.unwrap();
            assert!(keys.one_time.is_some(), "they ran out after {given}");
            given += 1;
            world.clock.sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(given > 2 * ONE_TIME_KEYS);
    let stats = world.carrier.stats().await.unwrap();
    assert_eq!((stats.bundles_with_one_time_key, stats.bundles_without), (295, 0));
}

#[tokio::test(start_paused = true)]
async fn lasting_prekeys_are_replaced_every_week_while_the_device_runs() {
    let (world, store) = (World::new().await, Arc::default());
    let _device = world.device(&store).await;
    let (_, _, shop) = install(PhoneNumberId::new(1), &world.line, &*world.clock, &*world.rng).await;
    for id in [1, 2, 3] {
        let keys = world.line.bundle(&shop, &Address::user(alice())).await.unwrap();
        assert_eq!((keys.signed().unwrap().id, keys.kyber().unwrap().id), (id, id));
        world.clock.sleep(RENEWED_AFTER + Duration::from_secs(3600)).await;
    }
}
