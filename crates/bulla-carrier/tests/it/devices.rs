//! Several devices of one user.

use std::sync::Arc;

use bulla_base::{Address, Category, DeviceId, DeviceSet, MAX_DEVICES, MessageId, Number, Partition, Party};
use bulla_carrier::{Carrier, NumberVerifier, Verdict};
use bulla_envelope::{Envelope, Form, FrankingTag, KeyUpload, Kind};
use bulla_meter::Flow;
use bulla_store::{BEFORE_ALL, Batch, BoxStore, Key, Scan, Space, Store};
use bulla_transport::{Caller, Incarnation, NumberProof, Sequence, Transport, TransportError};

use crate::identities::{installation, key_of};
use crate::{NOW, SHOP, World, alice, caller, shop, upload};

pub(crate) fn id(number: u8) -> DeviceId {
    DeviceId::new(number).unwrap()
}

pub(crate) fn set(numbers: &[u8]) -> DeviceSet {
    numbers.iter().copied().map(id).collect()
}

/// A device of Alice's, each of which has an identity of its own.
pub(crate) fn device(number: u8, incarnation: u64) -> Caller {
    let address = Address::new(alice().party().clone(), id(number));
    Caller::new(address, installation(&[number]), Incarnation::new(incarnation))
}

pub(crate) fn keys(number: u8) -> KeyUpload {
    let identity: &'static [u8] = Box::leak(vec![number].into_boxed_slice());
    upload(identity, 2)
}

pub(crate) fn number() -> Number {
    let Party::User(number) = alice().party().clone() else { unreachable!() };
    number
}

impl World {
    /// Registers a device and leaves keys for it. The first lists all that may follow.
    pub(crate) async fn add(&self, number: u8) -> Caller {
        let device = device(number, 1);
        self.transport().register(&device, &NumberProof::none()).await.unwrap();
        let keys = match number {
            1 => keys(1).listing(self.list_of_all()),
            number => keys(number),
        };
        self.transport().publish(&device, keys).await.unwrap();
        device
    }

    /// One message for each of `devices`.
    pub(crate) fn fan_out(&self, from: &Caller, message: MessageId, devices: DeviceSet) -> Vec<Envelope> {
        let to = |number: DeviceId| {
            let sealed = vec![number.number(); 40];
            let (from, to) = (from.address().clone(), Address::new(alice().party().clone(), number));
            let franking = FrankingTag::from_bytes([0; 32]);
            let kind = Kind::Message(Category::Service);
            let envelope = Envelope::new(message, from, to, kind, franking, Form::Signal, sealed).unwrap();
            envelope.among(devices).unwrap()
        };
        devices.iter().map(to).collect()
    }

    async fn queued(&self, device: &Caller) -> Vec<Envelope> {
        let received = tokio::select! {
            biased;
            received = self.carrier.receive(device, Sequence::START) => received.unwrap(),
            () = tokio::task::yield_now() => Vec::new(),
        };
        received.into_iter().map(|delivery| delivery.envelope).collect()
    }

    async fn charged(&self) -> u64 {
        self.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser)
    }
}

pub(crate) fn other_devices(refused: &Option<TransportError>) -> Option<DeviceSet> {
    match refused {
        Some(TransportError::Devices { now }) => Some(*now),
        _ => None,
    }
}

#[tokio::test]
async fn a_second_device_does_not_shut_out_the_first_and_each_has_keys_of_its_own() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let (first, tenth) = (world.add(1).await, world.add(MAX_DEVICES).await);
    world.transport().connect(&first).await.unwrap();
    for (device, number) in [(&first, 1), (&tenth, MAX_DEVICES)] {
        let bundle = world.transport().bundle(&shop, device.address()).await.unwrap();
        assert_eq!(
            (&bundle.identity[..], bundle.devices().unwrap()),
            (&key_of(&[number])[..], set(&[1, 10]))
        );
    }
    assert_eq!(world.carrier.devices(&number()).await.unwrap(), set(&[1, 10]));
    // A new incarnation, and a new installation, of one of them are nothing to the other.
    world.transport().connect(&device(10, 2)).await.unwrap();
    let new = Caller::new(tenth.address().clone(), installation(b"new"), Incarnation::new(1));
    world.transport().register(&new, &NumberProof::none()).await.unwrap();
    let shut_out = world.transport().connect(&device(10, 3)).await;
    assert!(matches!(shut_out, Err(TransportError::Fenced { reinstalled: true, .. })));
    world.transport().connect(&first).await.unwrap();
}

/// The new first device lists others, which nobody believes who knows only the one before it.
#[tokio::test]
async fn that_the_first_device_was_replaced_is_said_before_what_others_there_are() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    world.add(1).await;
    world.add(2).await;
    let (gone, message) = (installation(b"before"), MessageId::new(NOW, &world.rng));
    let sealed = |known, to: u8| {
        let all = world.fan_out(&shop, message, set(&[1, 2]));
        let one = all.into_iter().find(|envelope| envelope.to().device() == id(to)).unwrap();
        one.among(set(known)).unwrap().sealed_for(gone)
    };
    let refused = world.transport().send(&shop, sealed(&[1], 1)).await;
    assert!(matches!(refused, Err(TransportError::Reinstalled)), "{refused:?}");
    // Of another device it is the other way round: it may be the list that it is missing from by now.
    let refused = world.transport().send(&shop, sealed(&[2], 2)).await;
    assert_eq!(other_devices(&refused.err()), Some(set(&[1, 2])));
}

#[tokio::test]
async fn a_message_reaches_every_device_and_is_counted_once() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let devices = [world.add(1).await, world.add(2).await, world.add(3).await];
    let message = MessageId::new(NOW, &world.rng);
    let envelopes = world.fan_out(&shop, message, set(&[1, 2, 3]));
    // Also if it is handed over in parts, and again.
    let part = world.transport().send_all(&shop, envelopes[..2].to_vec()).await;
    assert!(part.error.is_none());
    for _ in 0..2 {
        let sent = world.transport().send_all(&shop, envelopes.clone()).await;
        assert!(sent.error.is_none() && sent.taken == 3, "{sent:?}");
    }
    for (device, envelope) in devices.iter().zip(&envelopes) {
        // What its sender knew is not for the recipient.
        assert_eq!(world.queued(device).await, [envelope.clone().for_recipient()]);
    }
    assert_eq!(world.charged().await, 1);
    let resent = envelopes[1].clone().for_recipient().sent_again(1).unwrap();
    world.transport().send(&shop, resent).await.unwrap();
    assert_eq!((world.queued(&devices[1]).await.len(), world.charged().await), (2, 1));
}

#[tokio::test]
async fn a_sender_who_knows_other_devices_is_told_and_nothing_is_queued() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let first = world.add(1).await;
    let message = MessageId::new(NOW, &world.rng);
    for known in [set(&[1, 2]), set(&[2])] {
        let sent = world.transport().send_all(&shop, world.fan_out(&shop, message, known)).await;
        assert_eq!((sent.taken, other_devices(&sent.error)), (0, Some(set(&[1]))), "{sent:?}");
    }
    let second = world.add(2).await;
    let sent = world.transport().send_all(&shop, world.fan_out(&shop, message, set(&[1]))).await;
    assert_eq!((sent.taken, other_devices(&sent.error)), (0, Some(set(&[1, 2]))), "{sent:?}");
    assert_eq!((world.queued(&first).await.len(), world.queued(&second).await.len()), (0, 0));
    assert_eq!(world.charged().await, 0);
    let third = world.transport().bundle(&shop, device(3, 1).address()).await.unwrap_err();
    assert_eq!(other_devices(&Some(third)), Some(set(&[1, 2])), "there are others");

    let envelopes = world.fan_out(&shop, message, set(&[1, 2]));
    assert!(world.transport().send_all(&shop, envelopes.clone()).await.error.is_none());
    world.add(3).await;
    // It is the same envelope, whatever its sender has learned since.
    let learned: Vec<_> =
        envelopes.into_iter().map(|envelope| envelope.among(set(&[1, 2, 3])).unwrap()).collect();
    assert!(world.transport().send_all(&shop, learned).await.error.is_none());
    assert_eq!((world.queued(&first).await.len(), world.charged().await), (1, 1));
}

#[tokio::test]
async fn a_device_that_has_left_no_keys_is_not_missed_and_a_first_that_is_installed_anew_is() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    world.add(1).await;
    world.transport().register(&device(2, 1), &NumberProof::none()).await.unwrap();
    let send = async |known: &[u8]| {
        let envelopes = world.fan_out(&shop, MessageId::new(NOW, &world.rng), set(known));
        world.transport().send_all(&shop, envelopes).await.error
    };
    assert!(send(&[1]).await.is_none());
    world.transport().publish(&device(2, 1), keys(2)).await.unwrap();
    assert_eq!(other_devices(&send(&[1]).await), Some(set(&[1, 2])));
    for (number, missed) in [(2, set(&[1])), (1, set(&[1]))] {
        let new = Caller::new(device(number, 1).address().clone(), installation(b"new"), Incarnation::new(1));
        world.transport().register(&new, &NumberProof::none()).await.unwrap();
        assert_eq!(other_devices(&send(&[2]).await), Some(missed), "the second has to be listed anew");
        let none = world.transport().bundle(&shop, new.address()).await;
        assert!(matches!(none, Err(TransportError::NoKeys)));
    }
}

#[tokio::test]
async fn a_removed_device_is_shut_out_and_nothing_of_it_is_left_but_that_it_was() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let (first, second) = (world.add(1).await, world.add(2).await);
    let both = |world: &World| world.fan_out(&shop, MessageId::new(NOW, &world.rng), set(&[1, 2]));
    for _ in 0..200 {
        world.transport().send_all(&shop, both(&world)).await;
    }
    let waiting = tokio::spawn({
        let (transport, second) = (world.transport(), second.clone());
        async move { transport.low_stock(&second, 0).await }
    });
    tokio::task::yield_now().await;
    world.transport().remove(&first, id(2)).await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(TransportError::Removed)));
    assert!(matches!(world.transport().connect(&second).await, Err(TransportError::Removed)));
    let refused = world.transport().receive(&second, Sequence::START).await;
    assert!(matches!(refused, Err(TransportError::Removed)));
    let sent = world.transport().send_all(&shop, both(&world)).await;
    assert_eq!((sent.taken, other_devices(&sent.error)), (0, Some(set(&[1]))));
    assert_eq!(world.queued(&first).await.len(), 64, "the other has what it had");
    let left = rows_of_device(&world, 2).await;
    assert_eq!(left, [QUEUE_INDEX], "its places, which are not given out again");
    world.transport().remove(&first, id(2)).await.unwrap();
    assert!(!world.carrier.remove_device(&number(), id(2)).await.unwrap(), "it is removed already");

    // Registered anew it begins with nothing, also as the installation that it was.
    let connected = world.transport().register(&second, &NumberProof::none()).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (0, 0));
    world.transport().publish(&second, keys(2)).await.unwrap();
    assert_eq!(world.queued(&second).await, []);
    let envelopes = both(&world);
    world.transport().send_all(&shop, envelopes.clone()).await;
    assert_eq!(world.queued(&second).await, [envelopes[1].clone().for_recipient()]);
}

#[tokio::test]
async fn the_host_removes_devices_and_the_last_one_leaves_nobody_to_write_to() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    world.add(1).await;
    assert!(!world.carrier.remove_device(&number(), id(3)).await.unwrap(), "there is none");
    assert!(world.carrier.remove_device(&number(), id(1)).await.unwrap());
    let message = MessageId::new(NOW, &world.rng);
    let sent = world.transport().send_all(&shop, world.fan_out(&shop, message, set(&[1]))).await;
    assert!(matches!(sent.error, Some(TransportError::UnknownRecipient)), "{sent:?}");
    let refused = world.transport().remove(&shop, DeviceId::PRIMARY).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })), "a business keeps its own");
    let stranger = world.transport().remove(&caller(alice(), 1), id(2)).await;
    assert!(matches!(stranger, Err(TransportError::Removed)));
}

/// A removal that was cut short after the device was shut out: what waits for it is not for who comes next.
#[tokio::test]
async fn a_removal_that_was_cut_short_is_finished_before_the_device_comes_back() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    let (_, second) = (world.add(1).await, world.add(2).await);
    let envelopes = world.fan_out(&shop, MessageId::new(NOW, &world.rng), set(&[1, 2]));
    world.transport().send_all(&shop, envelopes).await;
    // As it stands after the first of the two commits.
    let user = partition(&world).await;
    let key = Key::undated(Space::new(FENCE), "");
    let mut tokens = world.store.get(user, &key, NOW).await.unwrap().unwrap().value.to_vec();
    tokens[28] = 2;
    let mut batch = Batch::new(user);
    batch.put(key, tokens);
    let _ = world.store.commit(batch).await.unwrap();
    let world = world.restart().await;
    assert!(matches!(world.transport().connect(&second).await, Err(TransportError::Removed)));
    assert_eq!(world.carrier.devices(&number()).await.unwrap(), set(&[1]));
    world.transport().register(&second, &NumberProof::none()).await.unwrap();
    assert_eq!(world.queued(&second).await, []);
}

#[tokio::test]
async fn an_erased_user_has_no_devices_and_nothing_of_any_is_left() {
    let world = World::new().await;
    let shop = world.join(shop()).await;
    world.add(1).await;
    world.add(2).await;
    world.carrier.remove_device(&number(), id(2)).await.unwrap();
    world.add(3).await;
    let envelopes = world.fan_out(&shop, MessageId::new(NOW, &world.rng), set(&[1, 3]));
    world.transport().send_all(&shop, envelopes).await;
    world.carrier.erase(&number()).await.unwrap();
    assert_eq!(world.carrier.devices(&number()).await.unwrap(), DeviceSet::EMPTY);
    for number in [1, 2, 3] {
        assert_eq!(rows_of_device(&world, number).await, []);
    }
}

/// Believes who knows the code of the device.
struct Codes;

impl NumberVerifier for Codes {
    fn verify<'a>(&'a self, address: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        let is_its = proof.as_bytes() == [address.device().number()];
        Box::pin(std::future::ready(Ok(is_its)))
    }
}

#[tokio::test]
async fn each_device_proves_that_the_number_is_its_own_and_again_after_it_was_removed() {
    let world = World::new().await;
    let (clock, verifier) = (world.clock.clone(), Arc::new(Codes));
    let carrier = Carrier::open_verifying(BoxStore::new(world.store.clone()), clock, &world.rng, verifier)
        .await
        .unwrap();
    let code = |number: u8| NumberProof::new(vec![number]).unwrap();
    carrier.register(&device(1, 1), &code(1)).await.unwrap();
    assert!(matches!(carrier.connect(&device(2, 1)).await, Err(TransportError::Unproven)));
    assert!(matches!(carrier.register(&device(2, 1), &code(1)).await, Err(TransportError::Unproven)));
    carrier.register(&device(2, 1), &code(2)).await.unwrap();
    carrier.remove(&device(1, 1), id(2)).await.unwrap();
    assert!(matches!(carrier.connect(&device(2, 2)).await, Err(TransportError::Removed)));
    assert!(matches!(carrier.register(&device(2, 2), &code(1)).await, Err(TransportError::Unproven)));
    carrier.register(&device(2, 2), &code(2)).await.unwrap();
    carrier.connect(&device(1, 1)).await.unwrap();
}

const FENCE: u8 = 0x42;
const QUEUE_INDEX: u8 = 0x43;

pub(crate) async fn partition(world: &World) -> Partition {
    let pepper = bulla_store::pepper(&world.store, Space::new(0x46), NOW, &world.rng).await.unwrap();
    pepper.partition(alice().party())
}

/// The spaces in which something stands under the number of a device.
async fn rows_of_device(world: &World, number: u8) -> Vec<u8> {
    let mut spaces = Vec::new();
    for space in [0x40, 0x41, 0x43, 0x44, 0x48] {
        let scan = Scan::everything(Space::new(space)).prefix(vec![number]);
        let rows = world.store.scan(partition(world).await, &scan, BEFORE_ALL).await.unwrap();
        spaces.extend(rows.iter().map(|_| space));
    }
    spaces
}
