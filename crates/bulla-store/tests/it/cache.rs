use std::sync::Arc;

use bulla_base::{Partition, Timestamp};
use bulla_store::{
    Batch, CachedStore, Commit, CountingStore, Counts, Failure, FaultyStore, Key, MemoryStore, Pause,
    Retention, SlowStore, Space, Store, conformance,
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
