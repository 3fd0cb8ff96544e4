//! How fast a business may write to one user.

use std::time::Duration;

use bulla_relay::{Failure, MAX_DEFERRED, OnBreach, PairRate, Rule, Rules, Settings, Status, SubmitError};

use crate::service_window::{hear, statuses};
use crate::world::{BAKERY, SHOP, TestRelay, World, alice, bob, business, to};

const STEP: Duration = Duration::from_secs(6);

fn settings(on_breach: OnBreach) -> Settings {
    Settings::default().rules(Rules::none().pair_rate(PairRate::CLOUD_API, on_breach))
}

/// How many go before one does not, and how long that is to wait.
async fn burst(relay: &TestRelay) -> (usize, Duration) {
    for sent in 0..1000 {
        match relay.submit(SHOP, to(alice(), "hello")).await {
            Ok(_) => {}
            Err(error @ SubmitError::Limited { rule: Rule::PairRate, wait }) => {
                assert_eq!(error.retry_after(), Some(wait));
                return (sent, wait);
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("there is no limit")
}

#[tokio::test(start_paused = true)]
async fn forty_five_go_to_one_user_and_then_one_in_six_seconds_also_over_a_restart() {
    let world = World::with(settings(OnBreach::Refuse)).await;
    let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
    // Commits take a moment: less than a step all together.
    let (sent, wait) = burst(&world.relay).await;
    assert_eq!(sent, 45);
    world.pass(wait - Duration::from_millis(1)).await;
    assert_eq!(burst(&world.relay).await, (0, Duration::from_millis(1)));
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(burst(&world.relay).await.0, 1);
    world.relay.submit(SHOP, to(bob(), "hello")).await.unwrap();
    world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();

    world.relay.close().await;
    let relay = world.reopen_with(settings(OnBreach::Refuse)).await.unwrap();
    let (sent, wait) = burst(&relay).await;
    assert!(sent == 0 && wait > STEP / 2, "a restart is no way around it: {sent} {wait:?}");
    world.pass(wait + STEP).await;
    assert_eq!(burst(&relay).await.0, 2);
    world.pass(STEP * 46).await;
    assert_eq!(burst(&relay).await.0, 45);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_accepted_is_answered_and_one_that_was_refused_is_not_taken_up() {
    let world = World::with(settings(OnBreach::Refuse)).await;
    let _phone = world.device(alice()).await;
    let first = world.relay.submit(SHOP, to(alice(), "first").idempotency_key("key")).await.unwrap();
    let (_, wait) = burst(&world.relay).await;
    let again = world.relay.submit(SHOP, to(alice(), "first").idempotency_key("key")).await;
    assert_eq!(again.unwrap(), first);
    let refused = || to(alice(), "next").idempotency_key("another");
    assert!(world.relay.submit(SHOP, refused()).await.is_err());
    world.pass(wait).await;
    let taken = world.relay.submit(SHOP, refused()).await.unwrap();
    assert_eq!(world.relay.submit(SHOP, refused()).await.unwrap(), taken);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_fast_fails_or_waits_its_turn_as_the_rule_says() {
    let world = World::with(settings(OnBreach::Fail)).await;
    let _phone = world.device(alice()).await;
    for _ in 0..47 {
        world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    }
    world.pass(Duration::from_secs(1)).await;
    let failed = Status::Failed(Failure::PairRate);
    assert_eq!(statuses(&world).iter().filter(|status| **status == failed).count(), 2);

    let world = World::with(settings(OnBreach::Defer)).await;
    let phone = world.device(alice()).await;
    let started = world.clock.now();
    for number in 0..50 {
        world.relay.submit(SHOP, to(alice(), &format!("{number}"))).await.unwrap();
    }
    for number in 0..45 {
        assert_eq!(hear(&phone).await, format!("{number}"));
    }
    assert!(world.clock.now().since(started) < STEP);
    world.relay.close().await;
    let _relay = world.reopen_with(settings(OnBreach::Defer)).await.unwrap();
    for number in 45..50_u32 {
        assert_eq!(hear(&phone).await, format!("{number}"));
        let (earliest, passed) = (STEP * (number - 44), world.clock.now().since(started));
        assert!(passed >= earliest && passed < earliest + Duration::from_secs(1), "{number}: {passed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_wait_as_may_and_one_more_is_refused_with_a_time() {
    let rate = PairRate::new(Duration::from_secs(60), 1).unwrap();
    let rules = Rules::none().pair_rate(rate, OnBreach::Defer);
    let world = World::with(Settings::default().rules(rules)).await;
    let _phone = world.device(alice()).await;
    for _ in 0..=MAX_DEFERRED {
        world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    }
    // Some have gone meanwhile.
    let mut more = 0;
    let refused = loop {
        match world.relay.submit(SHOP, to(alice(), "hello")).await {
            Ok(_) => more += 1,
            Err(refused) => break refused,
        }
    };
    assert!(more < 2, "{more}");
    assert!(matches!(refused, SubmitError::TooManyWaiting { limit: MAX_DEFERRED }), "{refused:?}");
    assert!(refused.retry_after().is_some());
    world.pass(Duration::from_secs(61)).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_business_has_its_own_rules_and_gets_others_while_messages_wait() {
    let slow = PairRate::new(Duration::from_secs(3600), 1).unwrap();
    let rules = Rules::none().pair_rate(slow, OnBreach::Defer);
    let world = World::new().await;
    let (phone, started) = (world.device(alice()).await, world.clock.now());
    world.relay.change_business(business(SHOP).rules(rules)).await.unwrap();
    for words in ["one", "two", "three"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
        world.relay.submit(BAKERY, to(alice(), "bread")).await.unwrap();
    }
    for _ in 0..4 {
        assert!(["one", "bread"].contains(&&*hear(&phone).await));
    }
    world.relay.change_business(business(SHOP)).await.unwrap();
    assert_eq!((hear(&phone).await, hear(&phone).await), ("two".into(), "three".into()));
    assert!(world.clock.now().since(started) < Duration::from_secs(60));
}
