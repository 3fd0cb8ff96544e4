//! One-time keys of businesses are there for whoever writes first, and are made only when they are lacking.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, Number};
use bulla_carrier::{Carrier, MAX_COUNTED_KEYS};
use bulla_endpoint::{ONE_TIME_KEYS, REFILL_BELOW, RENEWED_AFTER};
use bulla_envelope::{InstallationId, KeyUpload};
use bulla_relay::Relay;
use bulla_store::{Batch, BoxStore, Commit, MemoryStore, Store};
use bulla_transport::{Caller, Incarnation, Transport};

use crate::cancellation::everything;
use crate::world::{Line, SHOP, TestRelay, World, alice, business, says};

const MINUTE: Duration = Duration::from_secs(60);

/// A carrier that counts less far than to a low stock would be left keys at every start.
const _: () = assert!(REFILL_BELOW < MAX_COUNTED_KEYS && MAX_COUNTED_KEYS < ONE_TIME_KEYS);

/// A copy of all that is in `store`.
async fn copy_of(store: &Arc<MemoryStore>) -> MemoryStore {
    let copy = MemoryStore::new();
    for row in everything(store).await {
        let mut batch = Batch::new(row.partition);
        match row.expiry {
            Some(expiry) => batch.put_until(row.key, row.value, expiry),
            None => batch.put(row.key, row.value),
        }
        assert!(matches!(copy.commit(batch).await.unwrap(), Commit::Committed(_)));
    }
    copy
}

/// Somebody who is known to the carrier and asks for keys of the shop.
async fn asker(world: &World, number: u64) -> Caller {
    let address = Address::user(Number::parse(&number.to_string()).unwrap());
    let caller = Caller::new(address, InstallationId::of_identity(b"asks"), Incarnation::new(1));
    world.line.connect(&caller).await.unwrap();
    caller
}

/// Takes `count` of the shop's one-time keys away; false when there were fewer.
async fn take(world: &World, count: u64) -> bool {
    let mut all = true;
    for number in 0..count {
        let caller = asker(world, 16_505_550_000 + number).await;
        all &= world.line.bundle(&caller, &Address::business(SHOP)).await.unwrap().one_time.is_some();
        world.pass(Duration::from_millis(10)).await;
    }
    all
}

/// Every start made a commit, wrote two lasting keys of 1.6 KB anew at the carrier, and read a hundred
/// one-time keys there.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_at_a_start_when_the_carrier_lacks_nothing() {
    let world = World::new().await;
    assert_eq!(world.line.uploads().len(), 2, "of two businesses that are new");
    for taken in [0, 1, ONE_TIME_KEYS - REFILL_BELOW - 2] {
        assert!(take(&world, taken as u64).await);
        world.relay.close().await;
        let relay = world.reopen().await.unwrap();
        world.pass(MINUTE).await;
        relay.close().await;
        assert_eq!(world.line.uploads(), [], "after {taken} more were taken");
    }
    let relay = world.reopen().await.unwrap();
    assert!(take(&world, 1).await);
    world.pass(MINUTE).await;
    let uploads = world.line.uploads();
    assert_eq!(
        uploads.iter().map(|keys| keys.one_time.len()).collect::<Vec<_>>(),
        [ONE_TIME_KEYS - REFILL_BELOW]
    );
    relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn one_time_keys_are_brought_again_before_they_run_out_though_nobody_writes() {
    let world = World::new().await;
    assert!(take(&world, 3 * ONE_TIME_KEYS as u64).await, "they ran out");
    let made: usize = world.line.uploads().iter().map(|keys| keys.one_time.len()).sum();
    assert!((4 * ONE_TIME_KEYS..=6 * ONE_TIME_KEYS).contains(&made), "{made} of two businesses");
}

/// A carrier says so when keys run low, and may be slow to.
#[tokio::test(start_paused = true)]
async fn keys_that_were_spent_by_who_wrote_are_brought_again_though_the_carrier_says_nothing() {
    let world = World::new().await;
    world.line.be_silent_of_stock();
    let enough = ONE_TIME_KEYS - REFILL_BELOW;
    let _crowd = world.crowd(enough as u64 - 1, SHOP).await;
    world.pass(MINUTE).await;
    assert_eq!(world.line.uploads().iter().filter(|keys| keys.one_time.len() == enough).count(), 0);
    let last = world.device(alice()).await;
    last.send(SHOP, &says("hello")).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(world.line.uploads().iter().filter(|keys| keys.one_time.len() == enough).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn lasting_prekeys_are_replaced_every_week_while_the_relay_runs() {
    let world = World::new().await;
    let of = |uploads: &[KeyUpload]| {
        let ids = |keys: &KeyUpload| (keys.signed.as_ref().unwrap().id, keys.kyber.as_ref().unwrap().id);
        uploads.iter().map(|keys| (ids(keys), keys.one_time.len())).collect::<Vec<_>>()
    };
    assert_eq!(of(&world.line.uploads()), [((1, 1), ONE_TIME_KEYS); 2], "of two businesses");
    let almost = RENEWED_AFTER - MINUTE * 20;
    world.pass(almost).await;
    assert_eq!(of(&world.line.uploads()), []);
    for id in [2, 3] {
        world.pass(MINUTE * 40).await;
        assert_eq!(of(&world.line.uploads()), [((id, id), ONE_TIME_KEYS); 2], "and those left beside them");
        world.pass(almost - MINUTE * 20).await;
        assert_eq!(of(&world.line.uploads()), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_was_put_back_leaves_no_key_with_an_id_that_is_taken() {
    let world = World::new().await;
    world.relay.close().await;
    let backup = copy_of(&world.rows).await;
    let relay = world.reopen().await.unwrap();
    assert!(take(&world, 80).await);
    world.pass(MINUTE).await;
    relay.close().await;
    let before = highest(&world.line.uploads());
    let relay = open(&world, Arc::new(backup), world.line.clone()).await;
    assert_eq!(highest(&world.line.uploads()), 0, "its keys that last, for the carrier has enough others");
    assert!(take(&world, 80).await);
    world.pass(MINUTE).await;
    relay.close().await;
    let brought = world.line.uploads();
    assert!(brought.iter().flat_map(|keys| &keys.one_time).all(|key| key.id > before));
    assert!(highest(&brought) > before);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_has_lost_everything_is_left_keys_anew() {
    let world = World::new().await;
    world.relay.close().await;
    let (rows, clock) = (Arc::new(MemoryStore::new()), Arc::clone(&world.clock));
    let line = Line::to(Carrier::open(rows, clock, &*world.rng).await.unwrap());
    for expected in [vec![ONE_TIME_KEYS], Vec::new()] {
        let relay = open(&world, world.store.clone(), line.clone()).await;
        let left: Vec<_> = line.uploads().iter().map(|keys| keys.one_time.len()).collect();
        assert_eq!(left, expected);
        relay.close().await;
    }
}

/// A relay for the shop alone, on this store and this line.
async fn open<S: Store>(world: &World, store: S, line: Line) -> TestRelay {
    let (sink, clock, rng) = (world.sink.clone(), Arc::clone(&world.clock), Arc::clone(&world.rng));
    let relay =
        Relay::builder(BoxStore::new(store), line, sink, clock, rng).business(business(SHOP)).open().await;
    let relay = relay.unwrap();
    assert!(relay.suspended().is_empty());
    relay
}

/// The highest id of the one-time keys in `uploads`, 0 if there is none.
fn highest(uploads: &[KeyUpload]) -> u32 {
    uploads.iter().flat_map(|keys| &keys.one_time).map(|key| key.id).max().unwrap_or(0)
}
