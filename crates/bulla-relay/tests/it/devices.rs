//! Several devices of one user.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, DeviceId, DeviceSet, MAX_DEVICES, MessageId, Party};
use bulla_content::{Progress, Receipt};
use bulla_device::{Device, DeviceEventKind, MAX_RETRY_REQUESTS};
use bulla_envelope::{InstallationId, MAX_RESENDS};
use bulla_meter::Flow;
use bulla_relay::{Event, Failure, IdentityPolicy, Settings, Status};
use bulla_store::{MemoryStore, Retention, Space};
use bulla_transport::{Caller, Incarnation, NumberProof, Transport};

use crate::cancellation::{Row, everything, partition};
use crate::identities::changes;
use crate::world::{Line, SHOP, World, alice, says, to};

const CONTENT: Space = Space::new(0x61);
const MINUTE: Duration = Duration::from_secs(60);

type SharedDevice = Device<Arc<MemoryStore>, Line>;

fn id(number: u8) -> DeviceId {
    DeviceId::new(number).unwrap()
}

impl World {
    /// A device of Alice's, on `store`.
    async fn open_as(&self, number: u8, store: &Arc<MemoryStore>) -> SharedDevice {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        let (store, line, proof) = (Arc::clone(store), self.line.clone(), NumberProof::none());
        Device::register_as(store, line, clock, rng, alice(), id(number), proof).await.unwrap()
    }

    async fn add(&self, number: u8) -> SharedDevice {
        self.open_as(number, &Arc::default()).await
    }

    /// Another device of Alice's, on `store`, that her `phone` has listed.
    async fn open_with(&self, phone: &SharedDevice, number: u8, store: &Arc<MemoryStore>) -> SharedDevice {
        let device = self.open_as(number, store).await;
        assert!(phone.approve_device(id(number), &device.identity()).await.unwrap());
        device
    }

    async fn add_with(&self, phone: &SharedDevice, number: u8) -> SharedDevice {
        self.open_with(phone, number, &Arc::default()).await
    }

    /// Alice's first device, and her second, which it has listed.
    async fn two(&self) -> (SharedDevice, SharedDevice) {
        let phone = self.add(1).await;
        let desk = self.add_with(&phone, 2).await;
        (phone, desk)
    }

    async fn say(&self, words: &str) {
        self.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }

    async fn billed(&self) -> [u64; 2] {
        let (carrier, relay) = (self.line.bill(SHOP).await, self.relay.bill(SHOP).await.unwrap());
        [carrier.total(SHOP, Flow::ToUser), relay.total(SHOP, Flow::ToUser)]
    }

    /// How many messages are kept with what they say.
    async fn kept(&self) -> usize {
        everything(&self.rows).await.iter().filter(|row| row.key.space() == CONTENT).count()
    }

    fn statuses(&self) -> Vec<Status> {
        let status = |event: &Event| match event {
            Event::Status(_, update) => Some(update.status),
            _ => None,
        };
        self.sink.taken().iter().filter_map(status).collect()
    }
}

/// What is shown by `device` next, with which the user is done then.
async fn reads(device: &SharedDevice) -> DeviceEventKind {
    let event = device.next().await.unwrap();
    let kind = event.kind().clone();
    device.acknowledge(event).await.unwrap();
    kind
}

fn message(words: &str) -> DeviceEventKind {
    DeviceEventKind::Message(says(words))
}

fn receipt(progress: Progress, message: MessageId) -> DeviceEventKind {
    DeviceEventKind::Receipt(Receipt::new(progress, vec![message]).unwrap())
}

/// Whether nothing more is shown by `device` for a minute.
async fn is_silent(world: &World, device: &SharedDevice) -> bool {
    tokio::select! {
        biased;
        event = device.next() => panic!("{event:?}"),
        () = world.pass(MINUTE) => true,
    }
}

const ALL: [Status; 3] = [Status::Sent, Status::Delivered, Status::Read];

#[tokio::test(start_paused = true)]
async fn every_one_of_ten_devices_hears_a_message_that_is_counted_and_told_once() {
    let world = World::new().await;
    let mut devices = vec![world.add(1).await];
    for number in 2..=MAX_DEVICES {
        devices.push(world.add_with(&devices[0], number).await);
    }
    for words in ["one", "two"] {
        world.say(words).await;
    }
    for device in &devices {
        assert_eq!([reads(device).await, reads(device).await], ["one", "two"].map(message));
    }
    world.pass(MINUTE).await;
    assert_eq!(world.billed().await, [2, 2]);
    let mut statuses = world.statuses();
    statuses.sort_unstable();
    assert_eq!(statuses, ALL.into_iter().flat_map(|status| [status; 2]).collect::<Vec<_>>());
    assert_eq!(world.kept().await, 0, "all have confirmed it");
}

#[tokio::test(start_paused = true)]
async fn what_a_message_says_is_kept_until_the_last_device_has_it_and_delivered_is_told_with_the_first() {
    let (world, store) = (World::new().await, Arc::default());
    let phone = world.add(1).await;
    let desk = world.open_with(&phone, 3, &store).await;
    world.say("to both").await;
    assert_eq!([reads(&phone).await, reads(&desk).await], [message("to both"), message("to both")]);
    world.pass(MINUTE).await;
    desk.close().await;
    world.say("and now").await;
    assert_eq!(reads(&phone).await, message("and now"));
    world.pass(MINUTE).await;
    assert_eq!((world.statuses(), world.kept().await), ([ALL, ALL].concat(), 1));

    // The other could not open it, asks again, and nobody else is told.
    world.line.garble("users", 1);
    let desk = world.open_as(3, &store).await;
    assert_eq!(reads(&desk).await, message("and now"));
    assert!(is_silent(&world, &phone).await);
    assert_eq!((world.statuses().len(), world.kept().await, world.billed().await), (6, 0, [2, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_later_hears_what_is_said_from_then_on() {
    let world = World::new().await;
    let phone = world.add(1).await;
    world.say("before").await;
    assert_eq!(reads(&phone).await, message("before"));
    let desk = world.add_with(&phone, 2).await;
    // The relay finds out with the first of them.
    for words in ["one", "two", "three"] {
        world.say(words).await;
    }
    for device in [&phone, &desk] {
        for words in ["one", "two", "three"] {
            assert_eq!(reads(device).await, message(words));
        }
    }
    assert!(is_silent(&world, &desk).await);
    assert_eq!((world.billed().await, world.kept().await), ([4, 4], 0));
}

/// What waits in the outbox when a device comes is sealed for it as well, and one that is gone by then is let
/// go of.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_carrier_goes_to_the_devices_that_there_are_then() {
    let world = World::new().await;
    let (phone, tablet) = world.two().await;
    world.say("hello").await;
    assert_eq!([reads(&phone).await, reads(&tablet).await], [message("hello"), message("hello")]);
    world.line.cut(true);
    let words: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for words in &words {
        world.say(words).await;
    }
    world.line.cut(false);
    let desk = world.add_with(&phone, 3).await;
    world.line.ledger().remove_device(&alice(), id(2)).await.unwrap();
    for device in [&phone, &desk] {
        for words in &words {
            assert_eq!(reads(device).await, message(words));
        }
    }
    world.pass(MINUTE).await;
    let failed = world.statuses().iter().any(|status| matches!(status, Status::Failed(_)));
    assert_eq!((failed, world.kept().await, world.billed().await), (false, 0, [41, 41]));
    assert_eq!(world.line.ledger().devices(&alice()).await.unwrap(), [1, 3].map(id).into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn a_user_without_a_first_device_is_reached_and_one_without_any_is_not() {
    let world = World::new().await;
    let phone = world.add(1).await;
    let desk = world.add_with(&phone, 7).await;
    // The list that it has left stands.
    phone.remove(id(1)).await.unwrap();
    world.say("hello").await;
    assert_eq!(reads(&desk).await, message("hello"));
    desk.remove(id(7)).await.unwrap();
    world.say("anybody there").await;
    world.pass(MINUTE).await;
    let failed = Status::Failed(Failure::Undeliverable);
    assert_eq!(world.statuses(), [&ALL[..], &[failed]].concat());
    assert_eq!(world.kept().await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_device_that_never_opens_a_message_does_not_fail_it_and_all_of_them_do() {
    let (world, store) = (World::new().await, Arc::default());
    let phone = world.add(1).await;
    let desk = world.open_with(&phone, 2, &store).await;
    desk.close().await;
    world.say("hello").await;
    assert_eq!(reads(&phone).await, message("hello"));
    world.line.garble("users", usize::from(MAX_RESENDS) + 1);
    let desk = world.open_as(2, &store).await;
    while world.kept().await > 0 {
        world.pass(MINUTE).await;
    }
    assert_eq!(world.statuses(), ALL, "who has it has it");
    phone.close().await;
    desk.close().await;

    let world = World::new().await;
    let _devices = world.two().await;
    let requests = usize::from(MAX_RESENDS) + MAX_RETRY_REQUESTS as usize;
    world.line.garble("users", 2 * requests);
    world.say("hello").await;
    while world.kept().await > 0 {
        world.pass(MINUTE).await;
    }
    world.pass(MINUTE).await;
    assert_eq!(world.statuses(), [Status::Sent, Status::Failed(Failure::NotOpened)]);
}

#[tokio::test(start_paused = true)]
async fn when_its_time_is_over_nothing_is_kept_for_a_device_that_has_not_come() {
    let world = World::new().await;
    let (phone, desk) = world.two().await;
    desk.close().await;
    let hour = Retention::new(Duration::from_secs(3600)).unwrap();
    world.relay.submit(SHOP, to(alice(), "for an hour").time_to_live(hour)).await.unwrap();
    assert_eq!(reads(&phone).await, message("for an hour"));
    world.pass(Duration::from_secs(3500)).await;
    assert_eq!(world.kept().await, 1);
    world.pass(Duration::from_secs(200)).await;
    assert_eq!((world.kept().await, world.statuses()), (0, ALL.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn receipts_go_to_the_device_that_has_written() {
    let world = World::new().await;
    let (phone, desk) = world.two().await;
    let from_desk = desk.send(SHOP, &says("from the desk")).await.unwrap();
    assert_eq!(reads(&desk).await, receipt(Progress::Delivered, from_desk));
    let Some(Event::Message(subject, _)) = world.sink.taken().pop() else { panic!("nothing was heard") };
    world.relay.mark_read(SHOP, subject.message).await.unwrap();
    assert_eq!(reads(&desk).await, receipt(Progress::Read, from_desk));
    assert!(is_silent(&world, &phone).await);
    // And so do requests to send something again.
    world.line.garble("businesses", 1);
    let again = desk.send(SHOP, &says("again")).await.unwrap();
    assert_eq!(reads(&desk).await, receipt(Progress::Delivered, again));
    assert!(is_silent(&world, &phone).await);
}

#[tokio::test(start_paused = true)]
async fn an_erased_user_leaves_nothing_of_any_device() {
    let world = World::new().await;
    let (phone, desk) = world.two().await;
    desk.close().await;
    world.say("hello").await;
    assert_eq!(reads(&phone).await, message("hello"));
    phone.send(SHOP, &says("and to you")).await.unwrap();
    world.pass(MINUTE).await;
    world.line.ledger().erase(&alice()).await.unwrap();
    phone.close().await;
    world.relay.erase(&alice()).await.unwrap();
    let tag = partition(&world.rows, &alice()).await;
    let is_hers = |row: &&Row| row.partition == tag || row.key.name().ends_with(tag.as_bytes());
    assert_eq!(everything(&world.rows).await.iter().filter(is_hers).count(), 0);
    // Somebody who comes with the number then is somebody else.
    let other = world.add(1).await;
    world.say("who are you").await;
    assert_eq!(reads(&other).await, message("who are you"));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_installed_anew_waits_for_approval_and_the_others_with_it() {
    let settings = Settings::default().changed_identities(IdentityPolicy::Hold);
    let world = World::with(settings).await;
    let (phone, desk) = world.two().await;
    world.say("hello").await;
    assert_eq!([reads(&phone).await, reads(&desk).await], [message("hello"), message("hello")]);
    desk.close().await;
    let desk = world.add_with(&phone, 2).await;
    world.say("one").await;
    world.say("two").await;
    assert_eq!(reads(&phone).await, message("one"), "it was sealed before anybody knew");
    assert!(is_silent(&world, &desk).await);
    let [(SHOP, identity, true)] = changes(&world).await[..] else { panic!("nothing is held") };
    assert!(world.relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    assert_eq!(reads(&phone).await, message("two"));
    assert_eq!([reads(&desk).await, reads(&desk).await], [message("one"), message("two")]);
    world.pass(MINUTE).await;
    assert_eq!((world.kept().await, world.billed().await), (0, [3, 3]));
}

/// A first device that was installed anew and was lost before it had left its keys.
#[tokio::test(start_paused = true)]
async fn a_first_device_that_never_leaves_keys_keeps_the_others_waiting_for_a_minute_and_not_longer() {
    let world = World::new().await;
    let (phone, desk) = world.two().await;
    world.say("hello").await;
    assert_eq!([reads(&phone).await, reads(&desk).await], [message("hello"), message("hello")]);
    phone.close().await;
    let address = Address::new(Party::User(alice()), id(1));
    let lost = Caller::new(address, InstallationId::of_identity(b"lost"), Incarnation::new(1));
    world.line.register(&lost, &NumberProof::none()).await.unwrap();
    for words in ["one", "two", "three"] {
        let said = world.clock.now();
        world.say(words).await;
        assert_eq!(reads(&desk).await, message(words));
        let took = world.clock.now().since(said);
        assert!(took < 3 * MINUTE, "{took:?}");
        world.pass(MINUTE * 3).await;
    }
    assert_eq!((world.kept().await, world.billed().await), (0, [4, 4]));
    assert_eq!(world.statuses().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn devices_are_known_after_a_restart_of_the_relay() {
    let world = World::new().await;
    let (phone, desk) = world.two().await;
    world.say("before").await;
    assert_eq!([reads(&phone).await, reads(&desk).await], [message("before"), message("before")]);
    world.pass(MINUTE).await;
    world.relay.close().await;
    let relay = world.reopen().await.unwrap();
    relay.submit(SHOP, to(alice(), "after")).await.unwrap();
    assert_eq!([reads(&phone).await, reads(&desk).await], [message("after"), message("after")]);
    assert_eq!(world.line.ledger().devices(&alice()).await.unwrap(), DeviceSet::from_bits(3).unwrap());
}
