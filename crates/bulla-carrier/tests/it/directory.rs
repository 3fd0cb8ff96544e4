use bulla_envelope::MAX_ONE_TIME_KEYS;
use bulla_transport::{Transport, TransportError};

use crate::{World, alice, shop, upload};

#[tokio::test]
async fn a_one_time_key_is_given_once_and_then_bundles_come_without() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let mut given = Vec::new();
    for _ in 0..3 {
        let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
        assert_eq!(&bundle.identity[..], b"identity");
        given.push(bundle.one_time.map(|key| key.id));
    }
    assert_eq!(given, [Some(0), Some(1), None]);
}

#[tokio::test]
async fn a_one_time_key_is_given_to_one_of_many_who_ask_at_once() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (transport, shop, alice) = (world.transport(), shop.clone(), alice.address().clone());
            tokio::spawn(async move { transport.bundle(&shop, &alice).await.unwrap().one_time })
        })
        .collect();
    let mut given = Vec::new();
    for asked in asked {
        given.extend(asked.await.unwrap().map(|key| key.id));
    }
    given.sort_unstable();
    assert_eq!(given, [0, 1]);
}

#[tokio::test]
async fn a_reinstalled_device_takes_its_old_one_time_keys_with_it() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let connected = world.transport().publish(&alice, upload(b"another identity", 0)).await.unwrap();
    assert_eq!(connected.one_time_keys, 0);
    let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
    assert_eq!((&bundle.identity[..], bundle.one_time), (&b"another identity"[..], None));
}

#[tokio::test]
async fn the_stock_of_one_time_keys_is_bounded() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let room = u32::try_from(MAX_ONE_TIME_KEYS).unwrap() - 2;
    let too_many = world.transport().publish(&alice, upload(b"identity", room + 1)).await;
    assert!(matches!(too_many, Err(TransportError::Invalid { .. })));
    let connected = world.transport().publish(&alice, upload(b"identity", room)).await.unwrap();
    assert_eq!(connected.one_time_keys, MAX_ONE_TIME_KEYS);
}

#[tokio::test]
async fn nobody_has_keys_who_left_none() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let unknown = world.transport().bundle(&shop, &alice()).await;
    assert!(matches!(unknown, Err(TransportError::UnknownRecipient)));
}
