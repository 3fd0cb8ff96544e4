//! What a start looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla_base::Party;
use bulla_relay::{Event, Relay, Status};
use bulla_store::{
    Batch, BoxStore, Commit, CountingStore, Counts, Key, Pause, Scan, SlowStore, Space, Store, StoreCall,
};

use crate::world::{SHOP, TestRelay, World, alice, business, to};

/// The mark of a conversation that may have work.
const MARK: Space = Space::new(0x2f);

const QUARTER: Duration = Duration::from_secs(900);

/// A relay that talked to so many users half an hour ago, and is closed.
async fn talked_to(users: u64) -> World {
    let world = World::new().await;
    let _crowd = world.crowd(users, SHOP).await;
    world.sink.wait_for(usize::try_from(users).unwrap(), &*world.clock).await;
    world.pass(2 * QUARTER).await;
    world
}

/// The next relay on the same store, and how much it read to start.
async fn reopened(world: &World) -> (TestRelay, usize) {
    let (relay, counts) = counted(world).await;
    (relay, counts.take().reads())
}

/// The next relay on the same store, ten seconds after its start.
pub(crate) async fn counted(world: &World) -> (TestRelay, Counts) {
    let store = Arc::new(CountingStore::new(Arc::clone(&world.rows)));
    let (line, sink) = (world.line.clone(), world.sink.clone());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let counts = store.counts();
    let relay = Relay::builder(BoxStore::new(store), line, sink, clock, rng).business(business(SHOP)).open();
    let relay = relay.await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    (relay, counts)
}

#[tokio::test(start_paused = true)]
async fn a_start_looks_at_no_conversation_without_work() {
    let mut reads = Vec::new();
    for users in [2, 40] {
        let world = talked_to(users).await;
        world.relay.close().await;
        reads.push(reopened(&world).await.1);
    }
    assert_eq!(reads[0], reads[1], "as much with 40 conversations as with 2");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_notes_in_few_records_which_conversations_have_no_work() {
    const USERS: u64 = 200;
    let world = World::new().await;
    let _crowd = world.crowd(USERS, SHOP).await;
    world.sink.wait_for(usize::try_from(USERS).unwrap(), &*world.clock).await;
    // What was taken is out of the store, and no sweep has gone by.
    world.pass(Duration::from_secs(10)).await;
    world.relay.close().await;
    let (relay, counts) = counted(&world).await;
    // The first sweep is made at once; what else a start writes is in it.
    let commits = counts.take().commits;
    assert!((4..=24).contains(&commits), "{commits} commits for {USERS} conversations");
    world.pass(QUARTER).await;
    relay.close().await;
    let (_relay, reads) = reopened(&world).await;
    assert!(reads < 100, "{reads} reads");
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_up_the_work_there_is() {
    let world = talked_to(5).await;
    let phone = world.device(alice()).await;
    world.line.cut(true);
    // There is no session yet: nothing can be sealed without the carrier.
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap_err();
    world.line.cut(false);
    world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.sink.wait_for(7, &*world.clock).await;
    world.line.cut(true);
    world.relay.submit(SHOP, to(alice(), "and again")).await.unwrap();
    // Sweeps go by, and it still waits.
    world.pass(4 * QUARTER).await;
    world.relay.close().await;
    world.line.cut(false);
    let (_relay, _) = reopened(&world).await;
    for _ in 0..2 {
        let event = phone.next().await.unwrap();
        phone.acknowledge(event).await.unwrap();
    }
    let taken = world.sink.wait_for(11, &*world.clock).await;
    let read = |event: &bulla_relay::Event| matches!(event, bulla_relay::Event::Status(_, update) if update.status == Status::Read);
    assert_eq!(taken.iter().filter(|event| read(event)).count(), 2);
}

/// A sweep had found the conversation idle, and taken its mark away.
#[tokio::test(start_paused = true)]
async fn work_that_came_after_a_conversation_was_idle_is_found_at_a_start() {
    let world = talked_to(1).await;
    let user = world.sink.taken()[0].subject().user.clone();
    world.line.cut(true);
    world.relay.submit(SHOP, to(user, "hello")).await.unwrap();
    world.relay.close().await;
    world.line.cut(false);
    let (relay, _) = reopened(&world).await;
    let sent = |event: &Event| matches!(event, Event::Status(_, update) if update.status == Status::Sent);
    assert_eq!(world.sink.taken().iter().filter(|event| sent(event)).count(), 1);
    relay.close().await;
}

/// How many records with marks in them a store makes at the same time: now, and at most.
#[derive(Default)]
struct AtOnce {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Whether it is a record that takes marks away.
fn takes_marks(call: &StoreCall<'_>) -> bool {
    match call {
        StoreCall::Commit(batch) => batch.deletes().iter().any(|key| key.space() == MARK),
        _ => false,
    }
}

/// Were it one after the other, a million conversations would take 15,625 times as long as a record.
#[tokio::test(start_paused = true)]
async fn a_sweep_looks_at_several_lots_of_idle_conversations_at_the_same_time() {
    const IDLE: u64 = 20_000;
    let world = World::new().await;
    world.relay.close().await;
    let now = world.clock.now();
    let pepper = bulla_store::pepper(&world.rows, Space::new(0x28), now, &*world.rng).await.unwrap();
    let home = pepper.partition(&Party::Business(SHOP));
    let mut marks = Batch::new(home);
    for user in 0..IDLE {
        let mut name = [0; 16];
        world.rng.fill(&mut name[..8]);
        name[8..].copy_from_slice(&user.to_be_bytes());
        marks.put(Key::undated(MARK, name.to_vec()), "");
    }
    assert!(matches!(world.rows.commit(marks).await.unwrap(), Commit::Committed(_)));
    let (before, clock) = (Arc::new(AtOnce::default()), Arc::clone(&world.clock));
    let begun = Arc::clone(&before);
    let ended = Arc::clone(&before);
    let slow = SlowStore::new(Arc::clone(&world.rows))
        .before(move |call| {
            if !takes_marks(call) {
                return Pause::none();
            }
            let (begun, clock) = (Arc::clone(&begun), Arc::clone(&clock));
            Pause::until(async move {
                let now = begun.now.fetch_add(1, Ordering::SeqCst) + 1;
                begun.most.fetch_max(now, Ordering::SeqCst);
                clock.sleep(Duration::from_millis(4)).await;
            })
        })
        .after(move |call| {
            let (ended, is_one) = (Arc::clone(&ended), takes_marks(call));
            Pause::until(async move {
                ended.now.fetch_sub(usize::from(is_one), Ordering::SeqCst);
            })
        });
    let store = Arc::new(CountingStore::new(slow));
    let counts = store.counts();
    let (line, sink) = (world.line.clone(), world.sink.clone());
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let relay = Relay::builder(BoxStore::new(store), line, sink, clock, rng)
        .business(business(SHOP))
        .open()
        .await
        .unwrap();
    let _start = counts.take();
    world.pass(Duration::from_secs(60)).await;
    let asked = counts.take();
    eprintln!("of {IDLE} idle conversations: {} commits, {} rows", asked.commits, asked.rows_written);
    let lots = usize::try_from(IDLE / 64).unwrap();
    // Those that shared a lock with another are in lots of their own, and some are left for the next sweep.
    assert!((lots..lots + lots / 2).contains(&asked.commits), "{asked:?}");
    assert_eq!(before.most.load(Ordering::SeqCst), 8);
    let left = world.rows.keys(home, &Scan::undated(MARK), now).await.unwrap().len();
    assert!(left < 100, "{left} are left");
    relay.close().await;
}
