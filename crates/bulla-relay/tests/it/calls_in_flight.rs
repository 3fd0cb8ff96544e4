//! What a caller meets when too much is under way or waits.

use std::time::Duration;

use bulla_device::DeviceEventKind;
use bulla_relay::{MAX_CALLS_PER_CONVERSATION, MAX_WAITING, MarkReadError, RETRY_AFTER, SubmitError};
use futures_util::FutureExt;

use crate::world::{SHOP, World, alice, bob, says, to};

/// A call goes on when its caller hangs up: whoever asked and hung up, again and again, filled the memory.
#[tokio::test(start_paused = true)]
async fn who_floods_one_conversation_is_refused_with_a_time_and_others_are_served() {
    let world = World::new().await;
    let (_alice, phone) = (world.device(alice()).await, world.device(bob()).await);
    let read = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.relay.submit(SHOP, to(bob(), "hello")).await.unwrap();
    let posts: Vec<_> = (0..MAX_CALLS_PER_CONVERSATION)
        .map(|_| {
            let relay = world.relay.clone();
            tokio::spawn(async move {
                // It hangs up at once.
                assert!(relay.submit(SHOP, to(alice(), "flood")).now_or_never().is_none());
            })
        })
        .collect();
    for post in posts {
        post.await.unwrap();
    }
    let refused = world.relay.submit(SHOP, to(alice(), "one more")).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Busy { limit: MAX_CALLS_PER_CONVERSATION }), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(RETRY_AFTER));
    let refused = world.relay.mark_read(SHOP, read).await;
    assert!(matches!(refused, Err(MarkReadError::Submit(SubmitError::Busy { .. }))), "{refused:?}");
    let asked = tokio::time::Instant::now();
    world.relay.submit(SHOP, to(bob(), "meanwhile")).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(50), "{:?}", asked.elapsed());
    for words in ["hello", "meanwhile"] {
        assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    }
    world.pass(RETRY_AFTER * 10).await;
    world.relay.submit(SHOP, to(alice(), "after the flood")).await.unwrap();
}

/// While the carrier is away everything that is accepted waits here.
#[tokio::test(start_paused = true)]
async fn as_many_wait_for_the_carrier_as_may_and_one_more_is_refused_with_a_time() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    phone.next().await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    world.line.cut(true);
    for _ in 0..MAX_WAITING {
        world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    }
    let refused = world.relay.submit(SHOP, to(alice(), "one more")).await.unwrap_err();
    assert!(matches!(refused, SubmitError::TooManyWaiting { limit: MAX_WAITING }), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(RETRY_AFTER));
    world.line.cut(false);
    world.pass(Duration::from_secs(7200)).await;
    world.relay.submit(SHOP, to(alice(), "after it")).await.unwrap();
}
