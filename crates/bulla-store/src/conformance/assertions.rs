//! What the rules are written with.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bulla_base::{Partition, Timestamp};

use crate::{Batch, Commit, Counter, Key, Record, Scan, Space, Store, StoreError, Version, Watch};

pub(super) const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
pub(super) const BOB: Partition = Partition::from_bytes([0xb0; 16]);
pub(super) const SPACE: Space = Space::new(7);
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

#[track_caller]
#[expect(
    clippy::panic,
    reason = "an engine that breaks a rule is told so by a panic; that is what this module is for"
)]
pub(super) fn broken(rule: &str, found: impl Debug) -> ! {
    panic!("the engine breaks a rule: {rule}; found {found:?}")
}

#[track_caller]
pub(super) fn same<T: PartialEq + Debug>(rule: &str, found: T, expected: T) {
    if found != expected {
        broken(rule, (found, "instead of", expected));
    }
}

#[track_caller]
pub(super) fn holds(rule: &str, holds: bool) {
    if !holds {
        broken(rule, holds);
    }
}

pub(super) fn key(name: &'static str) -> Key {
    Key::undated(SPACE, name)
}

pub(super) fn dated(day: u32, name: &'static str) -> Key {
    Key::dated(SPACE, NOW.day().minus(day), name)
}

/// A batch on Alice's partition that puts `value` under `key`.
pub(super) fn put(key: &Key, value: &'static str) -> Batch {
    let mut batch = Batch::new(ALICE);
    batch.put(key.clone(), value);
    batch
}

pub(super) async fn commit(store: &impl Store, batch: Batch) -> Commit {
    succeed("a commit within all bounds succeeds or conflicts", store.commit(batch).await)
}

pub(super) async fn committed(store: &impl Store, batch: Batch) -> Version {
    match commit(store, batch).await {
        Commit::Committed(version) => version,
        Commit::Conflict(key) => broken("a batch whose expectations hold is committed", key),
    }
}

pub(super) async fn get(store: &impl Store, partition: Partition, key: &Key) -> Option<Record> {
    succeed("a record can be read", store.get(partition, key, NOW).await)
}

/// The value of Alice's record under `key`, as text.
pub(super) async fn value(store: &impl Store, key: &Key) -> Option<String> {
    get(store, ALICE, key).await.map(|record| String::from_utf8_lossy(&record.value).into_owned())
}

pub(super) async fn scan(store: &impl Store, scan: &Scan) -> Vec<Key> {
    let records = succeed("records can be scanned", store.scan(ALICE, scan, NOW).await);
    records.into_iter().map(|(key, _)| key).collect()
}

pub(super) async fn count(store: &impl Store, counter: &Counter) -> u64 {
    let page = succeed("counters can be read", store.counters(counter.space(), counter.name(), None).await);
    page.into_iter().find(|(found, _)| found == counter).map_or(0, |(_, count)| count)
}

#[track_caller]
pub(super) fn succeed<T>(rule: &str, result: Result<T, StoreError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => broken(rule, error),
    }
}

/// Runs all futures at once, in the caller's task.
pub(super) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::with_capacity(running.len());
    poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
}

/// Whether `future` is ready now, without waiting.
fn is_ready(future: impl Future) -> bool {
    let mut future = std::pin::pin!(future);
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Whether `watch` was told of something since it was last asked.
///
/// A commit tells watches before it returns, so this waits for nothing: an engine that never wakes its
/// watches is told so, and does not hang the suite.
pub(super) async fn is_told(watch: &mut Watch) -> bool {
    // What runs us may ration what a task finds ready at one time.
    give_way().await;
    is_ready(watch.changed())
}

/// Lets whatever runs this do something else first.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
