//! What is asked for again is answered as the first time, and sent once.

use std::time::Duration;

use bulla_base::Category;
use bulla_meter::Flow;
use bulla_relay::{MessageRef, Outgoing, Settings, SubmitError};
use bulla_store::Retention;

use crate::world::{BAKERY, SHOP, TestRelay, World, alice, bob, text, to};

const HOUR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

/// A message that is named by its key, and one that is named by what is attached to it.
fn named() -> [fn(Outgoing) -> Outgoing; 2] {
    [|message| message.idempotency_key("order 7"), |message| message.tracking("order 7").tracking_is_key()]
}

fn is_conflict(submitted: &Result<MessageRef, SubmitError>) -> bool {
    matches!(submitted, Err(error @ SubmitError::KeyReused { .. }) if error.retry_after().is_none())
}

async fn counted(relay: &TestRelay) -> u64 {
    relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser)
}

/// At once, at the last moment of the day and a moment later, and for 30 days; also by another relay.
#[tokio::test(start_paused = true)]
async fn the_same_is_answered_alike_for_a_day_and_on_whatever_has_happened_since() {
    for name in named() {
        let world = World::new().await;
        let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
        let ask = || name(to(alice(), "hello"));
        let first = world.relay.submit(SHOP, ask()).await.unwrap();
        let to_bob = |relay: &TestRelay| {
            let relay = relay.clone();
            async move { relay.submit(SHOP, name(to(bob(), "hello"))).await }
        };
        world.pass(24 * HOUR - 100 * MS).await;
        assert_eq!(world.relay.submit(SHOP, ask()).await.unwrap(), first);
        world.relay.close().await;
        let relay = world.reopen().await.unwrap();
        world.pass(100 * MS).await;
        for _ in 0..2 {
            assert_eq!(relay.submit(SHOP, ask()).await.unwrap(), first);
            assert!(is_conflict(&to_bob(&relay).await));
            world.pass(MS).await;
        }
        // By the id the business knows the user by it is the same wish.
        let by_id = name(Outgoing::new(first.user(), text("hello")));
        assert_eq!(relay.submit(SHOP, by_id).await.unwrap(), first);
        world.pass(29 * 24 * HOUR - 1000 * MS).await;
        assert_eq!(relay.submit(SHOP, ask()).await.unwrap(), first);
        assert!(is_conflict(&to_bob(&relay).await));
        assert_eq!(counted(&relay).await, 1);
        world.pass(1000 * MS).await;
        assert_ne!(relay.submit(SHOP, ask()).await.unwrap(), first, "30 days are over");
        assert_eq!(counted(&relay).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_name_with_anything_else_is_a_conflict_that_says_so() {
    for (name, field) in named().into_iter().zip(["idempotency key", "tracking"]) {
        let world = World::new().await;
        let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
        let before = world.relay.submit(SHOP, to(alice(), "before")).await.unwrap();
        let first = world.relay.submit(SHOP, name(to(alice(), "hello"))).await.unwrap();
        let lives = Retention::new(HOUR).unwrap();
        for other in [
            name(to(alice(), "hello ")),
            name(to(bob(), "hello")),
            name(to(alice(), "hello").category(Category::Utility)),
            name(to(alice(), "hello").replying_to(before)),
            name(to(alice(), "hello").time_to_live(lives)),
        ] {
            let refused = world.relay.submit(SHOP, other).await;
            assert!(is_conflict(&refused), "{refused:?}");
            assert_eq!(refused.unwrap_err().to_string(), format!("the {field} belongs to another message"));
        }
        assert_eq!(world.relay.submit(SHOP, name(to(alice(), "hello"))).await.unwrap(), first);
        world.relay.submit(BAKERY, name(to(bob(), "another's names are its own"))).await.unwrap();
        assert_eq!(counted(&world.relay).await, 2);
    }
    // A key and a reference of the same bytes are two names.
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    let [by_key, by_reference] = named();
    let first = world.relay.submit(SHOP, by_key(to(alice(), "hello"))).await.unwrap();
    assert_ne!(world.relay.submit(SHOP, by_reference(to(alice(), "hello"))).await.unwrap(), first);
    // Without being asked for, what is attached names nothing.
    let campaign = || to(alice(), "hello").tracking("spring");
    let first = world.relay.submit(SHOP, campaign()).await.unwrap();
    assert_ne!(world.relay.submit(SHOP, campaign()).await.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn while_the_first_is_under_way_the_same_gets_its_answer_and_others_a_conflict() {
    for name in named() {
        let world = World::new().await;
        let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
        // Every moment of the first.
        for millis in 0..12 {
            let name = move |message: Outgoing| {
                let message = name(message);
                message.tracking(format!("order {millis}")).idempotency_key(format!("order {millis}"))
            };
            let (relay, others) = (world.relay.clone(), world.relay.clone());
            let first = tokio::spawn(async move { relay.submit(SHOP, name(to(alice(), "hello"))).await });
            world.pass(MS * millis).await;
            let (same, other, elsewhere) = tokio::join!(
                others.submit(SHOP, name(to(alice(), "hello"))),
                others.submit(SHOP, name(to(alice(), "something else"))),
                others.submit(SHOP, name(to(bob(), "hello"))),
            );
            assert_eq!(same.unwrap(), first.await.unwrap().unwrap(), "after {millis} ms");
            assert!(
                is_conflict(&other) && is_conflict(&elsewhere),
                "after {millis} ms: {other:?} {elsewhere:?}"
            );
        }
        assert_eq!(counted(&world.relay).await, 12);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_is_answered_also_when_the_first_has_failed_or_is_over() {
    let world = World::with(Settings::default().time_to_live(Retention::new(HOUR).unwrap())).await;
    for (name, key) in named().into_iter().zip(["one", "two"]) {
        let ask = || name(to(alice(), key));
        let first = world.relay.submit(SHOP, ask()).await.unwrap();
        world.pass(23 * HOUR).await;
        assert_eq!(world.relay.submit(SHOP, ask()).await.unwrap(), first);
        world.pass(HOUR * 24 * 31).await;
    }
    assert_eq!(world.sink.taken().len(), 2, "each failed once");
}
