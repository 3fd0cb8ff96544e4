//! How many users a business may write to outside their windows.

use std::time::Duration;

use bulla_base::Number;
use bulla_meter::Flow;
use bulla_relay::{
    Event, Failure, LIMIT_PERIOD, MessagingLimit, OnBreach, Rule, Rules, Settings, Status, SubmitError,
};
use bulla_store::Space;

use crate::cancellation::everything;
use crate::service_window::{hear, statuses};
use crate::world::{BAKERY, SHOP, TestDevice, TestRelay, World, alice, business, says, to};

const MINUTE: Duration = Duration::from_secs(60);
const RECIPIENT: Space = Space::new(0x65);

fn rules(users: u32, on_breach: OnBreach) -> Rules {
    Rules::none().messaging_limit(MessagingLimit::users(users).unwrap(), on_breach)
}

fn settings(users: u32, on_breach: OnBreach) -> Settings {
    Settings::default().rules(rules(users, on_breach))
}

fn user(number: u64) -> Number {
    Number::parse(&(16_505_590_000 + number).to_string()).unwrap()
}

async fn phones(world: &World, count: u64) -> Vec<TestDevice> {
    let mut phones = Vec::new();
    for number in 0..count {
        phones.push(world.device(user(number)).await);
    }
    phones
}

/// How long the limit says to wait before `user` can be written to; nothing when that was done.
async fn wait(relay: &TestRelay, user: Number) -> Option<Duration> {
    match relay.submit(SHOP, to(user, "hello")).await {
        Ok(_) => None,
        Err(error @ SubmitError::Limited { rule: Rule::MessagingLimit, .. }) => error.retry_after(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_users_as_may_be_are_written_to_in_a_moving_day_also_over_a_restart() {
    let world = World::with(settings(3, OnBreach::Refuse)).await;
    let _phones = phones(&world, 5).await;
    let mut written = Vec::new();
    for number in 0..3 {
        written.push(world.clock.now());
        assert_eq!(wait(&world.relay, user(number)).await, None);
        world.pass(MINUTE).await;
    }
    let left = |at: usize| written[at].after(LIMIT_PERIOD).since(world.clock.now());
    let close = |wait: Duration, expected: Duration| wait.abs_diff(expected) < Duration::from_millis(50);
    assert!(close(wait(&world.relay, user(3)).await.unwrap(), left(0)));
    // Who counts is written to, and counts from then on anew.
    assert_eq!(wait(&world.relay, user(0)).await, None);
    assert!(close(wait(&world.relay, user(3)).await.unwrap(), left(1)));
    // Who writes has a window: they do not count.
    _phones[4].send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(wait(&world.relay, user(4)).await, None);
    world.relay.submit(BAKERY, to(user(3), "another's limit is its own")).await.unwrap();

    world.relay.close().await;
    let relay = world.reopen_with(settings(3, OnBreach::Refuse)).await.unwrap();
    let exact = wait(&relay, user(3)).await.unwrap();
    assert!(close(exact, left(1)), "a restart is no way around it");
    world.pass(exact - Duration::from_millis(1)).await;
    assert_eq!(wait(&relay, user(3)).await, Some(Duration::from_millis(1)));
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(wait(&relay, user(3)).await, None);
    assert!(wait(&relay, user(1)).await.is_some(), "whose place that was");
}

#[tokio::test(start_paused = true)]
async fn with_ten_thousand_in_flight_exactly_as_many_as_may_be_are_written_to() {
    let world = World::with(settings(250, OnBreach::Refuse)).await;
    let _phones = phones(&world, 600).await;
    let posts: Vec<_> = (0..10_000)
        .map(|number| {
            let relay = world.relay.clone();
            tokio::spawn(async move { wait(&relay, user(number % 600)).await.is_none() })
        })
        .collect();
    let mut taken = 0;
    for post in posts {
        taken += usize::from(post.await.unwrap());
    }
    let bill = world.relay.bill(SHOP).await.unwrap();
    assert_eq!(bill.total(SHOP, Flow::ToUser), u64::try_from(taken).unwrap());
    let written: std::collections::BTreeSet<_> = world
        .sink
        .wait_for(250, &*world.clock)
        .await
        .iter()
        .map(|event| event.subject().user.clone())
        .collect();
    assert_eq!(written.len(), 250);
    world.relay.close().await;
    let relay = world.reopen_with(settings(250, OnBreach::Refuse)).await.unwrap();
    for number in 0..600 {
        let is_written_to = written.contains(&user(number));
        assert_eq!(wait(&relay, user(number)).await.is_none(), is_written_to, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_nothing_could_be_sent_to_does_not_count() {
    let world = World::with(settings(1, OnBreach::Refuse)).await;
    let _phones = phones(&world, 1).await;
    assert_eq!(wait(&world.relay, alice()).await, None, "accepted, and fails: nobody knows her");
    world.line.withhold_keys(true);
    let refused = world.relay.submit(SHOP, to(user(0), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::Unavailable(_))));
    world.line.withhold_keys(false);
    let _phone = world.device(alice()).await;
    assert_eq!(wait(&world.relay, alice()).await, None);
    assert!(wait(&world.relay, user(0)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_limit_fails_or_waits_until_somebody_does_not_count_any_more() {
    let world = World::with(settings(1, OnBreach::Fail)).await;
    let _phones = phones(&world, 2).await;
    for number in [0, 1, 1] {
        world.relay.submit(SHOP, to(user(number), "hello")).await.unwrap();
    }
    world.pass(MINUTE).await;
    let failed = Status::Failed(Failure::MessagingLimit);
    assert_eq!(statuses(&world).iter().filter(|status| **status == failed).count(), 2);

    let world = World::with(settings(1, OnBreach::Defer)).await;
    let phones = phones(&world, 3).await;
    let started = world.clock.now();
    for number in 0..3 {
        world.relay.submit(SHOP, to(user(number), "hello")).await.unwrap();
        world.pass(MINUTE).await;
    }
    assert_eq!(hear(&phones[0]).await, "hello");
    assert_eq!(hear(&phones[1]).await, "hello");
    let passed = world.clock.now().since(started);
    assert!(passed >= LIMIT_PERIOD && passed < LIMIT_PERIOD + MINUTE, "{passed:?}");
    // One comes to a higher tier.
    world.relay.change_business(business(SHOP).rules(rules(250, OnBreach::Defer))).await.unwrap();
    assert_eq!(hear(&phones[2]).await, "hello");
    assert!(world.clock.now().since(started) < LIMIT_PERIOD + MINUTE * 2);
}

/// As many wait as may: the next is refused with a time, and what users say is received all the same.
#[tokio::test(start_paused = true)]
async fn messages_to_as_many_users_wait_for_the_limit_as_may() {
    let world = World::with(settings(1, OnBreach::Defer).waiting_queues(2, 1)).await;
    let phones = phones(&world, 3).await;
    for number in [0, 1, 1] {
        world.relay.submit(SHOP, to(user(number), "hello")).await.unwrap();
        world.pass(MINUTE).await;
    }
    let refused = world.relay.submit(SHOP, to(user(2), "hello")).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Backlogged { limit: 1 }), "{refused:?}");
    assert!(refused.retry_after().is_some());
    phones[2].send(SHOP, &says("and me?")).await.unwrap();
    world.pass(MINUTE).await;
    world.relay.submit(SHOP, to(user(2), "you as well")).await.unwrap();
    assert_eq!(hear(&phones[2]).await, "you as well");
}

/// Three users are written to where one may be. The second waited a day, and kept the third from its turn,
/// although both had written by then and it was answers that waited.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_limit_goes_when_its_user_writes() {
    for first in [1, 2_usize] {
        let world = World::with(settings(1, OnBreach::Defer)).await;
        let (phones, started) = (phones(&world, 3).await, world.clock.now());
        for number in 0..3 {
            world.relay.submit(SHOP, to(user(number), "hello")).await.unwrap();
            world.pass(MINUTE).await;
        }
        for number in [first, 3 - first] {
            phones[number].send(SHOP, &says("and you")).await.unwrap();
            assert_eq!(hear(&phones[number]).await, "hello");
        }
        assert!(world.clock.now().since(started) < MINUTE * 5);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_whom_a_business_wrote_to_beyond_the_day_and_an_erasure() {
    let world = World::with(settings(10, OnBreach::Refuse)).await;
    let _phones = phones(&world, 2).await;
    for number in 0..2 {
        assert_eq!(wait(&world.relay, user(number)).await, None);
    }
    let rows = || async {
        everything(&world.rows)
            .await
            .into_iter()
            .filter(|row| row.key.space() == RECIPIENT)
            .collect::<Vec<_>>()
    };
    let kept = rows().await;
    assert_eq!(kept.len(), 2);
    let latest = world.clock.now().after(LIMIT_PERIOD);
    assert!(kept.iter().all(|row| row.expiry.is_some_and(|expiry| expiry.at() <= latest)));
    assert!(kept.iter().all(|row| !String::from_utf8_lossy(row.key.name()).contains("16505590")));
    world.relay.erase(&user(0)).await.unwrap();
    assert_eq!(rows().await.len(), 1);
    world.pass(LIMIT_PERIOD * 33).await;
    assert_eq!(rows().await.len(), 0);
    assert!(world.sink.taken().iter().all(|event| matches!(event, Event::Status(..))));
}
