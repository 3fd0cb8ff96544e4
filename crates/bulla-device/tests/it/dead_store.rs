//! The device's disk fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_device::{Device, DeviceError, SendError};
use bulla_store::{Batch, Commit, Layer, MemoryStore, Store, StoreError};
use tokio::time::Instant;

use crate::{SHOP, World, alice, says};

#[derive(Clone, Default)]
struct Disk {
    rows: Arc<MemoryStore>,
    is_dead: Arc<AtomicBool>,
}

impl Layer for Disk {
    type Beneath = MemoryStore;

    fn beneath(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        match self.is_dead.load(Ordering::Relaxed) {
            true => Err(StoreError::Poisoned { source: Some(io::ErrorKind::StorageFull.into()) }),
            false => self.rows.commit(batch).await,
        }
    }
}

/// Who sent was told, and who waited for events waited until the device's next upkeep.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_when_something_is_sent_stops_the_device_at_once() {
    let (world, disk) = (World::new().await, Disk::default());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let device = Device::open(disk.clone(), world.line.clone(), clock, rng, alice()).await.unwrap();
    disk.is_dead.store(true, Ordering::Relaxed);
    let began = Instant::now();
    let refused = device.send(SHOP, &says("hello")).await;
    assert!(matches!(refused, Err(SendError::Store(StoreError::Poisoned { .. }))), "{refused:?}");
    let why = device.next().await.unwrap_err();
    assert!(matches!(&*why, DeviceError::Store(StoreError::Poisoned { source: Some(_) })), "{why:?}");
    assert!(began.elapsed().is_zero(), "it was noticed after {:?}", began.elapsed());
}
