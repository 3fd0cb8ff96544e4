//! The list of a user's devices, which the first of them signs.

use bulla_base::{DeviceSet, MessageId, Number};
use bulla_envelope::{DeviceList, InvalidEnvelope, KeyUpload, SignedDeviceList};
use bulla_store::{Batch, Key as Row, Space, Store};
use bulla_transport::{Caller, Connected, Incarnation, NumberProof, Transport, TransportError};

use crate::devices::{device, id, keys, number, other_devices, partition, set};
use crate::identities::{Key, installation, key_of};
use crate::{NOW, World, alice, shop};

const DEVICE_LIST: u8 = 0x4f;

/// The list of this version by the first device called `first`, with these others.
fn list(first: &[u8], version: u64, others: &[u8]) -> DeviceList {
    let (version, none) = (version.checked_sub(others.len() as u64).unwrap(), key_of(first));
    let with = |list: DeviceList, number: &u8| list.with(id(*number), key_of(&[*number])).unwrap();
    others.iter().fold(DeviceList::new(version, none), with)
}

fn is_signed(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    bulla_xeddsa::verify(public, &[message], signature)
}

impl World {
    /// The list of ten devices, of which each has an identity of its own.
    pub(crate) fn list_of_all(&self) -> SignedDeviceList {
        self.signed(&list(&[1], 10, &[2, 3, 4, 5, 6, 7, 8, 9, 10]), &number(), &[1])
    }

    fn signed(&self, list: &DeviceList, user: &Number, by: &[u8]) -> SignedDeviceList {
        list.sign(user, &Key::of(by), &self.rng)
    }

    /// Registers Alice's first device, and leaves its keys with the list of this version.
    async fn lists(&self, version: u64, others: &[u8]) -> Result<Connected, TransportError> {
        self.transport().register(&device(1, 1), &NumberProof::none()).await.unwrap();
        let signed = self.signed(&list(&[1], version, others), &number(), &[1]);
        self.transport().publish(&device(1, 1), keys(1).listing(signed)).await
    }

    async fn devices(&self) -> DeviceSet {
        self.carrier.devices(&number()).await.unwrap()
    }

    /// Why `keys` are not taken.
    async fn refuses(&self, caller: &Caller, keys: KeyUpload) -> &'static str {
        match self.transport().publish(caller, keys).await {
            Err(TransportError::Invalid { source: InvalidEnvelope::Field { field } }) => field,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_list_is_handed_out_with_the_keys_of_each_device_and_its_owner_is_told_its_version() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    assert_eq!(world.lists(7, &[2]).await.unwrap().device_list, Some(7));
    world.add(2).await;
    for number in [1, 2] {
        let bundle = world.transport().bundle(&shop, device(number, 1).address()).await.unwrap();
        let listed = bundle.device_list.unwrap().verify(&self::number(), is_signed).unwrap();
        assert_eq!(listed, list(&[1], 7, &[2]));
        assert_eq!(listed.key_of(id(number)).unwrap()[..], bundle.identity[..]);
    }
    let world = world.restart().await;
    assert_eq!(world.transport().connect(&device(1, 1)).await.unwrap().device_list, Some(7));
    // It is for the first device alone to leave one.
    assert_eq!(world.transport().connect(&device(2, 1)).await.unwrap().device_list, None);
    assert_eq!(world.transport().connect(&shop).await.unwrap().device_list, None);
    assert_eq!(world.lists(7, &[2]).await.unwrap().device_list, Some(7), "the same again is taken");
    let bundle = world.transport().bundle(&device(1, 1), shop.address()).await.unwrap();
    assert_eq!(bundle.device_list, None, "a business has one device");
}

#[tokio::test]
async fn a_list_that_its_user_s_first_device_has_not_signed_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.lists(4, &[2, 3]).await.unwrap();
    let shop = world.join(shop()).await;
    let (two, other) = (world.add(2).await, Number::parse("16505551235").unwrap());
    let forged = list(&[1], 5, &[2]);
    let signed = world.signed(&forged, &number(), &[1]);
    let (unsigned, late) =
        ("it is not signed by its first device", "its version is not above that of the one that is kept");
    let (foreign, other_device) =
        ("it is not of the identity that leaves it", "only a user's first device leaves one");
    for (caller, left, upload, why) in [
        (device(1, 1), world.signed(&forged, &number(), &[2]), keys(1), unsigned),
        (device(1, 1), world.signed(&forged, &other, &[1]), keys(1), unsigned),
        (device(1, 1), world.signed(&list(&[9], 5, &[2]), &number(), &[9]), keys(1), foreign),
        (device(1, 1), world.signed(&list(&[1], 3, &[2, 3]), &number(), &[1]), keys(1), late),
        (device(1, 1), world.signed(&list(&[1], 4, &[2]), &number(), &[1]), keys(1), late),
        (two, signed.clone(), keys(2), other_device),
        (shop, signed, crate::upload(b"identity", 2), other_device),
    ] {
        let refused = world.refuses(&caller, upload.listing(left)).await;
        assert_eq!(refused, format!("device list ({why})"));
    }
    assert_eq!(world.devices().await, set(&[1, 2]), "the third has left no keys");
    assert_eq!(world.transport().connect(&device(1, 1)).await.unwrap().device_list, Some(4));
}

#[tokio::test]
async fn messages_go_to_the_devices_that_are_listed_and_to_no_other() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    world.lists(1, &[]).await.unwrap();
    world.add(2).await;
    let send = async |devices: &[u8]| {
        let envelopes = world.fan_out(&shop, MessageId::new(NOW, &world.rng), set(devices));
        world.transport().send_all(&shop, envelopes).await.error
    };
    assert!(send(&[1]).await.is_none(), "the second is not listed");
    assert_eq!(other_devices(&send(&[1, 2]).await), Some(set(&[1])));
    world.lists(2, &[2]).await.unwrap();
    assert_eq!(other_devices(&send(&[1]).await), Some(set(&[1, 2])));
    assert!(send(&[1, 2]).await.is_none());
    // Before it has left its keys, and then.
    world.lists(4, &[2, 3]).await.unwrap();
    assert_eq!(world.devices().await, set(&[1, 2]));
    world.add(3).await;
    assert_eq!(world.devices().await, set(&[1, 2, 3]));
    world.lists(5, &[3]).await.unwrap();
    assert_eq!(other_devices(&send(&[1, 2, 3]).await), Some(set(&[1, 3])));
    // Whoever takes the number of one that is listed is not the one that is.
    let new = Caller::new(device(3, 1).address().clone(), installation(b"new"), Incarnation::new(1));
    world.transport().register(&new, &NumberProof::none()).await.unwrap();
    world.transport().publish(&new, crate::upload(b"new", 2)).await.unwrap();
    assert_eq!(world.devices().await, set(&[1]));
}

#[tokio::test]
async fn a_first_device_that_was_lost_takes_its_list_with_it_when_the_next_one_leaves_its_keys() {
    for leaves_a_list in [true, false] {
        let world = World::new().await;
        world.lists(9, &[2]).await.unwrap();
        world.add(2).await;
        world.add(3).await;
        let new = Caller::new(alice(), installation(b"new"), Incarnation::new(1));
        let told = world.transport().register(&new, &NumberProof::none()).await.unwrap();
        assert_eq!((told.device_list, world.devices().await), (Some(0), set(&[1, 2])));
        let keys = crate::upload(b"new", 2);
        if leaves_a_list {
            // Versions begin anew with another identity.
            let signed = world.signed(&list(b"new", 1, &[]), &number(), b"new");
            world.transport().publish(&new, keys.listing(signed)).await.unwrap();
            assert_eq!(world.devices().await, set(&[1]));
            continue;
        }
        world.transport().publish(&new, keys).await.unwrap();
        assert_eq!(world.devices().await, set(&[1]), "nobody says that there are others");
        let (shop, two) = (world.join(shop()).await, device(2, 1));
        assert_eq!(world.transport().bundle(&shop, two.address()).await.unwrap().device_list, None);
    }
}

#[tokio::test]
async fn a_list_goes_with_its_user_and_one_that_is_damaged_is_left_again() {
    let world = World::new().await;
    world.lists(3, &[2]).await.unwrap();
    let (row, user) = (Row::undated(Space::new(DEVICE_LIST), ""), partition(&world).await);
    let mut batch = Batch::new(user);
    batch.put(row.clone(), vec![0xff; 9]);
    let _ = world.store.commit(batch).await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.transport().connect(&device(1, 1)).await.unwrap().device_list, Some(0));
    assert_eq!(world.lists(3, &[2]).await.unwrap().device_list, Some(3));
    world.carrier.erase(&number()).await.unwrap();
    assert_eq!(world.store.get(user, &row, NOW).await.unwrap(), None);
    // It names a device that is not registered any more, and holds for it when it is back.
    assert_eq!(world.lists(3, &[2]).await.unwrap().device_list, Some(3));
    assert_eq!(world.devices().await, set(&[1]));
    world.add(2).await;
    assert_eq!(world.devices().await, set(&[1, 2]));
}
