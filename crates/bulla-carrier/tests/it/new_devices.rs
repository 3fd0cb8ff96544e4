//! A user's new device asks for whichever number is free.

use bulla_base::{DeviceId, MAX_DEVICES, Party};
use bulla_envelope::InvalidEnvelope;
use bulla_transport::{Caller, Incarnation, NumberProof, Transport, TransportError};

use crate::identities::installation;
use crate::{World, alice, shop};

/// Alice's installation with this name, as a device that has no number yet.
fn new(name: &[u8], incarnation: u64) -> Caller {
    Caller::new(alice(), installation(name), Incarnation::new(incarnation))
}

impl World {
    /// The number that it is given.
    async fn register_new(&self, caller: &Caller) -> Result<u8, TransportError> {
        let registered = self.carrier.register_new_device(caller, &NumberProof::none()).await;
        registered.map(|(device, _)| device.number())
    }
}

#[tokio::test]
async fn new_devices_are_given_the_lowest_free_numbers_and_the_eleventh_is_refused_by_name() {
    let world = World::new().await;
    for number in 1..=MAX_DEVICES {
        assert_eq!(world.register_new(&new(&[number], 1)).await.unwrap(), number);
    }
    let refused = world.register_new(&new(b"new", 1)).await;
    let Err(TransportError::Invalid { source }) = refused else { panic!("{refused:?}") };
    assert_eq!(source, InvalidEnvelope::TooLarge { field: "devices", actual: 11, limit: 10 });

    let Party::User(user) = alice().party().clone() else { unreachable!() };
    assert!(world.carrier.remove_device(&user, DeviceId::new(4).unwrap()).await.unwrap());
    assert_eq!(world.register_new(&new(b"new", 1)).await.unwrap(), 4, "that of one that was removed");
}

#[tokio::test]
async fn who_asks_again_is_given_the_same_number_unless_it_was_replaced() {
    let world = World::new().await;
    for _ in 0..2 {
        assert_eq!(world.register_new(&new(&[1], 1)).await.unwrap(), 1);
        assert_eq!(world.register_new(&new(&[2], 1)).await.unwrap(), 2);
    }
    assert_eq!(world.register_new(&new(&[1], 3)).await.unwrap(), 1, "a later start is the same");
    let earlier = world.register_new(&new(&[1], 2)).await;
    assert!(matches!(earlier, Err(TransportError::Fenced { reinstalled: false, .. })));
    // A device that names the number takes it, and who had it is given another.
    world.carrier.register(&new(b"new", 1), &NumberProof::none()).await.unwrap();
    assert_eq!(world.register_new(&new(&[1], 4)).await.unwrap(), 3);
}

#[tokio::test]
async fn a_business_has_one_device_and_a_new_one_takes_its_place() {
    let world = World::new().await;
    let of = |name: &[u8]| Caller::new(shop(), installation(name), Incarnation::new(1));
    for name in [&b"identity"[..], b"new"] {
        assert_eq!(world.register_new(&of(name)).await.unwrap(), 1);
    }
    let old = world.carrier.connect(&of(b"identity")).await;
    assert!(matches!(old, Err(TransportError::Fenced { reinstalled: true, .. })));
}
