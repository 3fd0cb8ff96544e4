//! Lost phones, on both sides.

use std::sync::Arc;

use bulla_base::{Address, Day, Partition, Party, Pepper};
use bulla_device::{Device, DeviceError, DeviceEventKind};
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, MemoryStore, SYSTEM_PARTITION, Scan, Space, Store};
use bulla_transport::TransportError;

use crate::{Line, SHOP, World, alice, install, says};

type Phone = Device<Arc<MemoryStore>, Line>;

/// Where a device's records stand.
pub(crate) async fn home_of(store: &MemoryStore) -> Partition {
    let pepper =
        store.get(SYSTEM_PARTITION, &Key::undated(Space::new(0x34), ""), BEFORE_ALL).await.unwrap().unwrap();
    Pepper::from_bytes(pepper.value[..].try_into().unwrap()).partition(&Party::User(alice()))
}

/// What a copy of a device's files would be.
pub(crate) async fn copy_of(store: &MemoryStore, world: &World) -> Arc<MemoryStore> {
    let (copy, now) = (Arc::new(MemoryStore::new()), world.clock.now());
    let home = home_of(store).await;
    for partition in [SYSTEM_PARTITION, home] {
        for space in (0..=u8::MAX).map(Space::new) {
            let all = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            for (key, record) in store.scan(partition, &all, now).await.unwrap() {
                let mut batch = Batch::new(partition);
                batch.put(key, record.value);
                assert!(matches!(copy.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
        }
    }
    copy
}

fn is_replaced(opened: Result<Phone, DeviceError>, by_another: bool) -> bool {
    match opened {
        Err(DeviceError::Replaced(TransportError::Fenced { reinstalled, .. })) => reinstalled == by_another,
        _ => false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_opened_from_a_copy_of_an_old_store_cannot_speak() {
    let (world, store) = (World::new().await, Arc::default());
    world.device(&store).await.close().await;
    let copy = copy_of(&store, &world).await;
    for _ in 0..2 {
        world.device(&store).await.close().await;
    }
    assert!(is_replaced(world.try_device(&copy).await, false));
}

/// A user had lost the phone. The new one was refused, because it had been started less often than the old
/// one.
#[tokio::test(start_paused = true)]
async fn who_has_lost_everything_comes_in_and_yesterday_s_copy_does_not() {
    let (world, store) = (World::new().await, Arc::default());
    for _ in 0..3 {
        world.device(&store).await.close().await;
    }
    let copy = copy_of(&store, &world).await;
    let new_store = Arc::default();
    let new = world.device(&new_store).await;
    world.say("to the new phone").await;
    assert_eq!(new.next().await.unwrap().kind(), &DeviceEventKind::Message(says("to the new phone")));

    for _ in 0..5 {
        assert!(is_replaced(world.try_device(&copy).await, true), "however often it is started");
    }
    new.send(SHOP, &says("still here")).await.unwrap();
    new.close().await;
    world.device(&new_store).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_runs_is_told_that_another_has_taken_its_number() {
    let (world, store) = (World::new().await, Arc::default());
    let old = world.device(&store).await;
    let _new = world.device(&Arc::default()).await;
    let why = loop {
        if let Err(why) = old.next().await {
            break why;
        }
    };
    assert!(
        matches!(&*why, DeviceError::Replaced(TransportError::Fenced { reinstalled: true, .. })),
        "{why:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_user_is_told_that_a_business_has_another_identity_and_can_compare_numbers() {
    let (mut world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    assert_eq!(device.safety_number(SHOP).await.unwrap(), None);
    world.say("good day").await;
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("good day")));
    let first = device.safety_number(SHOP).await.unwrap().unwrap();
    assert_eq!(first.digits(), number_at_the_shop(&world).await);

    (world.shop, world.shop_store, world.caller) =
        install(SHOP, &world.line, &*world.clock, &*world.rng).await;
    let id = world.say("we have moved").await;
    let event = device.next().await.unwrap();
    assert_eq!((event.kind(), event.business(), event.id()), (&DeviceEventKind::IdentityChanged, SHOP, id));
    device.acknowledge(event).await.unwrap();
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("we have moved")));
    let second = device.safety_number(SHOP).await.unwrap().unwrap();
    assert_eq!(second.digits(), number_at_the_shop(&world).await);
    assert_ne!(first, second);
}

async fn number_at_the_shop(world: &World) -> String {
    let (user, now) = (Partition::from_bytes([2; 16]), world.clock.now());
    let peer = world.shop.peer(&world.shop_store, user, &Address::user(alice()), now).await.unwrap();
    peer.safety_number().unwrap().digits()
}

/// What was written to a business that had been installed anew went to the old installation, again and again,
/// and never arrived.
#[tokio::test(start_paused = true)]
async fn what_was_sealed_for_a_business_that_is_no_more_is_sealed_anew_and_arrives_before_the_next() {
    let (mut world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    world.say("good day").await;
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("good day")));
    world.hear(1).await;

    (world.shop, world.shop_store, world.caller) =
        install(SHOP, &world.line, &*world.clock, &*world.rng).await;
    let mut sent = Vec::new();
    for words in ["one", "two", "three"] {
        sent.push((device.send(SHOP, &says(words)).await.unwrap(), says(words)));
    }
    let event = device.next().await.unwrap();
    assert_eq!((event.kind(), event.id()), (&DeviceEventKind::IdentityChanged, sent[0].0));
    assert_eq!(world.hear(3).await, sent);
}
