//! What has no date of its own ends with what it belongs to.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Day, Party, Pepper, Timestamp};
use bulla_device::DeviceEventKind;
use bulla_store::{Key, MemoryStore, SYSTEM_PARTITION, Scan, Space, Store};

use crate::{SHOP, World, alice, says};

const DAY: Duration = Duration::from_secs(86_400);

/// The sessions with the shop, what started them, and what is marked of it.
async fn of_the_shop(store: &MemoryStore) -> Vec<u8> {
    let pepper =
        store.get(SYSTEM_PARTITION, &Key::undated(Space::new(0x34), ""), Timestamp::default()).await.unwrap();
    let home =
        Pepper::from_bytes(pepper.unwrap().value[..].try_into().unwrap()).partition(&Party::User(alice()));
    let mut spaces = Vec::new();
    for space in [0x15, 0x16, 0x17, 0x35] {
        let all = Scan::dated(Space::new(space), Key::UNDATED..=Day::from_number(u32::MAX));
        let named = all.prefix(SHOP.number().to_be_bytes().to_vec());
        if !store.scan(home, &named, Timestamp::default()).await.unwrap().is_empty() {
            spaces.push(space);
        }
    }
    spaces
}

/// Sessions, and what started them, had no date and stayed for ever.
#[tokio::test(start_paused = true)]
async fn a_conversation_in_which_nothing_was_said_for_30_days_leaves_nothing_behind() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    world.say("hello").await;
    let event = device.next().await.unwrap();
    assert_eq!(event.kind(), &DeviceEventKind::Message(says("hello")));
    device.acknowledge(event).await.unwrap();
    assert_eq!(of_the_shop(&store).await, [0x15, 0x16, 0x35]);
    world.clock.sleep(20 * DAY).await;
    device.send(SHOP, &says("still here")).await.unwrap();
    world.clock.sleep(29 * DAY).await;
    assert_eq!(of_the_shop(&store).await, [0x15, 0x16, 0x35], "29 days after the last word");
    world.clock.sleep(5 * DAY).await;
    assert_eq!(of_the_shop(&store).await, [0_u8; 0], "34 days after the last word");
    device.send(SHOP, &says("hello again")).await.unwrap();
    let heard = world.hear(1).await;
    assert_eq!(heard.last().unwrap().1, says("hello again"));
}
