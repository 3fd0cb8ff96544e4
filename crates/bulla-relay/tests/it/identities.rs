//! What becomes of a conversation whose user has a new phone.

use std::time::Duration;

use bulla_base::PhoneNumberId;
use bulla_content::Body;
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{Event, Failure, Identity, IdentityPolicy, Report, Settings, Status};
use bulla_store::{Retention, Space};

use crate::cancellation::{everything, partition};
use crate::forward_events::words;
use crate::world::{BAKERY, SHOP, TestDevice, World, alice, says, to};

const HELD: Space = Space::new(0x2e);

async fn world(policy: IdentityPolicy) -> World {
    World::with(Settings::default().changed_identities(policy)).await
}

/// Has Alice talk to the shop, and then get a new phone.
async fn a_new_phone(world: &World) -> TestDevice {
    let before = world.device(alice()).await;
    before.send(SHOP, &says("hello")).await.unwrap();
    world.relay.submit(SHOP, to(alice(), "good day")).await.unwrap();
    hear(&before, "good day").await;
    world.pass(Duration::from_secs(10)).await;
    before.close().await;
    world.device(alice()).await
}

/// Has the shop write to Alice without an answer, and Alice get a new phone, until the shop needs a new
/// session for what it writes next.
async fn a_new_phone_before_the_session_is_too_old(world: &World) -> TestDevice {
    let day = Duration::from_secs(24 * 3600);
    world.device(alice()).await.close().await;
    for _ in 0..2 {
        world.relay.submit(SHOP, to(alice(), "never heard")).await.unwrap();
        world.pass(20 * day).await;
    }
    world.device(alice()).await
}

async fn hear(phone: &TestDevice, words: &str) {
    while phone.next().await.unwrap().kind() != &DeviceEventKind::Message(says(words)) {}
}

/// The changes of identities reported so far: whose, and whether they wait.
pub(crate) async fn changes(world: &World) -> Vec<(PhoneNumberId, Identity, bool)> {
    let mut reports = world.relay.reports();
    let mut changes = Vec::new();
    loop {
        tokio::select! {
            biased;
            report = reports.next() => match report {
                Some(Report::IdentityChanged { business, identity, is_held, user }) => {
                    assert_eq!(world.relay.identity(business, user).await.unwrap(), Some(identity));
                    changes.push((business, identity, is_held));
                }
                Some(other) => panic!("{other:?}"),
                None => return changes,
            },
            () = world.pass(Duration::from_millis(1)) => return changes,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_new_phone_is_written_to_and_the_host_hears_of_it_once() {
    let world = world(IdentityPolicy::Follow).await;
    let phone = a_new_phone(&world).await;
    assert_eq!(changes(&world).await, []);
    let before = world.relay.safety_number(SHOP, alice()).await.unwrap().unwrap();
    for words in ["a new phone", "and still it"] {
        phone.send(SHOP, &says(words)).await.unwrap();
        world.pass(Duration::from_secs(1)).await;
    }
    let changes = changes(&world).await;
    assert!(matches!(changes[..], [(SHOP, _, false)]), "{changes:?}");
    let after = world.relay.safety_number(SHOP, alice()).await.unwrap().unwrap();
    assert_ne!(before.digits(), after.digits());
    world.relay.submit(SHOP, to(alice(), "congratulations")).await.unwrap();
    hear(&phone, "congratulations").await;
    assert!(world.relay.safety_number(BAKERY, alice()).await.unwrap().is_none(), "they never met");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_new_phone_is_written_to_by_a_business_that_needs_a_new_session() {
    // It was an internal error, for good.
    let world = world(IdentityPolicy::Follow).await;
    let phone = a_new_phone_before_the_session_is_too_old(&world).await;
    world.relay.submit(SHOP, to(alice(), "are you there?")).await.unwrap();
    hear(&phone, "are you there?").await;
    let changes = changes(&world).await;
    assert!(matches!(changes[..], [(SHOP, _, false)]), "{changes:?}");
}

/// A relay that holds new identities, whose user Alice has said something with a new phone; and her new
/// identity.
async fn held_world() -> (World, TestDevice, Identity) {
    let world = world(IdentityPolicy::Hold).await;
    let phone = a_new_phone(&world).await;
    phone.send(SHOP, &says("a new phone")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let held = changes(&world).await;
    let [(SHOP, identity, true)] = held[..] else { panic!("{held:?}") };
    (world, phone, identity)
}

/// What the phone is told within a minute: what was said to it, or how often its messages were said to have
/// come further.
pub(crate) async fn told(world: &World, phone: &TestDevice) -> (Vec<String>, usize) {
    let (mut said, mut receipts) = (Vec::new(), 0);
    loop {
        tokio::select! {
            biased;
            event = phone.next() => {
                let event = event.unwrap();
                match event.kind() {
                    DeviceEventKind::Message(content) => said.push(match content.body() {
                        Body::Text(text) => text.body().to_owned(),
                        other => panic!("{other:?}"),
                    }),
                    DeviceEventKind::Receipt(_) => receipts += 1,
                    other => panic!("{other:?}"),
                }
                phone.acknowledge(event).await.unwrap();
            }
            () = world.pass(Duration::from_secs(60)) => return (said, receipts),
        }
    }
}

/// What the business was told of its messages since the event number `from`.
fn statuses(world: &World, from: usize) -> Vec<Status> {
    let taken = world.sink.taken();
    let status = |event: &Event| match event {
        Event::Status(_, update) => Some(update.status),
        _ => None,
    };
    taken[from..].iter().filter_map(status).collect()
}

/// They were refused, and the business had to send them again when its host had approved, if it heard of it.
#[tokio::test(start_paused = true)]
async fn what_is_said_to_a_user_whose_new_identity_is_held_is_sent_in_order_when_it_is_approved() {
    let (world, phone, identity) = held_world().await;
    let taken = world.sink.taken();
    assert_eq!(words(&taken), ["hello", "a new phone"], "what the user says is taken");
    let billed = world.line.bill(SHOP).await.total(SHOP, Flow::ToUser);
    for words in ["one", "two", "three"] {
        world.relay.submit(SHOP, to(alice(), words).idempotency_key(words)).await.unwrap();
        world.pass(Duration::from_secs(3600)).await;
    }
    let message = taken.last().unwrap().subject().message;
    world.relay.mark_read(SHOP, message).await.unwrap();
    assert_eq!(told(&world, &phone).await, (Vec::new(), 0), "nothing is sealed, not even a receipt");
    assert_eq!(changes(&world).await.len(), 1, "told once");
    assert_eq!(statuses(&world, taken.len()), [], "nothing was sent");
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), billed, "nor counted");

    let user = message.user();
    world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    let other = world.relay.identity(BAKERY, alice()).await.unwrap();
    assert_eq!(other, Some(identity), "whom the bakery has just met");
    assert!(!world.relay.approve_identity(BAKERY, alice(), identity).await.unwrap(), "nothing waits there");
    hear(&phone, "hello").await;

    assert!(world.relay.approve_identity(SHOP, user, identity).await.unwrap());
    assert!(!world.relay.approve_identity(SHOP, user, identity).await.unwrap(), "no more");
    world.relay.submit(SHOP, to(alice(), "four")).await.unwrap();
    let again = world.relay.submit(SHOP, to(alice(), "one").idempotency_key("one")).await.unwrap();
    assert_eq!(again.user(), user);
    let (said, receipts) = told(&world, &phone).await;
    assert_eq!(said, ["one", "two", "three", "four"], "each once");
    assert_eq!(receipts, 2, "its message was delivered, and read");
    world.pass(Duration::from_secs(60)).await;
    let statuses = statuses(&world, taken.len());
    assert_eq!(statuses.iter().filter(|status| **status == Status::Read).count(), 4, "{statuses:?}");
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), billed + 4);
    assert_eq!(world.line.bill(SHOP).await.total(SHOP, Flow::ToUser), billed + 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_and_never_approved_fails_when_its_time_is_over_and_is_not_sent_afterwards() {
    let settings = Settings::default().changed_identities(IdentityPolicy::Hold);
    let world =
        World::with(settings.time_to_live(Retention::new(Duration::from_secs(2 * 86_400)).unwrap())).await;
    let phone = a_new_phone(&world).await;
    phone.send(SHOP, &says("a new phone")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let [(SHOP, identity, true)] = changes(&world).await[..] else { panic!() };
    let before = world.sink.taken().len();
    world.relay.submit(SHOP, to(alice(), "too late")).await.unwrap();
    world.pass(Duration::from_secs(47 * 3600)).await;
    assert_eq!(statuses(&world, before), []);
    world.relay.submit(SHOP, to(alice(), "in time")).await.unwrap();
    world.pass(Duration::from_secs(2 * 3600)).await;
    assert_eq!(statuses(&world, before), [Status::Failed(Failure::Expired)]);
    assert!(world.relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    assert_eq!(told(&world, &phone).await.0, ["in time"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_for_a_phone_that_is_no_more_is_not_held_longer_than_it_lives() {
    let settings = Settings::default().changed_identities(IdentityPolicy::Hold);
    let lives = Duration::from_secs(2 * 86_400);
    let world = World::with(settings.time_to_live(Retention::new(lives).unwrap())).await;
    let _phone = a_new_phone(&world).await;
    let before = world.sink.taken().len();
    let held = async || everything(&world.rows).await.iter().filter(|row| row.key.space() == HELD).count();
    world.relay.submit(SHOP, to(alice(), "to the old one")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!((statuses(&world, before), held().await), (vec![], 1));
    world.pass(lives).await;
    assert_eq!((statuses(&world, before), held().await), (vec![Status::Failed(Failure::Expired)], 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_held_after_a_restart_too_and_sent_when_it_is_approved() {
    let world = world(IdentityPolicy::Hold).await;
    let phone = a_new_phone_before_the_session_is_too_old(&world).await;
    world.relay.submit(SHOP, to(alice(), "a secret")).await.unwrap();
    let held = changes(&world).await;
    let [(SHOP, identity, true)] = held[..] else { panic!("{held:?}") };
    world.relay.close().await;
    let hold = || Settings::default().changed_identities(IdentityPolicy::Hold);
    let relay = world.reopen_with(hold()).await.unwrap();
    relay.submit(SHOP, to(alice(), "another")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    // The carrier is away just when it is approved, and the relay is closed before it is back.
    world.line.cut(true);
    assert!(relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    world.pass(Duration::from_secs(60)).await;
    relay.close().await;
    world.line.cut(false);
    let relay = world.reopen_with(hold()).await.unwrap();
    hear(&phone, "a secret").await;
    hear(&phone, "another").await;
    relay.submit(SHOP, to(alice(), "a third")).await.unwrap();
    hear(&phone, "a third").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_held_is_sent_by_a_relay_that_follows_new_identities() {
    let (world, phone, _) = held_world().await;
    world.relay.submit(SHOP, to(alice(), "a secret")).await.unwrap();
    world.relay.close().await;
    let _relay = world.reopen_with(Settings::default()).await.unwrap();
    hear(&phone, "a secret").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_erased_with_its_user() {
    let (world, _phone, _) = held_world().await;
    world.relay.submit(SHOP, to(alice(), "a secret")).await.unwrap();
    world.relay.erase(&alice()).await.unwrap();
    let hers = partition(&world.rows, &alice()).await;
    assert!(everything(&world.rows).await.iter().all(|row| row.partition != hers));
}

/// The carrier knows that a user has a new phone before the relay does, which seals for the old one once
/// more.
#[tokio::test(start_paused = true)]
async fn what_was_sealed_for_a_phone_that_is_no_more_is_sealed_anew_and_arrives_before_the_next() {
    let world = world(IdentityPolicy::Follow).await;
    let phone = a_new_phone(&world).await;
    let (before, billed) = (world.sink.taken().len(), world.line.bill(SHOP).await.total(SHOP, Flow::ToUser));
    let taken = world.line.messages_of_businesses();
    assert_eq!(changes(&world).await, [], "nobody has come with another identity yet");
    // All but the last are sealed before the first is refused.
    world.line.cut(true);
    for words in ["one", "two", "three"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    world.line.cut(false);
    world.pass(Duration::from_secs(1)).await;
    world.relay.submit(SHOP, to(alice(), "four")).await.unwrap();
    assert_eq!(told(&world, &phone).await.0, ["one", "two", "three", "four"]);
    assert!(matches!(changes(&world).await[..], [(SHOP, _, false)]));
    let statuses = statuses(&world, before);
    for status in [Status::Sent, Status::Delivered, Status::Read] {
        assert_eq!(statuses.iter().filter(|told| **told == status).count(), 4, "{statuses:?}");
    }
    assert_eq!(world.line.bill(SHOP).await.total(SHOP, Flow::ToUser), billed + 4);
    assert_eq!(world.line.messages_of_businesses(), taken + 4, "what the carrier has is not sent again");
    assert!(world.relay.suspended().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_for_a_phone_that_is_no_more_is_held_and_comes_in_order_when_it_is_approved() {
    let world = world(IdentityPolicy::Hold).await;
    let phone = a_new_phone(&world).await;
    let (before, billed) = (world.sink.taken().len(), world.line.bill(SHOP).await.total(SHOP, Flow::ToUser));
    world.relay.submit(SHOP, to(alice(), "to the old one")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(statuses(&world, before), []);
    world.relay.submit(SHOP, to(alice(), "to the new one")).await.unwrap();
    let [(SHOP, identity, true)] = changes(&world).await[..] else { panic!() };
    assert_eq!(told(&world, &phone).await.0, Vec::<String>::new());
    assert!(world.relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    assert_eq!(told(&world, &phone).await.0, ["to the old one", "to the new one"]);
    assert_eq!(world.line.bill(SHOP).await.total(SHOP, Flow::ToUser), billed + 2);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), billed + 2);
}
