use std::sync::Arc;

use bulla_base::{Partition, Timestamp};
use bulla_store::{
    Batch, CachedStore, Commit, CountingStore, Counts, Failure, FaultyStore, Key, MemoryStore, Pause,
    Retention, SlowStore, Space, Store, StoreError, StoreWrapper, Version, conformance,
};
use tokio::sync::Semaphore;

use crate::run;

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const SPACE: Space = Space::new(7);
const MEBIBYTE: usize = 1 << 20;

#[test]
fn a_cache_prints_nothing_of_what_it_keeps() {
    let store = CachedStore::new(MemoryStore::new(), MEBIBYTE);
    assert_eq!(format!("{store:?}"), "CachedStore { .. }");
}

/// A store whose calls are answered by the permits of a gate, after they were carried out, and the counts of
/// what comes through.
fn gated() -> (Arc<SlowStore<CountingStore<MemoryStore>>>, Arc<Semaphore>, Counts) {
    let (gate, counted) = (Arc::new(Semaphore::new(0)), CountingStore::new(MemoryStore::new()));
    let (passes, counts) = (gate.clone(), counted.counts());
    let store = SlowStore::new(counted).after(move |_| {
        let gate = gate.clone();
        Pause::until(async move { gate.acquire().await.unwrap().forget() })
    });
    (Arc::new(store), passes, counts)
}

fn partition(number: u8) -> Partition {
    Partition::from_bytes([number; 16])
}

fn key(name: &'static str) -> Key {
    Key::undated(SPACE, name.as_bytes())
}

fn put(key: Key, value: &'static str) -> Batch {
    let mut batch = Batch::new(partition(1));
    batch.put(key, value.as_bytes());
    batch
}

async fn value<S: Store>(store: &S, key: &Key) -> Option<Vec<u8>> {
    store.get(partition(1), key, NOW).await.unwrap().map(|record| record.value.to_vec())
}

async fn committed<S: Store>(store: &S, batch: Batch) {
    assert!(matches!(store.commit(batch).await.unwrap(), Commit::Committed(_)));
}

#[test]
fn a_cache_keeps_every_rule_of_a_store() {
    run(conformance::all(async || CachedStore::new(MemoryStore::new(), MEBIBYTE)));
    // With room for a row or two, and for none.
    run(conformance::all(async || CachedStore::new(MemoryStore::new(), 64 * 1024)));
    run(conformance::all(async || CachedStore::new(MemoryStore::new(), 0)));
}

#[test]
fn cached_row_is_not_read_again() {
    run(async {
        let beneath = Arc::new(CountingStore::new(MemoryStore::new()));
        let counts = beneath.counts();
        committed(&beneath, put(key("before"), "it")).await;
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        committed(&store, put(key("written"), "here")).await;
        for _ in 0..3 {
            assert_eq!(value(&store, &key("before")).await.unwrap(), b"it");
            assert_eq!(value(&store, &key("written")).await.unwrap(), b"here");
        }
        assert_eq!(counts.take().reads(), 1);
        // The same record as beneath, with its version.
        for name in ["before", "written"] {
            let cached = store.get(partition(1), &key(name), NOW).await.unwrap();
            assert_eq!(cached, beneath.get(partition(1), &key(name), NOW).await.unwrap());
        }
    });
}

#[test]
fn dated_rows_are_not_remembered_and_what_has_expired_is_not_read() {
    run(async {
        let beneath = Arc::new(CountingStore::new(MemoryStore::new()));
        let counts = beneath.counts();
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        let (undated, dated) = (key("a"), Key::dated(SPACE, NOW.day(), "a"));
        let mut batch = Batch::new(partition(1));
        for key in [&undated, &dated] {
            batch.put_until(key.clone(), "value", Retention::LONGEST.from(NOW));
        }
        committed(&store, batch).await;
        let reads = async |key: &Key, now: Timestamp| {
            drop(counts.take());
            let found = store.get(partition(1), key, now).await.unwrap();
            (found.is_some(), counts.take().reads())
        };
        assert_eq!(reads(&undated, NOW).await, (true, 0));
        assert_eq!(reads(&dated, NOW).await, (true, 1));
        let too_late = NOW.after(Retention::LONGEST.span());
        assert_eq!(reads(&undated, too_late).await, (false, 0));
    });
}

#[test]
fn row_that_another_has_changed_conflicts_and_is_read_anew() {
    run(async {
        let beneath = Arc::new(MemoryStore::new());
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        committed(&store, put(key("row"), "ours")).await;
        let read = store.get(partition(1), &key("row"), NOW).await.unwrap().unwrap();
        committed(&beneath, put(key("row"), "another's")).await;
        let mut batch = put(key("other"), "based on it");
        batch.expect_version(key("row"), read.version);
        assert_eq!(store.commit(batch).await.unwrap(), Commit::Conflict(key("row")));
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"another's");
    });
}

#[test]
fn a_commit_that_nobody_waited_for_leaves_nothing_stale() {
    run(async {
        let (beneath, gate, _) = gated();
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        gate.add_permits(1);
        committed(&store, put(key("row"), "first")).await;
        // It is durable, and the caller leaves before it hears so.
        let mut commit = Box::pin(store.commit(put(key("row"), "second")));
        tokio::select! {
            biased;
            _ = &mut commit => panic!("the gate is shut"),
            () = std::future::ready(()) => {}
        }
        drop(commit);
        gate.add_permits(1);
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"second");
    });
}

/// What is a queue of commits to an engine goes on when a caller has left.
#[test]
fn a_commit_that_nobody_waited_for_and_that_comes_late_leaves_nothing_stale() {
    run(async {
        let beneath = Arc::new(MemoryStore::new());
        let never = FaultyStore::new(Arc::clone(&beneath));
        never.fail_when(|call| call.is_commit().then_some(Failure::Hangs));
        let store = CachedStore::new(never, MEBIBYTE);
        committed(&beneath, put(key("row"), "first")).await;
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"first");
        let mut commit = Box::pin(store.commit(put(key("row"), "second")));
        tokio::select! {
            biased;
            _ = &mut commit => panic!("it never answers"),
            () = std::future::ready(()) => {}
        }
        drop(commit);
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"first");
        committed(&beneath, put(key("row"), "second")).await;
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"second");
    });
}

#[test]
fn row_read_before_a_commit_is_not_remembered_after_it() {
    run(async {
        let (beneath, gate, _) = gated();
        gate.add_permits(1);
        committed(&beneath, put(key("row"), "first")).await;
        let store = Arc::new(CachedStore::new(Arc::clone(&beneath), MEBIBYTE));
        let row = key("row");
        let mut reading = Box::pin(store.get(partition(1), &row, NOW));
        tokio::select! {
            biased;
            _ = &mut reading => panic!("the gate is shut"),
            () = std::future::ready(()) => {}
        }
        // The reader has the gate first; the commit passes as the second.
        let mut commit = Box::pin(store.commit(put(key("row"), "second")));
        tokio::select! {
            biased;
            _ = &mut commit => panic!("the gate is shut"),
            () = std::future::ready(()) => {}
        }
        gate.add_permits(2);
        assert_eq!(&reading.await.unwrap().unwrap().value[..], b"first");
        assert!(matches!(commit.await.unwrap(), Commit::Committed(_)));
        gate.add_permits(1);
        assert_eq!(value(&*store, &key("row")).await.unwrap(), b"second");
    });
}

#[test]
fn rows_that_two_write_at_once_are_read_from_the_store() {
    run(async {
        let (beneath, gate, counts) = gated();
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        let (first, second) =
            (store.commit(put(key("row"), "first")), store.commit(put(key("row"), "second")));
        let both = async { tokio::join!(first, second) };
        let pass = async { gate.add_permits(2) };
        let ((first, second), ()) = tokio::join!(both, pass);
        assert!(first.is_ok() && second.is_ok());
        drop(counts.take());
        gate.add_permits(2);
        assert_eq!(value(&store, &key("row")).await.unwrap(), b"second");
        assert_eq!(counts.take().reads(), 1);
    });
}

#[test]
fn cache_forgets_what_is_erased_or_closed() {
    run(async {
        let store = CachedStore::new(MemoryStore::new(), MEBIBYTE);
        committed(&store, put(key("row"), "of the erased")).await;
        let mut other = Batch::new(partition(2));
        other.put(key("row"), "of another");
        committed(&store, other).await;
        let both = store.bytes();
        assert_eq!(store.erase_partition(partition(1)).await.unwrap(), 1);
        assert!(value(&store, &key("row")).await.is_none());
        assert!(store.bytes() > 0 && store.bytes() < both);
        store.forget_all();
        assert_eq!(store.bytes(), 0);
        committed(&store, put(key("row"), "again")).await;
        store.close().await.unwrap();
        assert_eq!(store.bytes(), 0);
    });
}

#[test]
fn the_bound_holds_and_what_is_asked_for_stays() {
    run(async {
        let beneath = Arc::new(CountingStore::new(MemoryStore::new()));
        let counts = beneath.counts();
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        committed(&store, put(key("hot"), "row")).await;
        for number in 0..10_000_u32 {
            let mut batch = Batch::new(partition(1));
            batch.put(Key::undated(SPACE, number.to_be_bytes().to_vec()), vec![0; 100]);
            committed(&store, batch).await;
            value(&store, &key("hot")).await.unwrap();
            assert!(store.bytes() <= MEBIBYTE / 16, "of one partition, a share of the whole");
        }
        assert_eq!(counts.take().reads(), 0);
        // The first of them is long forgotten.
        assert!(value(&store, &Key::undated(SPACE, 0_u32.to_be_bytes().to_vec())).await.is_some());
        assert_eq!(counts.take().reads(), 1);
    });
}

#[test]
fn rows_that_were_not_used_between_two_looks_are_let_go_of() {
    run(async {
        let beneath = Arc::new(CountingStore::new(MemoryStore::new()));
        let counts = beneath.counts();
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        committed(&store, put(key("idle"), "row")).await;
        let idle = store.bytes();
        committed(&store, put(key("used"), "row")).await;
        store.evict_idle();
        assert_eq!(value(&store, &key("used")).await.unwrap(), b"row");
        store.evict_idle();
        assert_eq!((store.bytes(), counts.take().reads()), (idle, 0), "one of two, which were of one size");
        // Both are as they were, and the one that is in use was never read.
        for (name, reads) in [("used", 0), ("idle", 1)] {
            assert_eq!(value(&store, &key(name)).await.unwrap(), b"row");
            assert_eq!(counts.take().reads(), reads, "{name}");
        }
        for _ in 0..2 {
            store.evict_idle();
        }
        assert_eq!(store.bytes(), 0);
    });
}

/// Whatever is under way when rows are let go of: it is remembered, or forgotten, as it would be without.
#[test]
fn rows_that_are_read_or_written_while_others_are_let_go_of_are_right() {
    run(async {
        let (beneath, gate, counts) = gated();
        gate.add_permits(1);
        committed(&beneath, put(key("row"), "first")).await;
        let store = CachedStore::new(Arc::clone(&beneath), MEBIBYTE);
        let row = key("row");
        let mut reading = Box::pin(store.get(partition(1), &row, NOW));
        let mut commit = Box::pin(store.commit(put(key("other"), "written")));
        tokio::select! {
            biased;
            _ = &mut reading => panic!("the gate is shut"),
            _ = &mut commit => panic!("the gate is shut"),
            () = std::future::ready(()) => {}
        }
        store.evict_idle();
        store.evict_idle();
        gate.add_permits(2);
        assert_eq!(&reading.await.unwrap().unwrap().value[..], b"first");
        assert!(matches!(commit.await.unwrap(), Commit::Committed(_)));
        drop(counts.take());
        assert_eq!(value(&store, &key("other")).await.unwrap(), b"written");
        assert_eq!(counts.take().reads(), 0, "what was written was not let go of");
        // An erasure ends what is remembered, whether or not it was let go of before.
        gate.add_permits(100_000);
        store.evict_idle();
        store.erase_partition(partition(1)).await.unwrap();
        assert!(value(&store, &key("other")).await.is_none() && value(&store, &row).await.is_none());
        // A conflict shows what another has written, also of a row that is about to go.
        committed(&store, put(key("row"), "ours")).await;
        let ours = store.get(partition(1), &row, NOW).await.unwrap().unwrap().version;
        committed(&beneath, put(key("row"), "another's")).await;
        store.evict_idle();
        let mut batch = put(key("other"), "based on it");
        batch.expect_version(key("row"), ours);
        assert_eq!(store.commit(batch).await.unwrap(), Commit::Conflict(key("row")));
        assert_eq!(value(&store, &row).await.unwrap(), b"another's");
    });
}

/// A store that keeps nothing: what is in memory is the cache's.
struct Sieve(MemoryStore);

impl StoreWrapper for Sieve {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    async fn pass_commit(&self, _: Batch) -> Result<Commit, StoreError> {
        Ok(Commit::Committed(Version::new(1)))
    }
}

/// What the documentation says a row takes beside its name and its value.
const MOST_BESIDE: i64 = 320;

#[test]
fn a_row_takes_no_more_memory_than_is_said_and_about_as_much_as_is_counted() {
    const NAME: i64 = 8;
    const VALUE: i64 = 100;
    let (mut taken, mut counted) = (0, 0);
    for rows in (500..4_000_i64).step_by(100) {
        let store = CachedStore::new(Sieve(MemoryStore::new()), 512 * MEBIBYTE);
        let held = allocation_counter::measure(|| {
            run(async {
                for number in 0..rows {
                    let mut batch = Batch::new(partition(1));
                    batch.put(Key::undated(SPACE, number.to_be_bytes().to_vec()), vec![0; 100]);
                    committed(&store, batch).await;
                }
            });
        });
        let beside = held.bytes_current / rows - NAME - VALUE;
        assert!(beside <= MOST_BESIDE, "{beside} bytes beside each of {rows}");
        (taken, counted) = (taken + held.bytes_current, counted + i64::try_from(store.bytes()).unwrap());
        let left = allocation_counter::measure(|| (0..2).for_each(|_| store.evict_idle()));
        // But for what a thread keeps once it has run something.
        assert!((0..256).contains(&(held.bytes_current + left.bytes_current)), "all of it goes");
    }
    eprintln!("{taken} bytes are taken, and {counted} counted");
    assert!((taken - counted).abs() < counted / 20, "{taken} bytes are taken, and {counted} counted");
}
