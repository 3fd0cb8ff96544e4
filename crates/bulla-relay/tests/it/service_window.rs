//! Service messages go while the user's window is open.

use std::time::Duration;

use bulla_base::Category;
use bulla_content::Text;
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{
    Event, Failure, Fallback, OnBreach, Outgoing, PairRate, Rules, SERVICE_WINDOW, ServiceWindow, Settings,
    Status, SubmitError,
};
use bulla_store::Retention;

use crate::identities::told;
use crate::world::{BAKERY, SHOP, TestDevice, TestRelay, World, alice, bob, says, text, to};

const HOUR: Duration = Duration::from_secs(3600);

fn settings(on_breach: OnBreach) -> Settings {
    Settings::default().rules(Rules::none().service_window(on_breach))
}

/// The statuses that were told, in their order.
pub(crate) fn statuses(world: &World) -> Vec<Status> {
    let status = |event: &Event| match event {
        Event::Status(_, update) => Some(update.status),
        _ => None,
    };
    world.sink.taken().iter().filter_map(status).collect()
}

/// Has alice write to the shop, and waits until the shop has it. When it has.
async fn alice_writes(world: &World, phone: &TestDevice) {
    let heard =
        |world: &World| world.sink.taken().iter().filter(|event| matches!(event, Event::Message(..))).count();
    let before = heard(world);
    phone.send(SHOP, &says("hello")).await.unwrap();
    while heard(world) == before {
        world.pass(Duration::from_millis(5)).await;
    }
}

/// The next text that the phone shows.
pub(crate) async fn hear(phone: &TestDevice) -> String {
    loop {
        let event = phone.next().await.unwrap();
        let said = match event.kind() {
            DeviceEventKind::Message(content) => match content.body() {
                bulla_content::Body::Text(text) => Some(text.body().to_owned()),
                _ => None,
            },
            _ => None,
        };
        phone.acknowledge(event).await.unwrap();
        if let Some(said) = said {
            return said;
        }
    }
}

async fn until(relay: &TestRelay) -> bulla_base::Timestamp {
    match relay.window(SHOP, alice()).await.unwrap() {
        ServiceWindow::Open { until } => until,
        other => panic!("{other:?}"),
    }
}

fn is_closed(submitted: &Result<bulla_relay::MessageRef, SubmitError>) -> bool {
    matches!(submitted, Err(error @ SubmitError::WindowClosed) if error.retry_after().is_none())
}

#[tokio::test(start_paused = true)]
async fn service_messages_go_for_a_day_after_the_user_wrote_to_the_millisecond_and_over_a_restart() {
    let world = World::with(settings(OnBreach::Refuse)).await;
    let phone = world.device(alice()).await;
    assert_eq!(world.relay.window(SHOP, alice()).await.unwrap(), ServiceWindow::Closed);
    assert!(is_closed(&world.relay.submit(SHOP, to(alice(), "too early")).await));
    assert_eq!(world.sink.taken(), [], "nothing was accepted");

    alice_writes(&world, &phone).await;
    let first = until(&world.relay).await;
    assert!(
        first > world.clock.now().after(SERVICE_WINDOW - HOUR)
            && first <= world.clock.now().after(SERVICE_WINDOW)
    );
    let reference = world.relay.submit(SHOP, to(alice(), "welcome")).await.unwrap();
    assert_eq!(hear(&phone).await, "welcome");
    assert_eq!(until(&world.relay).await, first, "what the business says, and receipts, leave it as it is");
    assert_eq!(
        world.relay.window(SHOP, reference.user()).await.unwrap(),
        ServiceWindow::Open { until: first }
    );
    assert_eq!(
        world.relay.window(BAKERY, alice()).await.unwrap(),
        ServiceWindow::Closed,
        "another's is its own"
    );
    assert!(is_closed(&world.relay.submit(SHOP, to(bob(), "who are you")).await));

    world.relay.close().await;
    let relay = world.reopen_with(settings(OnBreach::Refuse)).await.unwrap();
    assert_eq!(until(&relay).await, first);
    world.pass(first.since(world.clock.now()) - Duration::from_millis(1)).await;
    relay.submit(SHOP, to(alice(), "at the last moment")).await.unwrap();
    world.pass(first.since(world.clock.now())).await;
    assert!(is_closed(&relay.submit(SHOP, to(alice(), "one later")).await));
    let template = to(alice(), "your parcel").category(Category::Utility);
    relay.submit(SHOP, template).await.unwrap();

    phone.send(SHOP, &says("still here")).await.unwrap();
    world.pass(HOUR / 60).await;
    assert!(until(&relay).await > first, "every message opens it anew");
    relay.submit(SHOP, to(alice(), "at last")).await.unwrap();
    for words in ["at the last moment", "your parcel", "at last"] {
        assert_eq!(hear(&phone).await, words);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_rule_no_window_is_kept_and_everything_goes() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    alice_writes(&world, &phone).await;
    assert_eq!(world.relay.window(SHOP, alice()).await.unwrap(), ServiceWindow::NotKept);
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_for_a_closed_window_fails_with_its_reason_and_is_not_counted() {
    let world = World::with(settings(OnBreach::Fail)).await;
    let _phone = world.device(alice()).await;
    let message = || to(alice(), "too early").tracking("order 7").idempotency_key("key");
    let reference = world.relay.submit(SHOP, message()).await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(taken[0].subject().message, reference);
    assert_eq!(statuses(&world), [Status::Failed(Failure::WindowClosed)]);
    assert_eq!(world.relay.submit(SHOP, message()).await.unwrap(), reference, "once");
    world.pass(HOUR * 24 * 31).await;
    assert_eq!(statuses(&world).len(), 1);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_window_goes_in_order_when_the_user_writes_also_after_a_restart() {
    let world = World::with(settings(OnBreach::Defer)).await;
    let phone = world.device(alice()).await;
    for words in ["one", "two"] {
        world.relay.submit(SHOP, to(alice(), words).idempotency_key(words)).await.unwrap();
    }
    // It goes at any time, but not before what was accepted first.
    world.relay.submit(SHOP, to(alice(), "three").category(Category::Utility)).await.unwrap();
    world.pass(HOUR).await;
    assert_eq!(statuses(&world), []);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
    assert_eq!(world.relay.stats().waiting, 0, "nobody need look");
    world.relay.close().await;
    let relay = world.reopen_with(settings(OnBreach::Defer)).await.unwrap();
    world.pass(HOUR).await;
    relay.submit(SHOP, to(alice(), "four")).await.unwrap();
    phone.send(SHOP, &says("hello")).await.unwrap();
    for words in ["one", "two", "three", "four"] {
        assert_eq!(hear(&phone).await, words);
    }
    let again = relay.submit(SHOP, to(alice(), "one").idempotency_key("one")).await.unwrap();
    assert!(world.sink.taken().iter().any(|event| event.subject().message == again));
    world.pass(HOUR).await;
    assert_eq!(statuses(&world).iter().filter(|status| **status == Status::Read).count(), 4);
    assert_eq!(relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 4);
    relay.submit(SHOP, to(alice(), "five")).await.unwrap();
    assert_eq!(hear(&phone).await, "five");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_window_longer_than_it_lives_fails_and_holds_up_nothing() {
    let world = World::with(settings(OnBreach::Defer)).await;
    let phone = world.device(alice()).await;
    for (words, hours) in [("one", 30), ("two", 2), ("three", 2), ("four", 30)] {
        let lives = Retention::new(HOUR * hours).unwrap();
        world.relay.submit(SHOP, to(alice(), words).time_to_live(lives)).await.unwrap();
    }
    world.pass(HOUR * 2 + Duration::from_secs(1)).await;
    assert_eq!(statuses(&world), [Status::Failed(Failure::Expired); 2]);
    alice_writes(&world, &phone).await;
    assert_eq!((hear(&phone).await, hear(&phone).await), ("one".into(), "four".into()));
    // And when all of it is over, what comes next goes.
    world.pass(SERVICE_WINDOW).await;
    let lives = Retention::new(HOUR).unwrap();
    world.relay.submit(SHOP, to(alice(), "five").time_to_live(lives)).await.unwrap();
    world.pass(HOUR * 2).await;
    world.relay.submit(SHOP, to(alice(), "six").category(Category::Utility)).await.unwrap();
    assert_eq!(hear(&phone).await, "six");
}

/// What a rule keeps back and what waits for the carrier have places of their own, with the same numbers.
#[tokio::test(start_paused = true)]
async fn what_fails_because_its_window_has_closed_meanwhile_takes_nothing_with_it_that_waits_for_the_carrier()
{
    let minute = Duration::from_secs(60);
    let rules = Rules::none()
        .service_window(OnBreach::Fail)
        .pair_rate(PairRate::new(minute, 3).unwrap(), OnBreach::Defer);
    let settings = Settings::default().rules(rules);
    let world = World::with(settings.clone()).await;
    let phone = world.device(alice()).await;
    alice_writes(&world, &phone).await;
    let left = until(&world.relay).await.since(world.clock.now());
    world.pass(left - minute / 2).await;
    world.line.cut(true);
    for words in ["one", "two", "three", "four", "five", "six", "seven"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    world.pass(minute * 5).await;
    assert_eq!(statuses(&world), [Status::Failed(Failure::WindowClosed); 4]);
    // From the store, and not from memory.
    world.relay.close().await;
    world.line.cut(false);
    let _relay = world.reopen_with(settings).await.unwrap();
    assert_eq!(told(&world, &phone).await.0, ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_goes_in_place_of_a_service_message_when_the_window_is_closed() {
    let ask = Fallback::text(Text::new("please write to us").unwrap(), Category::Utility).unwrap();
    let rules = Rules::none().service_window(OnBreach::Refuse).fallback(ask);
    let world = World::with(Settings::default().rules(rules)).await;
    let phone = world.device(alice()).await;
    let key = || to(alice(), "your invoice").idempotency_key("key");
    let reference = world.relay.submit(SHOP, key()).await.unwrap();
    assert_eq!(hear(&phone).await, "please write to us");
    assert_eq!(world.relay.submit(SHOP, key()).await.unwrap(), reference, "by what the business asked for");
    let template = Outgoing::new(alice(), text("a code")).category(Category::Authentication);
    world.relay.submit(SHOP, template).await.unwrap();
    assert_eq!(hear(&phone).await, "a code");
    alice_writes(&world, &phone).await;
    world.relay.submit(SHOP, to(alice(), "your invoice")).await.unwrap();
    assert_eq!(hear(&phone).await, "your invoice");
    for bill in [world.relay.bill(SHOP).await.unwrap(), world.line.bill(SHOP).await] {
        let sent = bill.lines().filter(|(tally, _)| tally.flow() == Flow::ToUser);
        let sent: Vec<_> = sent.map(|(tally, count)| (tally.category(), count)).collect();
        assert_eq!(sent, [(Category::Service, 1), (Category::Utility, 1), (Category::Authentication, 1)]);
    }
    let told = world.sink.taken();
    let of_it = told.iter().filter_map(|event| match event {
        Event::Status(subject, update) if subject.message == reference => Some(update.category),
        _ => None,
    });
    assert!(of_it.clone().count() > 0 && of_it.clone().all(|category| category == Category::Utility));
}

fn instead(words: &str) -> Fallback {
    Fallback::text(Text::new(words).unwrap(), Category::Utility).unwrap()
}

/// What was counted of messages to users, by category.
async fn sent(world: &World, relay: &TestRelay) -> Vec<(Category, u64)> {
    let mut bills = Vec::new();
    for bill in [relay.bill(SHOP).await.unwrap(), world.line.bill(SHOP).await] {
        let sent = bill.lines().filter(|(tally, _)| tally.flow() == Flow::ToUser);
        bills.push(sent.map(|(tally, count)| (tally.category(), count)).collect::<Vec<_>>());
    }
    assert_eq!(bills[0], bills[1], "the relay counts as the carrier does");
    bills.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_fallback_of_a_message_goes_one_millisecond_after_its_window_and_not_at_the_last_moment() {
    let rules = Rules::none().service_window(OnBreach::Refuse).fallback(instead("of the rules"));
    let settings = Settings::default().rules(rules);
    let world = World::with(settings.clone()).await;
    let phone = world.device(alice()).await;
    alice_writes(&world, &phone).await;
    let end = until(&world.relay).await;
    world.relay.close().await;
    let relay = world.reopen_with(settings).await.unwrap();
    let invoice =
        |key: &'static str| to(alice(), "your invoice").fallback(instead("write to us")).idempotency_key(key);
    world.pass(end.since(world.clock.now()) - Duration::from_millis(1)).await;
    // Without a key, which takes a record of its own first.
    let in_time = to(alice(), "your invoice").fallback(instead("write to us"));
    relay.submit(SHOP, in_time).await.unwrap();
    assert_eq!(hear(&phone).await, "your invoice");
    world.pass(end.since(world.clock.now())).await;
    let late = relay.submit(SHOP, invoice("late")).await.unwrap();
    assert_eq!(hear(&phone).await, "write to us");
    assert_eq!(relay.submit(SHOP, invoice("late")).await.unwrap(), late, "once");
    // The wish was another: it says something else when the window is closed.
    let other = to(alice(), "your invoice").idempotency_key("late");
    assert!(matches!(relay.submit(SHOP, other).await, Err(SubmitError::KeyReused { .. })));
    relay.submit(SHOP, to(alice(), "without its own")).await.unwrap();
    assert_eq!(hear(&phone).await, "of the rules");
    assert_eq!(sent(&world, &relay).await, [(Category::Service, 1), (Category::Utility, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_of_a_message_that_waits_is_as_durable_as_the_message() {
    let minute = Duration::from_secs(60);
    let rules = Rules::none()
        .service_window(OnBreach::Refuse)
        .pair_rate(PairRate::new(minute, 1).unwrap(), OnBreach::Defer);
    let settings = Settings::default().rules(rules);
    let world = World::with(settings.clone()).await;
    let phone = world.device(alice()).await;
    alice_writes(&world, &phone).await;
    let left = until(&world.relay).await.since(world.clock.now());
    world.pass(left - minute / 2).await;
    for words in ["one", "two"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    // It waits for the rate, and the window closes meanwhile.
    world.relay.submit(SHOP, to(alice(), "three").fallback(instead("write to us"))).await.unwrap();
    world.relay.close().await;
    let relay = world.reopen_with(settings).await.unwrap();
    // Nothing of its own goes in the place of this one.
    world.pass(minute * 10).await;
    let refused = relay.submit(SHOP, to(alice(), "four")).await;
    assert!(is_closed(&refused), "{refused:?}");
    let (shown, _) = told(&world, &phone).await;
    assert_eq!(shown.last().map(String::as_str), Some("write to us"), "{shown:?}");
    assert!(!shown.iter().any(|words| words == "three"));
    let counted = sent(&world, &relay).await;
    let sum: u64 = counted.iter().map(|(_, count)| count).sum();
    assert_eq!(usize::try_from(sum).unwrap(), shown.len());
    assert!(counted.contains(&(Category::Utility, 1)), "{counted:?}");
}
