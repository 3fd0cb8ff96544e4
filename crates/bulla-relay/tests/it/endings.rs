use std::time::Duration;

use bulla_device::News;
use bulla_meter::Flow;
use bulla_relay::{AcceptError, Event, Failure, Part, RelayError, Report, Settings, Status};
use bulla_store::Retention;
use bulla_transport::TransportError;

use crate::world::{BAKERY, SHOP, World, alice, says, to};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

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
    let handle = world.relay.accept(SHOP, to(alice(), "hello")).await.unwrap();
    let taken = world.desk.wait_for(1, &*world.clock).await;
    assert_eq!(taken[0].subject().message, handle);
    assert_eq!(statuses(&taken), [Status::Failed(Failure::Undeliverable)]);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_delivered_in_its_time_fails_once() {
    let settings = Settings::default().time_to_live(Retention::new(HOUR).unwrap());
    let world = World::with(settings).await;
    let phone = world.device(alice()).await;
    phone.close().await;
    world.relay.accept(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(HOUR - Duration::from_secs(1)).await;
    assert_eq!(statuses(&world.desk.taken()), [Status::Sent]);
    world.pass(HOUR).await;
    assert_eq!(statuses(&world.desk.taken()), [Status::Sent, Status::Failed(Failure::Expired)]);
    world.pass(DAY).await;
    assert_eq!(world.desk.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_to_live_still_ends_in_a_status() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.close().await;
    world.relay.accept(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(DAY * 29).await;
    assert_eq!(statuses(&world.desk.taken()), [Status::Sent]);
    world.pass(DAY).await;
    assert_eq!(statuses(&world.desk.taken()), [Status::Sent, Status::Failed(Failure::Expired)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_does_not_fail_afterwards() {
    let settings = Settings::default().time_to_live(Retention::new(HOUR).unwrap());
    let world = World::with(settings).await;
    let phone = world.device(alice()).await;
    world.relay.accept(SHOP, to(alice(), "hello")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().news(), &News::Said(says("hello")));
    world.pass(DAY * 31).await;
    assert_eq!(statuses(&world.desk.taken()), [Status::Sent, Status::Delivered]);
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
        assert!(matches!(suspended.part, Part::Business(_)));
        assert!(matches!(*suspended.why, RelayError::Transport(TransportError::Fenced { .. })), "{report:?}");
    }
    let refused = old.accept(SHOP, to(alice(), "from the old")).await;
    assert!(matches!(refused, Err(AcceptError::Fenced { .. })), "{refused:?}");
    new.accept(SHOP, to(alice(), "from the new")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().news(), &News::Said(says("from the new")));
}

#[tokio::test(start_paused = true)]
async fn a_closed_relay_accepts_nothing() {
    let world = World::new().await;
    world.relay.close().await;
    assert!(world.relay.stopped().await.is_ok());
    assert!(matches!(world.relay.accept(SHOP, to(alice(), "hello")).await, Err(AcceptError::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn what_the_relay_does_is_in_its_stats() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.accept(SHOP, to(alice(), "hello")).await.unwrap();
    let notice = phone.next().await.unwrap();
    phone.finish(notice).await.unwrap();
    phone.send(SHOP, &says("good morning")).await.unwrap();
    world.relay.accept(BAKERY, to(crate::world::bob(), "to nobody")).await.unwrap();
    world.pass(HOUR).await;
    let stats = world.relay.stats();
    assert_eq!((stats.accepted, stats.delivered, stats.read, stats.failed), (2, 1, 1, 1), "{stats:?}");
    assert_eq!((stats.refused, stats.dropped, stats.retried), (0, 0, 0), "{stats:?}");
    assert!(stats.sent >= 2 && stats.opened >= 2 && stats.forwarded >= 5, "{stats:?}");
    assert_eq!((stats.businesses, stats.suspended, stats.waiting), (2, 0, 0), "{stats:?}");

    world.line.cut(true);
    world.relay.accept(SHOP, to(alice(), "wait")).await.unwrap();
    assert!(world.relay.accept(BAKERY, to(alice(), "no keys")).await.is_err());
    world.pass(HOUR).await;
    let stats = world.relay.stats();
    assert_eq!((stats.accepted, stats.refused, stats.waiting), (3, 1, 1), "{stats:?}");
    assert!(stats.retried > 0 && stats.oldest == HOUR, "{stats:?}");
}
