//! Several relays on one store: one acts, and another takes over from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla_meter::Flow;
use bulla_relay::{Event, Incoming, Relay, RelayError, Report, Settings, Status, SubmitError, SuspendedPart};
use bulla_store::{
    BEFORE_ALL, BoxStore, CountingStore, Key, MemoryStore, Pause, SYSTEM_PARTITION, SlowStore, Space, Store,
};
use tokio::sync::watch;

use crate::service_window::hear;
use crate::world::{BAKERY, Line, SHOP, TestDevice, TestRelay, World, alice, bob, business, says, to};

const SECOND: Duration = Duration::from_secs(1);
/// Where the lease stands.
const LEASE: Space = Space::new(0x67);

/// A relay in a process of its own, as far as can be: it can be stopped in the middle of whatever it does.
struct Host {
    relay: TestRelay,
    line: Line,
    is_stopped: watch::Sender<bool>,
    /// How many calls of its store it makes before it is stopped.
    calls_left: Arc<AtomicUsize>,
}

impl Host {
    /// One more on the store of `world`.
    async fn beside(world: &World) -> Self {
        let is_stopped = watch::Sender::new(false);
        let (gate, clock) = (is_stopped.clone(), Arc::clone(&world.clock));
        let calls_left = Arc::new(AtomicUsize::new(usize::MAX));
        let left = Arc::clone(&calls_left);
        let store = SlowStore::new(Arc::clone(&world.rows)).finishing_commits().before(move |call| {
            if left.fetch_sub(1, Ordering::SeqCst) == 0 {
                gate.send_replace(true);
            }
            let (mut gate, clock, is_commit) = (gate.subscribe(), Arc::clone(&clock), call.is_commit());
            Pause::until(async move {
                let _ = gate.wait_for(|is_stopped| !is_stopped).await;
                if is_commit {
                    clock.sleep(Duration::from_millis(4)).await;
                }
            })
        });
        let (line, sink) = (world.line.beside(), world.sink.clone());
        let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
        let relay = Relay::builder(BoxStore::new(store), line.clone(), sink, clock, rng)
            .businesses([business(SHOP), business(BAKERY)])
            .settings(Settings::default().failover())
            .open();
        Self { relay: relay.await.unwrap(), line, is_stopped, calls_left }
    }

    /// It does nothing any more, whether or not it comes back.
    fn stop(&self) {
        self.is_stopped.send_replace(true);
        self.line.cut(true);
    }

    /// It does nothing any more after so many calls of its store.
    fn stop_after(&self, calls: usize) {
        self.calls_left.store(calls, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        *self.is_stopped.borrow()
    }

    fn go_on(&self) {
        self.line.cut(false);
        self.is_stopped.send_replace(false);
    }

    fn acts(&self) -> bool {
        self.relay.suspended().is_empty()
    }

    fn stands_by(&self) -> bool {
        let suspended = self.relay.suspended();
        suspended.len() == 2 && suspended.iter().all(|part| matches!(*part.why, RelayError::StandsBy))
    }
}

/// Two relays on one store, of which the first was there before, and the phone of a user.
async fn two() -> (World, Host, Host, TestDevice) {
    let world = World::new().await;
    world.relay.close().await;
    let first = Host::beside(&world).await;
    let second = Host::beside(&world).await;
    let phone = world.device(alice()).await;
    (world, first, second, phone)
}

/// What the business was told that users said.
fn heard(world: &World) -> Vec<String> {
    let said = |event: &Event| match event {
        Event::Message(_, Incoming::Text { text, .. }) => Some(text.body().to_owned()),
        _ => None,
    };
    world.sink.taken().iter().filter_map(said).collect()
}

fn count(world: &World, wanted: Status) -> usize {
    let is_it = |event: &&Event| matches!(event, Event::Status(_, update) if update.status == wanted);
    world.sink.taken().iter().filter(is_it).count()
}

/// How long it takes until `host` acts.
async fn until_acting(world: &World, host: &Host) -> Duration {
    let begun = world.clock.now();
    while !host.acts() {
        world.pass(Duration::from_millis(10)).await;
    }
    world.clock.now().since(begun)
}

#[tokio::test(start_paused = true)]
async fn of_two_relays_one_acts_and_the_other_stands_by_and_says_so() {
    let (world, first, second, phone) = two().await;
    let mut reports = second.relay.reports();
    for id in [SHOP, BAKERY] {
        let report = reports.next().await;
        let Some(Report::Suspended(suspended)) = &report else { panic!("{report:?}") };
        assert_eq!(suspended.part, SuspendedPart::Business(id));
        assert!(matches!(*suspended.why, RelayError::StandsBy), "{report:?}");
    }
    for minute in 0..10 {
        assert!(first.acts() && second.stands_by(), "after {minute} minutes");
        let words = format!("{minute}");
        let refused = second.relay.submit(SHOP, to(alice(), &words)).await;
        assert!(matches!(refused, Err(SubmitError::StandsBy { business: SHOP })), "{refused:?}");
        assert!(refused.unwrap_err().retry_after().is_some());
        first.relay.submit(SHOP, to(alice(), &words)).await.unwrap();
        phone.send(SHOP, &says(&words)).await.unwrap();
        assert_eq!(hear(&phone).await, words);
        world.pass(60 * SECOND).await;
    }
    assert!(second.relay.erase(&bob()).await.is_err() && second.relay.erase_business(SHOP).await.is_err());
    assert!(second.relay.resume(SuspendedPart::Business(SHOP)).await.is_err() && second.stands_by());
    assert_eq!(heard(&world), (0..10).map(|minute| minute.to_string()).collect::<Vec<_>>());
    assert_eq!(count(&world, Status::Read), 10);
}

#[tokio::test(start_paused = true)]
async fn another_takes_over_within_five_seconds_after_the_first_has_died_and_loses_nothing() {
    let (world, first, second, phone) = two().await;
    first.relay.submit(SHOP, to(alice(), "one")).await.unwrap();
    assert_eq!(hear(&phone).await, "one");
    world.pass(10 * SECOND).await;
    // Accepted, and not sent; written, and not received.
    first.line.cut(true);
    first.relay.submit(SHOP, to(alice(), "two")).await.unwrap();
    first.stop();
    phone.send(SHOP, &says("hello")).await.unwrap();
    let took = until_acting(&world, &second).await;
    assert!(took < 5 * SECOND, "{took:?}");
    // Nor is a relay that is slow for two seconds replaced.
    assert!(took > 2 * SECOND, "{took:?}");
    assert_eq!(hear(&phone).await, "two");
    second.relay.submit(SHOP, to(alice(), "three")).await.unwrap();
    assert_eq!(hear(&phone).await, "three");
    world.pass(60 * SECOND).await;
    assert_eq!(heard(&world), ["hello"]);
    assert_eq!((count(&world, Status::Sent), count(&world, Status::Read)), (3, 3));
    assert_eq!(second.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 3);
    let mut reports = second.relay.reports();
    let mut resumed = 0;
    while resumed < 2 {
        resumed += usize::from(matches!(reports.next().await, Some(Report::Resumed(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_closed_hands_over_at_once() {
    let (world, first, second, phone) = two().await;
    first.relay.submit(SHOP, to(alice(), "one")).await.unwrap();
    assert_eq!(hear(&phone).await, "one");
    world.pass(10 * SECOND).await;
    first.line.cut(true);
    first.relay.submit(SHOP, to(alice(), "two")).await.unwrap();
    first.relay.close().await;
    let took = until_acting(&world, &second).await;
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(hear(&phone).await, "two");
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(60 * SECOND).await;
    assert_eq!(heard(&world), ["hello"]);
    assert_eq!((count(&world, Status::Sent), count(&world, Status::Read)), (2, 2));
    // And back, to one that is opened anew.
    let third = Host::beside(&world).await;
    assert!(third.stands_by());
    second.relay.close().await;
    assert!(until_acting(&world, &third).await < Duration::from_millis(100));
}

/// It has stopped in the middle of a record, and goes on with that when it wakes.
#[tokio::test(start_paused = true)]
async fn a_relay_that_wakes_after_it_was_replaced_stands_by_and_nothing_is_doubled_or_lost() {
    let (world, first, second, phone) = two().await;
    first.relay.submit(SHOP, to(alice(), "one")).await.unwrap();
    assert_eq!(hear(&phone).await, "one");
    world.pass(10 * SECOND).await;
    let accepting = first.relay.clone();
    let late = tokio::spawn(async move { accepting.submit(SHOP, to(alice(), "late")).await });
    tokio::task::yield_now().await;
    first.stop();
    until_acting(&world, &second).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(600 * SECOND).await;
    first.go_on();
    let late = late.await.unwrap();
    world.pass(3 * SECOND).await;
    assert!(first.stands_by() && second.acts());
    let refused = first.relay.submit(SHOP, to(alice(), "never")).await;
    assert!(matches!(refused, Err(SubmitError::StandsBy { .. })), "{refused:?}");
    if late.is_ok() {
        // Another sweep has looked.
        assert_eq!(hear(&phone).await, "late");
    }
    second.relay.submit(SHOP, to(alice(), "two")).await.unwrap();
    assert_eq!(hear(&phone).await, "two");
    world.pass(60 * SECOND).await;
    let accepted = 2 + usize::from(late.is_ok());
    assert_eq!(heard(&world), ["hello"]);
    assert_eq!((count(&world, Status::Sent), count(&world, Status::Read)), (accepted, accepted));
    // It is as good as any other.
    second.relay.close().await;
    assert!(until_acting(&world, &first).await < Duration::from_millis(100));
    first.relay.submit(SHOP, to(alice(), "three")).await.unwrap();
    assert_eq!(hear(&phone).await, "three");
}

/// It raised the incarnation above that of the relay that acted by then, and nobody spoke any more.
#[tokio::test(start_paused = true)]
async fn a_relay_that_was_stopped_anywhere_in_its_takeover_leaves_the_one_that_acts_alone() {
    let mut stopped = 0;
    loop {
        let (world, first, second, phone) = two().await;
        first.stop();
        second.stop_after(stopped);
        world.pass(10 * SECOND).await;
        if !second.is_stopped() {
            assert!(second.acts(), "it is done with its takeover");
            break;
        }
        second.line.cut(true);
        let third = Host::beside(&world).await;
        until_acting(&world, &third).await;
        second.go_on();
        world.pass(10 * SECOND).await;
        assert!(third.acts() && second.stands_by(), "stopped before call {stopped}");
        third.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
        assert_eq!(hear(&phone).await, "hello");
        stopped += 1;
    }
    assert!(stopped > 20, "a takeover is more than {stopped} calls");
}

/// Whoever comes by force does not hold the lease, and is not driven out again.
#[tokio::test(start_paused = true)]
async fn relays_do_not_take_a_number_from_each_other_in_turns() {
    let (world, first, second, _phone) = two().await;
    let forced = world.reopen().await.unwrap();
    world.pass(60 * SECOND).await;
    assert!(forced.suspended().is_empty());
    assert!(!first.acts() && second.stands_by());
    let fenced = |part: &bulla_relay::Suspended| format!("{:?}", part.why).contains("Fenced");
    assert!(first.relay.suspended().iter().all(fenced));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_has_nobody_take_over() {
    let (world, first, second, _phone) = two().await;
    for hours in [48, 0, 1] {
        world.put_ahead(3600 * hours * SECOND);
        world.pass(30 * SECOND).await;
        assert!(first.acts() && second.stands_by());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_costs_one_small_commit_a_second_and_standing_by_none() {
    let world = World::new().await;
    world.relay.close().await;
    let open = async || {
        let store = Arc::new(CountingStore::<Arc<MemoryStore>>::new(Arc::clone(&world.rows)));
        let counts = store.counts();
        let (line, sink) = (world.line.clone(), world.sink.clone());
        let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
        let relay = Relay::builder(BoxStore::new(store), line, sink, clock, rng).business(business(SHOP));
        (relay.settings(Settings::default().failover()).open().await.unwrap(), counts)
    };
    let ((first, acting), (second, standing_by)) = (open().await, open().await);
    world.pass(30 * SECOND).await;
    let _start = (acting.take(), standing_by.take());
    world.pass(60 * SECOND).await;
    let (acting, standing_by) = (acting.take(), standing_by.take());
    assert!((59..=61).contains(&acting.commits), "{acting:?}");
    // It looks when a second has passed, and when it hears of a change.
    assert!(standing_by.commits == 0 && standing_by.reads() <= 125, "{standing_by:?}");
    let lease = Key::undated(LEASE, "");
    let held = world.rows.get(SYSTEM_PARTITION, &lease, BEFORE_ALL).await.unwrap();
    assert_eq!(held.map(|record| record.value.len()), Some(17));
    first.close().await;
    second.close().await;
    let held = world.rows.get(SYSTEM_PARTITION, &lease, BEFORE_ALL).await.unwrap();
    assert_eq!(held, None, "nothing is left of it");
}
