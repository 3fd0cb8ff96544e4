use bulla_envelope::{MAX_ONE_TIME_KEYS, OneTimeKey};
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
    assert_eq!(given, [Some(1), Some(2), None]);
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
    assert_eq!(given, [1, 2]);
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
async fn a_repeated_upload_does_not_bring_back_what_was_given_away() {
    // A network that delivers an upload twice, the second time after one of its keys was given away, had the same one-time key given to
    // two users. The second one's first messages could not be opened, and were lost.
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    world.transport().bundle(&shop, alice.address()).await.unwrap();
    let connected = world.transport().publish(&alice, upload(b"identity", 2)).await.unwrap();
    assert_eq!(connected.one_time_keys, 1);
    let bundle = world.transport().bundle(&shop, alice.address()).await.unwrap();
    assert_eq!(bundle.one_time.unwrap().id, 2);
}

#[tokio::test]
async fn the_stock_of_one_time_keys_is_bounded() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let most = u32::try_from(MAX_ONE_TIME_KEYS).unwrap();
    let connected = world.transport().publish(&alice, upload(b"identity", most)).await.unwrap();
    assert_eq!(connected.one_time_keys, MAX_ONE_TIME_KEYS);
    let mut one_more = upload(b"identity", 0);
    one_more.one_time.push(OneTimeKey::new(most + 1, vec![3; 33]));
    let too_many = world.transport().publish(&alice, one_more).await;
    assert!(matches!(too_many, Err(TransportError::Invalid { .. })));
}

#[tokio::test]
async fn nobody_has_keys_who_left_none() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let unknown = world.transport().bundle(&shop, &alice()).await;
    assert!(matches!(unknown, Err(TransportError::UnknownRecipient)));
}
