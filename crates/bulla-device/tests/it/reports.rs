//! What a business has sent can be shown to the carrier, as it came, also when it was read long ago.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, MessageId};
use bulla_content::Content;
use bulla_device::{Reason, ReportError};

use crate::{SHOP, World, says};

const DAY: Duration = Duration::from_secs(86_400);

/// What the operator has been shown of the shop.
async fn shown(world: &World) -> Vec<(Reason, bool, Vec<Content>)> {
    let shop = Address::business(SHOP);
    let reports = world.carrier.reports(shop.party(), None, 100).await.unwrap();
    let said = |bytes: &[u8]| Content::decode(bytes).unwrap().0;
    let of = |report: &bulla_carrier::VerifiedReport| {
        let messages = report.report.messages().iter().map(|message| said(message.plaintext())).collect();
        (report.report.reason(), report.report.blocks(), messages)
    };
    reports.iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn what_came_is_reported_as_it_was_said_and_nothing_else_is_shown() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let mut ids = Vec::new();
    for words in ["buy now", "or be sorry", "hello"] {
        ids.push(world.say(words).await);
        let event = device.next().await.unwrap();
        device.acknowledge(event).await.unwrap();
    }
    assert!(shown(&world).await.is_empty());
    device.report(SHOP, &ids[..2], Reason::Spam, true).await.unwrap();
    let expected = (Reason::Spam, true, vec![says("buy now"), says("or be sorry")]);
    assert_eq!(shown(&world).await, std::slice::from_ref(&expected));
    // Once more it counts no more.
    device.report(SHOP, &ids[..1], Reason::Scam, false).await.unwrap();
    assert_eq!(shown(&world).await, [expected]);
}

#[tokio::test(start_paused = true)]
async fn what_came_is_reported_after_a_restart_and_for_30_days() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let (first, second) = (world.say("first").await, world.say("second").await);
    for _ in 0..2 {
        let event = device.next().await.unwrap();
        device.acknowledge(event).await.unwrap();
    }
    device.close().await;
    let device = world.device(&store).await;
    world.clock.sleep(DAY * 29).await;
    device.report(SHOP, &[first], Reason::NoLongerWanted, false).await.unwrap();
    assert_eq!(shown(&world).await.len(), 1);
    world.clock.sleep(DAY * 2).await;
    let late = device.report(SHOP, &[second], Reason::NoLongerWanted, false).await;
    assert!(matches!(late, Err(ReportError::NotKept { id }) if id == second), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn what_did_not_come_and_what_is_too_much_is_no_report() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let id = world.say("hello").await;
    device.next().await.unwrap();
    let other = MessageId::new(world.clock.now(), &*world.rng);
    let unknown = device.report(SHOP, &[id, other], Reason::Other, false).await;
    assert!(matches!(unknown, Err(ReportError::NotKept { id }) if id == other), "{unknown:?}");
    let many = device.report(SHOP, &[id; 6], Reason::Other, false).await;
    assert!(matches!(many, Err(ReportError::TooMany { actual: 6, limit: 5 })), "{many:?}");
    for none in [&[][..], &[id, id]] {
        let refused = device.report(SHOP, none, Reason::Other, false).await;
        assert!(matches!(refused, Err(ReportError::Invalid(_))), "{refused:?}");
    }
    assert!(shown(&world).await.is_empty());
}
