//! The stores that others test with do what they say.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, Day, ManualClock, Partition, Timestamp};
use bulla_store::{
    Batch, Commit, CopyingStore, Failure, FaultyStore, Key, MemoryStore, Pause, Scan, SlowStore, Space,
    Store, StoreCall, StoreError, StoreWrapper, conformance,
};
use tokio::sync::Semaphore;

use crate::run;

const ALICE: Partition = Partition::from_bytes([1; 16]);
const SPACE: Space = Space::new(7);
const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

fn key() -> Key {
    Key::undated(SPACE, "row")
}

fn put() -> Batch {
    let mut batch = Batch::new(ALICE);
    batch.put(key(), "value");
    batch
}

async fn is_there<S: Store>(store: &S) -> bool {
    store.get(ALICE, &key(), NOW).await.unwrap().is_some()
}

/// Polls `call` once, which has to wait.
async fn waits<T>(call: &mut (impl Future<Output = T> + Unpin)) {
    tokio::select! {
        biased;
        _ = call => panic!("it should wait"),
        () = std::future::ready(()) => {}
    }
}

fn poisoned() -> StoreError {
    StoreError::Poisoned { source: None }
}

#[test]
fn without_plan_or_pause_they_keep_every_rule() {
    run(conformance::all(async || FaultyStore::new(MemoryStore::new())));
    run(conformance::all(async || CopyingStore::new(MemoryStore::new())));
    run(conformance::all(async || SlowStore::new(MemoryStore::new())));
    run(conformance::all(async || SlowStore::new(MemoryStore::new()).finishing_commits()));
}

#[test]
fn every_call_about_rows_fails_when_all_are_to() {
    run(async {
        let store = FaultyStore::new(MemoryStore::new());
        let (scan, key) = (Scan::undated(SPACE), key());
        store.fail_all(poisoned);
        assert!(matches!(store.commit(put()).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.get(ALICE, &key, NOW).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.scan(ALICE, &scan, NOW).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.keys(ALICE, &scan, NOW).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.counters(SPACE, b"", None).await, Err(StoreError::Poisoned { .. })));
        assert!(matches!(store.erase_partition(ALICE).await, Err(StoreError::Poisoned { .. })));
        // What is not about rows passes.
        store.drop_days_before(Day::from_number(1)).await.unwrap();
        assert_eq!(store.upkeep().await.unwrap(), None);
        store.recover();
        assert!(!is_there(&store).await, "the commit was not carried out");
    });
}

#[test]
fn as_many_calls_pass_as_are_to() {
    run(async {
        let store = FaultyStore::new(MemoryStore::new());
        store.clone().fail_after(2, || Failure::Refused(StoreError::Closed));
        assert!(!is_there(&store).await && !is_there(&store).await);
        for _ in 0..2 {
            assert!(matches!(store.get(ALICE, &key(), NOW).await, Err(StoreError::Closed)));
        }
    });
}

#[test]
fn a_lost_answer_is_of_a_commit_that_was_carried_out_and_one_that_hangs_was_not() {
    run(async {
        for (failure, is_carried_out) in [(false, true), (true, false)] {
            let store = FaultyStore::new(MemoryStore::new());
            store.fail_when(move |call| {
                let failure = || if failure { Failure::Hangs } else { Failure::AnswerLost(poisoned()) };
                call.is_commit().then(failure)
            });
            if is_carried_out {
                assert!(matches!(store.commit(put()).await, Err(StoreError::Poisoned { .. })));
            } else {
                waits(&mut Box::pin(store.commit(put()))).await;
            }
            assert_eq!(is_there(&store).await, is_carried_out);
        }
    });
}

#[test]
fn a_call_is_carried_out_between_its_pauses() {
    run(async {
        let gates = [Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0))];
        let [before, after] = gates.clone().map(|gate| {
            move |call: &StoreCall<'_>| {
                let (gate, is_commit) = (gate.clone(), call.is_commit());
                Pause::until(async move {
                    if is_commit {
                        gate.acquire().await.unwrap().forget();
                    }
                })
            }
        });
        let store = SlowStore::new(MemoryStore::new()).before(before).after(after);
        let mut commit = Box::pin(store.commit(put()));
        waits(&mut commit).await;
        assert!(!is_there(&store).await);
        gates[0].add_permits(1);
        waits(&mut commit).await;
        assert!(is_there(&store).await);
        gates[1].add_permits(1);
        assert!(matches!(commit.await.unwrap(), Commit::Committed(_)));
    });
}

#[test]
fn a_commit_nobody_waits_for_is_finished_only_by_a_store_that_does_so() {
    run(async {
        let slow =
            || SlowStore::new(MemoryStore::new()).before(|call| Pause::turns(usize::from(call.is_commit())));
        for (store, is_finished) in [(slow(), false), (slow().finishing_commits(), true)] {
            let mut commit = Box::pin(store.commit(put()));
            waits(&mut commit).await;
            drop(commit);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            assert_eq!(is_there(&store).await, is_finished);
        }
    });
}

#[test]
fn a_span_is_waited_for_by_the_clock_of_the_test() {
    run(async {
        let clock = Arc::new(ManualClock::new(NOW));
        let (by, minute) = (clock.clone(), Duration::from_secs(60));
        let store = SlowStore::new(MemoryStore::new()).after(move |_| Pause::span(by.clone(), minute));
        assert!(!is_there(&store).await);
        assert_eq!(clock.now(), NOW.after(minute));
        assert!(!is_there(store.inner()).await);
        assert_eq!(clock.now(), NOW.after(minute), "the store beneath is as fast as ever");
    });
}
