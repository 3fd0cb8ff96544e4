//! What a business costs that nobody talks to.

use std::time::Duration;

use bulla_base::PhoneNumberId;
use bulla_relay::Business;

use crate::world::{TestRelay, World, business};

/// A relay with 10,000 businesses must not need more than 40 MB for those that are idle.
const MOST_BYTES: i64 = 4096;

const FEW: u64 = 50;
const MORE: u64 = 250;

fn numbered(count: u64) -> Vec<Business> {
    (1..=count).map(|number| business(PhoneNumberId::new(1_000_000 + number))).collect()
}

/// The bytes that are allocated for a relay with so many businesses it has had before, and its tasks, when
/// all of them wait.
fn bytes_of_idle(runtime: &tokio::runtime::Runtime, world: &World, count: u64) -> i64 {
    let mut relay = None::<TestRelay>;
    let allocated = allocation_counter::measure(|| {
        runtime.block_on(async {
            relay = Some(world.reopen_for(numbered(count)).await.unwrap());
            world.pass(Duration::from_secs(1)).await;
        });
    });
    runtime.block_on(relay.unwrap().close());
    allocated.bytes_current
}

#[test]
fn an_idle_business_costs_less_than_4_kib() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let world = runtime.block_on(async {
        let world = World::new().await;
        world.relay.close().await;
        let first = world.reopen_for(numbered(MORE)).await.unwrap();
        assert!(first.suspended().is_empty());
        first.close().await;
        world
    });
    // What is made once and kept, such as the carrier's watches, is there before it is counted.
    bytes_of_idle(&runtime, &world, MORE);
    let (few, more) = (bytes_of_idle(&runtime, &world, FEW), bytes_of_idle(&runtime, &world, MORE));
    let each = (more - few) / i64::try_from(MORE - FEW).unwrap();
    eprintln!("an idle business costs {each} bytes");
    assert!((1..MOST_BYTES).contains(&each), "{each} bytes for an idle business ({few}, {more})");
}
