//! The device's disk fails.

use std::io;
use std::sync::Arc;

use bulla_device::{Device, DeviceError, SendError};
use bulla_store::{Failure, FaultyStore, MemoryStore, StoreError};
use tokio::time::Instant;

use crate::{SHOP, World, alice, says};

/// Who sent was told, and who waited for events waited until the device's next upkeep.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_when_something_is_sent_stops_the_device_at_once() {
    let (world, disk) = (World::new().await, FaultyStore::new(MemoryStore::new()));
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let device = Device::open(disk.clone(), world.line.clone(), clock, rng, alice()).await.unwrap();
    disk.fail_when(|call| {
        let full = || StoreError::Poisoned { source: Some(io::ErrorKind::StorageFull.into()) };
        call.is_commit().then(|| Failure::Refused(full()))
    });
    let began = Instant::now();
    let refused = device.send(SHOP, &says("hello")).await;
    assert!(matches!(refused, Err(SendError::Store(StoreError::Poisoned { .. }))), "{refused:?}");
    let why = device.next().await.unwrap_err();
    assert!(matches!(&*why, DeviceError::Store(StoreError::Poisoned { source: Some(_) })), "{why:?}");
    assert!(began.elapsed().is_zero(), "it was noticed after {:?}", began.elapsed());
}
