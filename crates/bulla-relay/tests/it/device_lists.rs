//! A carrier that names devices which a user's first device has not listed: nobody reads what is written to
//! the user but the user's devices, and nobody else writes in the user's name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Address, DeviceId, Party, PhoneNumberId};
use bulla_device::Device;
use bulla_envelope::{Envelope, InstallationId, KeyBundle, Kind, SignedDeviceList};
use bulla_relay::{Event, Report};
use bulla_store::MemoryStore;
use bulla_transport::{Caller, Incarnation, NumberProof, Transport, TransportError};

use crate::world::{Line, SHOP, World, alice, says, to};

const MINUTE: Duration = Duration::from_secs(60);

type SharedDevice = Device<Arc<MemoryStore>, Line>;

/// A device that the carrier adds to those of every user.
#[derive(Default)]
pub(crate) struct GhostDevice {
    keys: Mutex<Option<KeyBundle>>,
    /// What was sealed for it.
    read: Mutex<Vec<Envelope>>,
}

impl GhostDevice {
    /// From now on the carrier adds the device with these keys.
    fn appears(&self, keys: KeyBundle) {
        *self.keys.lock().unwrap() = Some(keys);
    }

    fn installation(keys: &KeyBundle) -> InstallationId {
        InstallationId::of_identity(&keys.identity)
    }

    /// The keys of the ghost, if it is that which `of` is.
    pub(crate) fn keys_of(&self, of: &Address) -> Option<KeyBundle> {
        let ghost = self.keys.lock().unwrap().clone()?;
        let is_it = matches!(of.party(), Party::User(_)) && ghost.device().unwrap() == of.device();
        is_it.then(|| ghost.among([1, 2, 9].map(id).into_iter().collect()).unwrap())
    }

    /// The keys of another device, as the carrier hands them out.
    pub(crate) fn shown(&self, of: &Address, bundle: KeyBundle) -> KeyBundle {
        match &*self.keys.lock().unwrap() {
            Some(ghost) if matches!(of.party(), Party::User(_)) => {
                let devices = bundle.devices().unwrap().with(ghost.device().unwrap());
                bundle.among(devices).unwrap()
            }
            _ => bundle,
        }
    }

    /// `envelope` as the carrier takes it: what is for the ghost goes there.
    pub(crate) fn passes(&self, envelope: Envelope) -> Result<Option<Envelope>, TransportError> {
        let Some(ghost) = self.keys.lock().unwrap().clone() else { return Ok(Some(envelope)) };
        let device = ghost.device().unwrap();
        let is_to_user = matches!(envelope.to().party(), Party::User(_));
        if envelope.installation() == Some(Self::installation(&ghost)) {
            self.read.lock().unwrap().push(envelope);
            return Ok(None);
        }
        match envelope.devices().filter(|_| is_to_user) {
            Some(known) if !known.contains(device) => {
                Err(TransportError::Devices { now: known.with(device) })
            }
            // It is none of those that there are.
            Some(known) if envelope.to().device() != device => {
                let now = if device == id(2) { known } else { known.without(device) };
                Ok(Some(envelope.among(now)?))
            }
            _ => Ok(Some(envelope)),
        }
    }

    /// How many messages were sealed for it.
    fn has_read(&self) -> usize {
        let read = self.read.lock().unwrap();
        read.iter().filter(|envelope| matches!(envelope.kind(), Kind::Message(_))).count()
    }
}

fn id(number: u8) -> DeviceId {
    DeviceId::new(number).unwrap()
}

impl World {
    async fn add_alice(&self, number: u8) -> SharedDevice {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        let (store, line, proof) = (Arc::default(), self.line.clone(), NumberProof::none());
        Device::register_as(store, line, clock, rng, alice(), id(number), proof).await.unwrap()
    }

    /// The keys of Alice's device, as an honest carrier hands them out.
    async fn keys_of(&self, number: u8) -> KeyBundle {
        let address = Address::new(Party::User(alice()), id(number));
        let stranger = Address::business(PhoneNumberId::new(7));
        let stranger = Caller::new(stranger, InstallationId::of_identity(b"stranger"), Incarnation::new(1));
        self.line.register(&stranger, &NumberProof::none()).await.unwrap();
        self.line.bundle(&stranger, &address).await.unwrap()
    }

    async fn says_to_alice(&self, words: &str) {
        self.relay.submit(SHOP, to(alice(), words)).await.unwrap();
        self.pass(3 * MINUTE).await;
    }

    fn heard(&self) -> usize {
        self.sink.taken().iter().filter(|event| matches!(event, Event::Message(..))).count()
    }
}

/// How many messages `device` shows that it has not shown before.
async fn shows(world: &World, device: &SharedDevice) -> usize {
    let mut shown = 0;
    loop {
        let event = tokio::select! {
            biased;
            event = device.next() => event.unwrap(),
            () = world.pass(Duration::from_millis(1)) => return shown,
        };
        shown += usize::from(matches!(event.kind(), bulla_device::DeviceEventKind::Message(_)));
        device.acknowledge(event).await.unwrap();
    }
}

/// A list of Alice's devices that another identity than hers has signed, and that names this device.
async fn list_of_somebody(device: &SharedDevice) -> SignedDeviceList {
    let elsewhere = World::new().await;
    let first = elsewhere.add_alice(1).await;
    assert!(first.approve_device(id(9), &device.identity()).await.unwrap());
    elsewhere.keys_of(1).await.device_list.unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sealed_for_a_device_that_the_carrier_adds_whatever_list_it_shows() {
    for attack in ["the user's own list", "no list", "a list of somebody", "an unsigned list"] {
        let world = World::new().await;
        let phone = world.add_alice(1).await;
        let desk = world.add_alice(2).await;
        assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
        world.says_to_alice("before").await;
        // It has keys like any other.
        let ghost = world.add_alice(9).await;
        let keys = world.keys_of(9).await;
        let honest = keys.device_list.clone().expect("the carrier hands out the user's list");
        let list = match attack {
            "the user's own list" => Some(honest),
            "no list" => None,
            "a list of somebody" => Some(list_of_somebody(&ghost).await),
            _ => {
                let key = ghost.identity().to_bytes();
                let forged = honest.unverified().unwrap().with(id(9), key).unwrap();
                Some(SignedDeviceList::from_parts(forged.to_bytes(), vec![7; 64]).unwrap())
            }
        };
        world.line.ghost.appears(keys.listed(list));
        for words in ["one", "two"] {
            world.says_to_alice(words).await;
        }
        assert_eq!((shows(&world, &phone).await, shows(&world, &desk).await), (3, 3), "{attack}");
        assert_eq!(world.line.ghost.has_read(), 0, "{attack}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sealed_for_who_takes_the_number_of_a_device_that_is_listed() {
    let world = World::new().await;
    let phone = world.add_alice(1).await;
    let desk = world.add_alice(2).await;
    assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
    let _ghost = world.add_alice(9).await;
    // Its keys under the number of the other.
    let keys = world.line.uploads().pop().unwrap();
    let keys = KeyBundle::new(id(2), &keys, None).unwrap().listed(world.keys_of(2).await.device_list);
    world.line.ghost.appears(keys);
    for words in ["one", "two"] {
        world.says_to_alice(words).await;
    }
    assert_eq!((shows(&world, &phone).await, world.line.ghost.has_read()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_shows_a_list_of_before_a_device_was_removed_is_not_believed() {
    let world = World::new().await;
    let phone = world.add_alice(1).await;
    let lost = world.add_alice(9).await;
    assert!(phone.approve_device(id(9), &lost.identity()).await.unwrap());
    world.says_to_alice("before").await;
    let keys = world.keys_of(9).await;
    lost.close().await;
    phone.remove(id(9)).await.unwrap();
    // The relay sees the list of now with the keys of another.
    let desk = world.add_alice(2).await;
    assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
    world.says_to_alice("now").await;
    world.line.ghost.appears(keys);
    for words in ["one", "two"] {
        world.says_to_alice(words).await;
    }
    assert_eq!((shows(&world, &phone).await, shows(&world, &desk).await), (4, 3));
    assert_eq!(world.line.ghost.has_read(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_device_writes_is_heard_when_it_is_listed_and_not_before() {
    let world = World::new().await;
    let phone = world.add_alice(1).await;
    let desk = world.add_alice(2).await;
    desk.send(SHOP, &says("from the desk")).await.unwrap();
    world.pass(3 * MINUTE).await;
    assert_eq!(world.heard(), 0, "nobody has said that it is Alice's");
    phone.send(SHOP, &says("from the phone")).await.unwrap();
    world.pass(3 * MINUTE).await;
    assert_eq!(world.heard(), 1, "it is in nobody's way");
    assert!(phone.approve_device(id(2), &desk.identity()).await.unwrap());
    for _ in 0..600 {
        world.pass(MINUTE).await;
    }
    assert_eq!(world.heard(), 2, "it was asked for until it was listed");
    desk.send(SHOP, &says("and again")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(world.heard(), 3);
}

/// Of who sends in the name of a device that does not exist.
#[tokio::test(start_paused = true)]
async fn a_device_that_is_never_listed_is_never_heard_and_its_messages_are_told_as_lost() {
    let world = World::new().await;
    let phone = world.add_alice(1).await;
    let ghost = world.add_alice(9).await;
    ghost.send(SHOP, &says("please pay to this account")).await.unwrap();
    let mut reports = world.relay.reports();
    let lost =
        async { while !matches!(reports.next().await, Some(Report::MessageLost { business: SHOP, .. })) {} };
    tokio::select! {
        () = lost => {}
        () = world.pass(Duration::from_secs(30 * 86_400)) => panic!("the host is not told"),
    }
    assert_eq!(world.heard(), 0);
    drop(phone);
}
