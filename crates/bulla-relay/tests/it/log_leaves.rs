//! The relay reads the carrier's log of keys for what it says of businesses behind their backs.

use std::time::Duration;

use bulla_base::Party;
use bulla_relay::{Foreign, ForeignKind, Report};
use bulla_store::{BoxStore, MemoryStore};

use crate::key_log::{line_with, relay};
use crate::world::{BAKERY, Line, SHOP, TestRelay, World};

/// A world in which the relay is shown a log that has another key of the bakery.
async fn forging_carrier(world: &World) -> Line {
    line_with(world, Some(Party::Business(SHOP)), BAKERY).await.0
}

/// What the relay has told since it was opened, once `after` has passed.
async fn told(world: &World, relay: &TestRelay, after: Duration) -> Vec<Report> {
    world.pass(after).await;
    let (mut reports, mut told) = (relay.reports(), Vec::new());
    loop {
        tokio::select! {
            biased;
            report = reports.next() => match report {
                Some(report) => told.push(report),
                None => return told,
            },
            () = world.pass(Duration::from_millis(1)) => return told,
        }
    }
}

/// That the one thing told is that the log has another key of the bakery.
fn tells_of_the_bakery(told: &[Report]) -> Foreign {
    match told {
        [Report::ForeignKey { business: BAKERY, foreign }] => *foreign,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_carrier_logs_for_a_business_is_told_and_told_again_after_a_restart() {
    let world = World::new().await;
    let (line, store) = (forging_carrier(&world).await, BoxStore::new(MemoryStore::new()));
    let opened = relay(&world, &line, &store).await;
    let foreign = tells_of_the_bakery(&told(&world, &opened, Duration::from_secs(5)).await);
    assert_eq!(foreign.kind, ForeignKind::OtherKey);
    // It is told once, however often the log is looked at.
    let later = told(&world, &opened, Duration::from_secs(3600)).await;
    assert_eq!(tells_of_the_bakery(&later), foreign);
    opened.close().await;
    let opened = relay(&world, &line, &store).await;
    let again = tells_of_the_bakery(&told(&world, &opened, Duration::from_secs(5)).await);
    assert_eq!(again, foreign, "and after a restart");
    opened.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_honest_log_is_read_and_nobody_hears_of_it() {
    let world = World::new().await;
    let (line, log) = line_with(&world, None, SHOP).await;
    let store = BoxStore::new(MemoryStore::new());
    for _ in 0..2 {
        let opened = relay(&world, &line, &store).await;
        let told = told(&world, &opened, Duration::from_secs(3600)).await;
        assert!(told.is_empty(), "{told:?}");
        opened.close().await;
    }
    // What was read is not asked for again: a carrier that says nothing more is not missed.
    log.show_leaves(false);
    let opened = relay(&world, &line, &store).await;
    assert!(told(&world, &opened, Duration::from_secs(3600)).await.is_empty());
    opened.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_does_not_show_what_it_has_signed_is_told_of_once() {
    let world = World::new().await;
    let (line, log) = line_with(&world, Some(Party::Business(SHOP)), BAKERY).await;
    log.show_leaves(false);
    let store = BoxStore::new(MemoryStore::new());
    let opened = relay(&world, &line, &store).await;
    let hidden = told(&world, &opened, Duration::from_secs(3600)).await;
    assert!(matches!(hidden[..], [Report::LogNotShown { size: 2 }]), "{hidden:?}");
    log.show_leaves(true);
    let shown = told(&world, &opened, Duration::from_secs(601)).await;
    assert_eq!(tells_of_the_bakery(&shown[1..]).kind, ForeignKind::OtherKey);
    opened.close().await;
}
