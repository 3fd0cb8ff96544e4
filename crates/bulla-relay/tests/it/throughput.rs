//! How many messages a business may send in a second.

use std::time::Duration;

use bulla_base::Number;
use bulla_relay::{Failure, OnBreach, Rule, Rules, Settings, Status, SubmitError, Throughput};

use crate::service_window::statuses;
use crate::world::{BAKERY, SHOP, TestRelay, World, alice, to};

const SECOND: Duration = Duration::from_secs(1);

fn settings(on_breach: OnBreach) -> Settings {
    Settings::default().rules(Rules::none().throughput(Throughput::PER_SECOND_80, on_breach))
}

fn user(number: u64) -> Number {
    Number::parse(&(16_505_590_000 + number).to_string()).unwrap()
}

/// Of so many messages at once to users nobody knows, how many are accepted, and the longest wait of the
/// others.
async fn at_once(relay: &TestRelay, messages: u64) -> (usize, Option<Duration>) {
    let posts = (0..messages).map(|number| relay.submit(SHOP, to(user(number), "hello")));
    let answers = futures_util::future::join_all(posts).await;
    let waits = answers.iter().filter_map(|answer| match answer {
        Ok(_) => None,
        Err(error @ SubmitError::Limited { rule: Rule::Throughput, .. }) => error.retry_after(),
        Err(error) => panic!("{error}"),
    });
    (answers.iter().filter(|answer| answer.is_ok()).count(), waits.max())
}

#[tokio::test(start_paused = true)]
async fn eighty_go_in_a_second_and_not_one_more_also_after_a_restart() {
    let world = World::with(settings(OnBreach::Refuse)).await;
    let (sent, wait) = at_once(&world.relay, 10).await;
    assert_eq!(sent, 0, "what was sent before the start is not known");
    world.pass(wait.unwrap()).await;
    let (sent, wait) = at_once(&world.relay, 1000).await;
    assert_eq!(sent, 80);
    world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    let wait = wait.unwrap();
    assert!(wait <= SECOND && wait > SECOND / 2, "{wait:?}");
    world.pass(SECOND).await;
    assert_eq!(at_once(&world.relay, 81).await.0, 80);
    world.relay.close().await;
    let relay = world.reopen_with(settings(OnBreach::Refuse)).await.unwrap();
    assert_eq!(at_once(&relay, 10).await.0, 0);
    world.pass(SECOND).await;
    assert_eq!(at_once(&relay, 100).await.0, 80);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_many_fails_or_waits_as_the_rule_says() {
    let world = World::with(settings(OnBreach::Fail)).await;
    world.pass(SECOND).await;
    assert_eq!(at_once(&world.relay, 100).await, (100, None));
    world.pass(SECOND).await;
    let failed = Status::Failed(Failure::Throughput);
    assert_eq!(statuses(&world).iter().filter(|status| **status == failed).count(), 20);

    let world = World::with(settings(OnBreach::Defer)).await;
    let _crowd = world.crowd(30, SHOP).await;
    world.pass(SECOND * 2).await;
    let users: Vec<Number> = _crowd.iter().map(|(number, _)| number.clone()).collect();
    let started = world.clock.now();
    let posts = (0..300).map(|number| world.relay.submit(SHOP, to(users[number % 30].clone(), "hello")));
    for answer in futures_util::future::join_all(posts).await {
        answer.unwrap();
    }
    let sent = || statuses(&world).iter().filter(|status| **status == Status::Sent).count();
    while sent() < 300 {
        world.pass(Duration::from_millis(20)).await;
        let seconds = usize::try_from(world.clock.now().since(started).as_secs()).unwrap();
        assert!(sent() <= 80 * (seconds + 1), "{} within {seconds} s", sent());
    }
    assert!(world.clock.now().since(started) < SECOND * 6, "and no slower than it need be");
}
