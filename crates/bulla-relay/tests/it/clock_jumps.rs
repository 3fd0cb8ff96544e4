//! A clock that was ahead for a moment changes nothing that comes after.

use std::time::Duration;

use crate::erasure::heard;
use crate::identities::told;
use crate::world::{SHOP, World, alice, says, to};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// For each of three messages, how far the clock is ahead just then.
const AHEAD: [(&str, Duration); 3] = [("one", Duration::ZERO), ("two", DAY), ("three", Duration::ZERO)];

/// Places in queues were read by the date on which they were given out, and "two" came after "three".
#[tokio::test(start_paused = true)]
async fn what_was_accepted_while_the_clock_was_a_day_ahead_keeps_its_place() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    assert_eq!(told(&world, &phone).await.0, ["hello"]);
    world.line.cut(true);
    for (words, ahead) in AHEAD {
        world.put_ahead(ahead);
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
        world.pass(MINUTE).await;
    }
    world.relay.close().await;
    let _relay = world.reopen().await.unwrap();
    world.line.cut(false);
    world.pass(MINUTE * 70).await;
    assert_eq!(told(&world, &phone).await.0, ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn events_of_while_the_clock_was_a_day_ahead_keep_their_place() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.close(true);
    for (words, ahead) in AHEAD {
        world.put_ahead(ahead);
        phone.send(SHOP, &says(words)).await.unwrap();
        world.pass(MINUTE).await;
    }
    world.sink.close(false);
    world.pass(MINUTE * 70).await;
    assert_eq!(heard(&world.sink.taken()), ["one", "two", "three"]);
    phone.send(SHOP, &says("four")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(heard(&world.sink.taken()), ["one", "two", "three", "four"]);
}
