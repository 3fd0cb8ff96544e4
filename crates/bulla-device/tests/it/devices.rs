//! Several devices of one user.

use std::sync::Arc;

use bulla_base::DeviceId;
use bulla_device::{Device, DeviceError};
use bulla_store::MemoryStore;
use bulla_transport::NumberProof;

use crate::{Line, SHOP, World, alice, says};

type Opened = Result<Device<Arc<MemoryStore>, Line>, DeviceError>;

fn id(number: u8) -> DeviceId {
    DeviceId::new(number).unwrap()
}

impl World {
    async fn open_as(&self, number: u8, store: &Arc<MemoryStore>) -> Opened {
        let (store, clock, rng) = (Arc::clone(store), Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::open_as(store, self.line.clone(), clock, rng, alice(), id(number)).await
    }

    async fn register_as(&self, number: u8, store: &Arc<MemoryStore>) -> Opened {
        let (store, clock, rng) = (Arc::clone(store), Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::register_as(store, self.line.clone(), clock, rng, alice(), id(number), NumberProof::none())
            .await
    }
}

/// The version of the list that a first device has made, and how many devices stand in it.
async fn listed(phone: &Device<Arc<MemoryStore>, Line>) -> (u64, usize) {
    let list = phone.device_list().await.unwrap().unwrap();
    (list.version(), list.devices().len())
}

fn is_removed(opened: Opened) -> bool {
    matches!(opened, Err(DeviceError::Removed))
}

#[tokio::test(start_paused = true)]
async fn the_first_device_is_the_one_that_is_opened_without_a_number_and_others_leave_it_in_peace() {
    let (world, store, desk) = (World::new().await, Arc::default(), Arc::default());
    world.open_as(1, &store).await.unwrap().close().await;
    let phone = world.device(&store).await;
    let second = world.open_as(2, &desk).await.unwrap();
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 1, "the second is not listed");
    assert!(phone.approve_device(id(2), &second.identity()).await.unwrap());
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 2);
    phone.send(SHOP, &says("from the phone")).await.unwrap();
    assert_eq!(world.hear(1).await[0].1, says("from the phone"));
    second.send(SHOP, &says("from the desk")).await.unwrap();
    second.close().await;
    world.open_as(2, &desk).await.unwrap();
}

/// They would have shared an identity, and shut each other out.
#[tokio::test(start_paused = true)]
async fn two_devices_of_one_user_may_share_a_store() {
    let (world, store) = (World::new().await, Arc::default());
    let (one, two) = (world.open_as(1, &store).await.unwrap(), world.open_as(2, &store).await.unwrap());
    one.close().await;
    two.close().await;
    for number in [1, 2, 1] {
        world.open_as(number, &store).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_removed_device_stops_and_comes_back_only_when_it_is_registered_anew() {
    let (world, store) = (World::new().await, Arc::default());
    let (phone, desk) =
        (world.open_as(1, &Arc::default()).await.unwrap(), world.open_as(2, &store).await.unwrap());
    phone.approve_device(id(2), &desk.identity()).await.unwrap();
    assert_eq!(listed(&phone).await, (2, 2));
    phone.remove(id(2)).await.unwrap();
    assert_eq!(listed(&phone).await, (3, 1));
    let why = desk.next().await.unwrap_err();
    assert!(matches!(&*why, DeviceError::Removed), "{why:?}");
    desk.close().await;
    assert!(is_removed(world.open_as(2, &store).await));
    assert!(is_removed(world.open_as(2, &store).await), "nor does it help to try again");
    let desk = world.register_as(2, &store).await.unwrap();
    phone.approve_device(id(2), &desk.identity()).await.unwrap();
    desk.close().await;
    world.open_as(2, &store).await.unwrap();
    // Of itself it can say the same.
    phone.remove(id(1)).await.unwrap();
    assert!(matches!(&*phone.next().await.unwrap_err(), DeviceError::Removed));
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_device_alone_lists_others_and_a_carrier_that_has_lost_the_list_gets_it_again() {
    let (world, store) = (World::new().await, Arc::default());
    let (phone, desk) =
        (world.open_as(1, &store).await.unwrap(), world.open_as(2, &Arc::default()).await.unwrap());
    assert!(!desk.approve_device(id(1), &phone.identity()).await.unwrap(), "it is not the first");
    assert_eq!(desk.device_list().await.unwrap(), None);
    assert!(!phone.approve_device(id(1), &desk.identity()).await.unwrap(), "it lists itself");
    assert_eq!(listed(&phone).await, (1, 1), "it leaves a list with its first keys");
    for _ in 0..2 {
        assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
        assert_eq!(listed(&phone).await, (2, 2), "the same again is the same list");
    }
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 2);
    // The second comes back with another identity.
    desk.close().await;
    let of_desk = Arc::default();
    let desk = world.register_as(2, &of_desk).await.unwrap();
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 1);
    assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
    assert_eq!(listed(&phone).await, (3, 2));
    phone.close().await;
    desk.close().await;
    world.carrier.erase(&alice()).await.unwrap();
    let _phone = world.register_as(1, &store).await.unwrap();
    let _desk = world.register_as(2, &of_desk).await.unwrap();
    assert_eq!(world.carrier.devices(&alice()).await.unwrap().len(), 2, "nobody has approved again");
}
