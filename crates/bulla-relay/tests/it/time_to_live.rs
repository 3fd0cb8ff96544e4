use std::time::Duration;

use bulla_base::Category;
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{
    Event, Failure, MessageRef, RelayError, Report, Settings, Status, SubmitError, SuspendedPart,
};
use bulla_store::{Retention, Space};
use bulla_transport::TransportError;

use crate::cancellation::everything;
use crate::world::{BAKERY, SHOP, World, alice, says, to};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const DUE: Space = Space::new(0x66);

fn statuses(events: &[Event]) -> Vec<Status> {
    let status = |event: &Event| match event {
        Event::Status(_, update) => Some(update.status),
        _ => None,
    };
    events.iter().filter_map(status).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_to_somebody_unknown_fails_and_is_not_counted() {
    let world = World::new().await;
    let reference = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(taken[0].subject().message, reference);
    assert_eq!(statuses(&taken), [Status::Failed(Failure::Undeliverable)]);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_delivered_in_its_time_fails_once() {
    let settings = Settings::default().time_to_live(Retention::new(HOUR).unwrap());
    let world = World::with(settings).await;
    let phone = world.device(alice()).await;
    phone.close().await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(HOUR - Duration::from_secs(1)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent]);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Failed(Failure::Expired)]);
    world.pass(DAY).await;
    assert_eq!(world.sink.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_came_to_the_carrier_fails_in_its_time_too() {
    let world = World::with(Settings::default().time_to_live(Retention::new(HOUR).unwrap())).await;
    let _phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "so that there is a session")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let before = world.sink.taken().len();
    world.line.cut(true);
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(HOUR + Duration::from_secs(1)).await;
    assert_eq!(statuses(&world.sink.taken()[before..]), [Status::Failed(Failure::Expired)]);
}

/// They failed when a sweep came by, up to ten minutes later; and a code lived for 30 days.
#[tokio::test(start_paused = true)]
async fn a_message_fails_the_moment_its_time_is_over_and_not_before() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.close().await;
    let lives = |span| Retention::new(span).unwrap();
    let code = to(alice(), "123456").category(Category::Authentication);
    let offer = to(alice(), "today only").category(Category::Marketing).time_to_live(lives(HOUR * 3));
    let brief = to(alice(), "now").category(Category::Authentication).time_to_live(lives(HOUR / 60));
    let started = world.clock.now();
    let references = [
        (world.relay.submit(SHOP, code).await.unwrap(), HOUR / 6),
        (world.relay.submit(SHOP, offer).await.unwrap(), HOUR * 3),
        (world.relay.submit(SHOP, brief).await.unwrap(), HOUR / 60),
        (world.relay.submit(SHOP, to(alice(), "some time")).await.unwrap(), DAY * 30 - HOUR * 2),
    ];
    // Looked at every second around each end; commits take some milliseconds.
    for (reference, lives) in [references[2], references[0], references[1]] {
        let end = started.after(lives);
        world.pass(end.since(world.clock.now())).await;
        assert!(!failed(&world).contains(&reference), "{lives:?} are not over");
        world.pass(Duration::from_millis(100)).await;
        assert!(failed(&world).contains(&reference), "{lives:?} are over");
    }
    assert_eq!(failed(&world), [references[2].0, references[0].0, references[1].0]);
    world.pass(DAY * 29).await;
    assert_eq!(failed(&world).len(), 3);
    world.pass(DAY).await;
    assert_eq!(failed(&world).len(), 4);
    assert_eq!(marks(&world).await, 0, "nothing is left to look for");
}

/// Of messages that failed since their time was over, in that order.
fn failed(world: &World) -> Vec<MessageRef> {
    let failed = |event: &Event| match event {
        Event::Status(subject, update) if update.status == Status::Failed(Failure::Expired) => {
            Some(subject.message)
        }
        _ => None,
    };
    world.sink.taken().iter().filter_map(failed).collect()
}

async fn marks(world: &World) -> usize {
    everything(&world.rows).await.iter().filter(|row| row.key.space() == DUE).count()
}

/// A mark is a record more for each message. What lives as long as any is found by a sweep.
#[tokio::test(start_paused = true)]
async fn only_what_lives_shorter_than_any_is_marked() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "some time")).await.unwrap();
    assert_eq!(marks(&world).await, 0);
    let lives = Retention::new(DAY * 30 - HOUR * 2 - Duration::from_millis(1)).unwrap();
    world.relay.submit(SHOP, to(alice(), "a little sooner").time_to_live(lives)).await.unwrap();
    assert_eq!(marks(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_fails_in_its_time_whatever_became_of_the_relay_meanwhile() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.close().await;
    let code = || to(alice(), "123456").category(Category::Authentication);
    let first = world.relay.submit(SHOP, code()).await.unwrap();
    let started = world.clock.now();
    world.pass(HOUR / 12).await;
    world.relay.close().await;
    let relay = world.reopen().await.unwrap();
    world.pass(started.after(HOUR / 6).since(world.clock.now()) - Duration::from_secs(1)).await;
    assert_eq!(failed(&world), []);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(failed(&world), [first]);

    let second = relay.submit(SHOP, code()).await.unwrap();
    relay.close().await;
    world.pass(HOUR).await;
    let relay = world.reopen().await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(failed(&world), [first, second], "as soon as there is a relay");

    let phone = world.device(alice()).await;
    relay.submit(SHOP, code()).await.unwrap();
    while phone.next().await.unwrap().kind() != &DeviceEventKind::Message(says("123456")) {}
    world.pass(DAY).await;
    assert_eq!((failed(&world).len(), marks(&world).await), (2, 0), "what has arrived does not fail");
}

#[tokio::test(start_paused = true)]
async fn what_is_erased_does_not_fail_and_leaves_no_mark() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.close().await;
    let code = to(alice(), "123456").category(Category::Authentication);
    world.relay.submit(SHOP, code).await.unwrap();
    assert_eq!(marks(&world).await, 1);
    world.relay.erase(&alice()).await.unwrap();
    assert_eq!(marks(&world).await, 0);
    world.pass(HOUR).await;
    assert_eq!(failed(&world), []);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_to_live_still_ends_in_a_status() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.close().await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(DAY * 29).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent]);
    world.pass(DAY).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Failed(Failure::Expired)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_does_not_fail_afterwards() {
    let settings = Settings::default().time_to_live(Retention::new(HOUR).unwrap());
    let world = World::with(settings).await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("hello")));
    world.pass(DAY * 31).await;
    assert_eq!(statuses(&world.sink.taken()), [Status::Sent, Status::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_was_replaced_seals_nothing_more() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let old = world.relay.clone();
    let mut reports = old.reports();
    let new = world.reopen().await.unwrap();
    for _ in [SHOP, BAKERY] {
        let report = reports.next().await;
        let Some(Report::Suspended(suspended)) = &report else { panic!("{report:?}") };
        assert!(matches!(suspended.part, SuspendedPart::Business(_)));
        assert!(matches!(*suspended.why, RelayError::Transport(TransportError::Fenced { .. })), "{report:?}");
    }
    let refused = old.submit(SHOP, to(alice(), "from the old")).await;
    assert!(matches!(refused, Err(SubmitError::Fenced { .. })), "{refused:?}");
    new.submit(SHOP, to(alice(), "from the new")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("from the new")));
}

#[tokio::test(start_paused = true)]
async fn a_closed_relay_accepts_nothing() {
    let world = World::new().await;
    world.relay.close().await;
    assert!(world.relay.stopped().await.is_ok());
    assert!(matches!(world.relay.submit(SHOP, to(alice(), "hello")).await, Err(SubmitError::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn what_the_relay_does_is_in_its_stats() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let event = phone.next().await.unwrap();
    phone.acknowledge(event).await.unwrap();
    phone.send(SHOP, &says("good morning")).await.unwrap();
    world.relay.submit(BAKERY, to(crate::world::bob(), "to nobody")).await.unwrap();
    world.pass(HOUR).await;
    let stats = world.relay.stats();
    assert_eq!((stats.accepted, stats.delivered, stats.read, stats.failed), (2, 1, 1, 1), "{stats:?}");
    assert_eq!((stats.refused, stats.dropped, stats.retried), (0, 0, 0), "{stats:?}");
    assert!(stats.sent >= 2 && stats.opened >= 2 && stats.forwarded >= 5, "{stats:?}");
    assert_eq!((stats.businesses, stats.suspended, stats.waiting), (2, 0, 0), "{stats:?}");

    world.line.cut(true);
    world.relay.submit(SHOP, to(alice(), "wait")).await.unwrap();
    assert!(world.relay.submit(BAKERY, to(alice(), "no keys")).await.is_err());
    world.pass(HOUR).await;
    let stats = world.relay.stats();
    assert_eq!((stats.accepted, stats.refused, stats.waiting), (3, 1, 1), "{stats:?}");
    assert!(stats.retried > 0 && stats.oldest == HOUR, "{stats:?}");
}
