//! What cannot be opened is asked for again, both ways, and shown once.

use std::time::Duration;

use bulla_device::{DeviceEventKind, FIRST_WAIT, MAX_RETRY_REQUESTS};
use bulla_envelope::MAX_RESENDS;
use bulla_meter::Flow;
use bulla_relay::{Event, Failure, IdentityPolicy, Report, Settings, Status};
use bulla_store::Space;

use crate::cancellation::everything;
use crate::erasure::heard;
use crate::identities::told;
use crate::world::{SHOP, TestDevice, World, alice, bob, says, to};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const CONTENT: Space = Space::new(0x61);

fn statuses(world: &World) -> Vec<Status> {
    let status = |event: &Event| match event {
        Event::Status(_, update) => Some(update.status),
        _ => None,
    };
    world.sink.taken().iter().filter_map(status).collect()
}

/// How many messages are kept with what they say.
async fn kept(world: &World) -> usize {
    everything(&world.rows).await.iter().filter(|row| row.key.space() == CONTENT).count()
}

async fn billed(world: &World) -> [u64; 2] {
    let (carrier, relay) = (world.line.bill(SHOP).await, world.relay.bill(SHOP).await.unwrap());
    [carrier.total(SHOP, Flow::ToUser), relay.total(SHOP, Flow::ToUser)]
}

/// The reports of messages that are lost.
async fn lost(world: &World) -> usize {
    let (mut reports, mut lost) = (world.relay.reports(), 0);
    loop {
        tokio::select! {
            biased;
            report = reports.next() => lost += usize::from(matches!(report, Some(Report::MessageLost { .. }))),
            () = world.pass(Duration::from_millis(1)) => return lost,
        }
    }
}

/// What the phone is told until nothing comes any more for six days.
async fn news(world: &World, phone: &TestDevice) -> Vec<DeviceEventKind> {
    let mut news = Vec::new();
    loop {
        tokio::select! {
            biased;
            event = phone.next() => {
                let event = event.unwrap();
                news.push(event.kind().clone());
                phone.acknowledge(event).await.unwrap();
            }
            () = world.pass(DAY * 6) => return news,
        }
    }
}

/// The user's phone was lost with what had been sent to it. The business heard `sent` and, 30 days later,
/// `failed`; nobody ever saw a word of it.
#[tokio::test(start_paused = true)]
async fn what_was_queued_for_a_phone_that_is_no_more_is_asked_for_by_the_new_one_and_arrives() {
    let world = World::new().await;
    let words: Vec<String> = (0..20).map(|number| format!("number {number}")).collect();
    world.device(alice()).await.close().await;
    for words in &words {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    world.pass(MINUTE).await;
    assert_eq!((statuses(&world), kept(&world).await), (vec![Status::Sent; 20], 20));

    let phone = world.device(alice()).await;
    assert_eq!(told(&world, &phone).await.0, words, "each once, in order");
    world.pass(MINUTE).await;
    let (statuses, bills) = (statuses(&world), billed(&world).await);
    for status in [Status::Sent, Status::Delivered, Status::Read] {
        assert_eq!(statuses.iter().filter(|told| **told == status).count(), 20, "{statuses:?}");
    }
    assert_eq!(bills, [20, 20], "each once");
    assert_eq!(kept(&world).await, 0, "nothing of what was said is kept");
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_for_a_phone_that_is_no_more_waits_for_the_new_one_to_be_approved() {
    let world = World::with(Settings::default().changed_identities(IdentityPolicy::Hold)).await;
    world.device(alice()).await.close().await;
    for words in ["one", "two"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    world.pass(MINUTE).await;
    let phone = world.device(alice()).await;
    assert_eq!(told(&world, &phone).await, (Vec::new(), 0), "it may be somebody else");
    world.relay.submit(SHOP, to(alice(), "three")).await.unwrap();
    let mut reports = world.relay.reports();
    let Some(Report::IdentityChanged { identity, is_held: true, .. }) = reports.next().await else {
        panic!("the host is not told")
    };
    assert_eq!(billed(&world).await, [2, 2]);
    assert!(world.relay.approve_identity(SHOP, alice(), identity).await.unwrap());
    assert_eq!(told(&world, &phone).await.0, ["one", "two", "three"]);
    world.pass(MINUTE).await;
    assert_eq!((billed(&world).await, kept(&world).await), ([3, 3], 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_opens_the_fifth_time_it_is_sent_again_is_shown_once_and_delivered() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("users", usize::from(MAX_RESENDS));
    world.relay.submit(SHOP, to(alice(), "at last")).await.unwrap();
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::Message(says("at last"))]);
    assert_eq!(statuses(&world), [Status::Sent, Status::Delivered, Status::Read]);
    assert_eq!((billed(&world).await, kept(&world).await), ([1, 1], 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_open_then_either_fails_and_the_user_is_told() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("users", usize::from(MAX_RESENDS) + 1);
    world.relay.submit(SHOP, to(alice(), "never")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(statuses(&world), [Status::Sent, Status::Failed(Failure::NotOpened)]);
    assert_eq!(kept(&world).await, 0, "nothing of what was said is kept");
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::MessageLost]);
    world.relay.submit(SHOP, to(alice(), "the next")).await.unwrap();
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::Message(says("the next"))]);
    assert_eq!(billed(&world).await, [2, 2]);
    world.pass(DAY * 40).await;
    let statuses = statuses(&world);
    assert_eq!(statuses.len(), 5, "nothing more is told of it: {statuses:?}");
}

/// A request is lost as well, for instance with the business's store.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_lost_is_repeated_until_the_message_is_there() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let most = usize::try_from(MAX_RETRY_REQUESTS).unwrap();
    world.line.garble("users", 1);
    world.line.lose_requests(most - 1);
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::Message(says("hello"))]);
    assert_eq!(statuses(&world), [Status::Sent, Status::Delivered, Status::Read]);

    world.line.garble("users", 1);
    world.line.lose_requests(most);
    world.relay.submit(SHOP, to(alice(), "good bye")).await.unwrap();
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::MessageLost], "as often as any is");
    world.pass(DAY * 30).await;
    assert_eq!(statuses(&world).last(), Some(&Status::Failed(Failure::Expired)));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_after_a_restart_of_the_relay_is_sent_again_too() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("users", 1);
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(Duration::from_millis(50)).await;
    world.relay.close().await;
    let _relay = world.reopen().await.unwrap();
    assert_eq!(told(&world, &phone).await.0, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_erased_is_not_sent_again_whoever_asks() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("users", 1);
    world.line.lose_requests(1);
    world.relay.submit(SHOP, to(alice(), "a secret")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(kept(&world).await, 1);
    world.relay.erase(&alice()).await.unwrap();
    assert_eq!(kept(&world).await, 0);
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::MessageLost]);
}

/// Nothing of what a user had said was kept: the message was lost, and the user was told.
#[tokio::test(start_paused = true)]
async fn what_the_relay_cannot_open_comes_again_by_itself_and_is_forwarded_once() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("businesses", usize::from(MAX_RESENDS));
    phone.send(SHOP, &says("hello")).await.unwrap();
    phone.send(SHOP, &says("and this")).await.unwrap();
    world.pass(MINUTE).await;
    let mut said = heard(&world.sink.taken());
    said.sort_unstable();
    assert_eq!(said, ["and this", "hello"], "each once");
    assert_eq!(world.relay.stats().dropped, u64::from(MAX_RESENDS), "what could not be opened");
    assert_eq!(world.line.bill(SHOP).await.total(SHOP, Flow::ToBusiness), 2);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToBusiness), 2);
    assert!(news(&world, &phone).await.iter().all(|news| matches!(news, DeviceEventKind::Receipt(_))));
    assert_eq!(lost(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_relay_cannot_open_however_often_it_comes_is_reported_and_the_user_told() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("businesses", usize::from(MAX_RESENDS) + 1);
    phone.send(SHOP, &says("never")).await.unwrap();
    world.pass(MINUTE).await;
    phone.send(SHOP, &says("the next")).await.unwrap();
    let news = news(&world, &phone).await;
    assert!(matches!(news[..], [DeviceEventKind::NotDelivered, DeviceEventKind::Receipt(_)]), "{news:?}");
    assert_eq!(heard(&world.sink.taken()), ["the next"]);
}

/// The carrier has lost whom it knew: nobody can be asked.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_of_somebody_the_carrier_does_not_know_any_more_is_let_go() {
    let world = World::new().await;
    let (phone, others) = (world.device(alice()).await, world.device(bob()).await);
    world.line.garble("businesses", 1);
    world.line.forget_users();
    phone.send(SHOP, &says("never")).await.unwrap();
    world.pass(MINUTE).await;
    others.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
    assert!(world.relay.suspended().is_empty(), "{:?}", world.relay.suspended());
}

/// A request was lost with the device that was put back, and the relay asked but once: the business never
/// heard what its user had said, and nobody was told.
#[tokio::test(start_paused = true)]
async fn a_request_of_the_relay_that_is_lost_is_repeated_until_the_message_is_there() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let most = usize::try_from(MAX_RETRY_REQUESTS).unwrap();
    world.line.garble("businesses", 1);
    world.line.lose_requests_of_businesses(most - 1);
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(DAY * 5).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
    assert_eq!((world.line.requests_of_businesses(), lost(&world).await), (most, 0));

    world.line.garble("businesses", 1);
    world.line.lose_requests_of_businesses(most);
    phone.send(SHOP, &says("good bye")).await.unwrap();
    world.pass(DAY * 4).await;
    assert_eq!(lost(&world).await, 0, "it may still come");
    world.pass(DAY * 20).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
    assert_eq!(world.line.requests_of_businesses(), 2 * most, "as often as any is");
}

#[tokio::test(start_paused = true)]
async fn what_comes_for_the_last_request_and_does_not_open_is_reported_as_lost() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let most = usize::try_from(MAX_RETRY_REQUESTS).unwrap();
    world.line.garble("businesses", 2);
    world.line.lose_requests_of_businesses(most - 1);
    phone.send(SHOP, &says("never")).await.unwrap();
    world.pass(DAY * 5).await;
    assert_eq!((world.line.requests_of_businesses(), lost(&world).await), (most, 1));
    world.pass(DAY * 25).await;
    assert_eq!((world.line.requests_of_businesses(), lost(&world).await), (most, 1), "once");
}

#[tokio::test(start_paused = true)]
async fn a_request_of_the_relay_is_repeated_after_a_restart_and_not_before_its_time() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("businesses", 2);
    world.line.lose_requests_of_businesses(2);
    phone.send(SHOP, &says("hello")).await.unwrap();
    phone.send(SHOP, &says("and this")).await.unwrap();
    world.pass(FIRST_WAIT / 2).await;
    assert_eq!(world.line.requests_of_businesses(), 2);
    world.relay.close().await;
    let _relay = world.reopen().await.unwrap();
    world.pass(FIRST_WAIT / 2 - MINUTE).await;
    assert_eq!(world.line.requests_of_businesses(), 2);
    world.pass(MINUTE * 2).await;
    assert_eq!(world.line.requests_of_businesses(), 4);
    let mut said = heard(&world.sink.taken());
    said.sort_unstable();
    assert_eq!(said, ["and this", "hello"]);
    world.pass(DAY * 6).await;
    assert_eq!(world.line.requests_of_businesses(), 4, "what has come is not asked for");
}

/// The relay was off for a day. When it came back, each of the requests that waited was answered, the last by
/// failing the message; it was on its way all the time.
#[tokio::test(start_paused = true)]
async fn requests_that_waited_for_the_relay_are_answered_once() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.garble("users", 1);
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(Duration::from_millis(50)).await;
    world.relay.close().await;
    world.pass(DAY + DAY / 4).await;
    let _relay = world.reopen().await.unwrap();
    assert_eq!(news(&world, &phone).await, [DeviceEventKind::Message(says("hello"))]);
    assert_eq!(statuses(&world), [Status::Sent, Status::Delivered, Status::Read]);
}
