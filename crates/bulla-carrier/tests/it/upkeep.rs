//! A carrier sees to its store by itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bulla_base::{Address, Clock, Day, SeededRng, Sleep, Timestamp};
use bulla_carrier::Carrier;
use bulla_store::{
    BoxStore, Failure, FaultyStore, MemoryStore, SYSTEM_PARTITION, Space, StoreCall, StoreError, StoreWrapper,
};
use bulla_transport::{Transport, TransportError};
use tokio::time::Instant;

use crate::{NOW, SHOP, alice, caller};

#[derive(Debug)]
pub(crate) struct VirtualClock(pub(crate) Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        NOW.after(self.0.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// Counts how often it is swept and kept up, and may not go on after so many times of the latter. Particular
/// to these tests: they are about upkeep, which a faulty store passes on.
#[derive(Clone, Default)]
struct Kept {
    rows: Arc<MemoryStore>,
    sweeps: Arc<AtomicUsize>,
    upkeeps: Arc<AtomicUsize>,
    dies_after: usize,
    /// Whether it may not go on when it is swept.
    is_dead: Arc<AtomicBool>,
}

impl StoreWrapper for Kept {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_drop(&self, _: Day) -> Result<(), StoreError> {
        if self.is_dead.load(Ordering::Relaxed) {
            return Err(full());
        }
        // The first fails, and that is no end.
        match self.sweeps.fetch_add(1, Ordering::Relaxed) {
            0 => Err(StoreError::Damaged { what: "day" }),
            _ => Ok(()),
        }
    }

    async fn pass_upkeep(&self) -> Result<Option<Duration>, StoreError> {
        match self.upkeeps.fetch_add(1, Ordering::Relaxed) + 1 {
            times if times > self.dies_after => Err(StoreError::Closed),
            _ => Ok(Some(Duration::from_secs(60))),
        }
    }
}

fn full() -> StoreError {
    StoreError::Poisoned { source: Some(io::Error::new(io::ErrorKind::StorageFull, "the disk is full")) }
}

async fn hours(count: u64) {
    let clock = VirtualClock(Instant::now());
    clock.sleep(Duration::from_secs(count * 3600 + 1)).await;
}

/// Nobody had called `sweep`, and a carrier's store grew for ever; nobody had a vault tick, and it never
/// forgot.
#[tokio::test(start_paused = true)]
async fn a_carrier_sweeps_and_keeps_up_its_store_until_it_is_closed() {
    let store = Kept { dies_after: usize::MAX, ..Kept::default() };
    let clock = Arc::new(VirtualClock(Instant::now()));
    let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
    hours(5).await;
    assert_eq!(store.sweeps.load(Ordering::Relaxed), 6);
    assert_eq!(store.upkeeps.load(Ordering::Relaxed), 5 * 60 + 1);
    carrier.close().await;
    hours(5).await;
    assert_eq!(store.sweeps.load(Ordering::Relaxed), 6, "it is closed");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_is_dropped_leaves_nothing_running() {
    let store = Kept { dies_after: usize::MAX, ..Kept::default() };
    let clock = Arc::new(VirtualClock(Instant::now()));
    drop(Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap());
    hours(5).await;
    assert!(store.sweeps.load(Ordering::Relaxed) <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_may_not_go_on_is_told() {
    let store = Kept { dies_after: 3, ..Kept::default() };
    let clock = Arc::new(VirtualClock(Instant::now()));
    let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
    assert!(matches!(&*carrier.stopped().await, StoreError::Closed));
    assert_eq!(store.upkeeps.load(Ordering::Relaxed), 4);
}

/// The carrier said in each answer that its store had failed for good, and its host was not told before the
/// next upkeep.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_in_a_call_is_told_at_once() {
    let store = FaultyStore::new(MemoryStore::new());
    let clock = Arc::new(VirtualClock(Instant::now()));
    let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
    store.fail_when(|call| call.is_commit().then(|| Failure::Refused(full())));
    let refused = carrier.connect(&caller(Address::business(SHOP), 1)).await;
    assert!(matches!(refused, Err(TransportError::CarrierFailed { .. })), "{refused:?}");
    assert_eq!(at_once(carrier.stopped()).await, "the disk is full");
}

/// What the disk said in the error, which is told without waiting.
async fn at_once(stopped: impl Future<Output = Arc<StoreError>>) -> String {
    tokio::select! {
        biased;
        why = stopped => match &*why {
            StoreError::Poisoned { source: Some(said) } => said.to_string(),
            other => panic!("{other:?}"),
        },
        () = tokio::task::yield_now() => panic!("nobody is told"),
    }
}

/// Only the caller heard that the store was dead, if it was the host that met it: the carrier was not
/// replaced until somebody sent something.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_in_a_call_of_the_host_is_told_at_once() {
    for call in 0..6 {
        let kept = Kept { dies_after: usize::MAX, ..Kept::default() };
        let store = FaultyStore::new(kept.clone());
        let clock = Arc::new(VirtualClock(Instant::now()));
        let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
        carrier.connect(&caller(Address::business(SHOP), 1)).await.unwrap();
        // The first of its upkeep, of which the sweep fails: that is no end.
        hours(0).await;
        kept.is_dead.store(true, Ordering::Relaxed);
        match call {
            // The business is struck off when all of it is erased.
            5 => store.fail_when(|call| match call {
                StoreCall::Commit(batch)
                    if batch.partition() == SYSTEM_PARTITION && batch.deletes().len() == 1 =>
                {
                    let listed = batch.deletes()[0].space() == Space::new(0x4a);
                    listed.then(|| Failure::Refused(full()))
                }
                _ => None,
            }),
            _ => store.fail_all(full),
        }
        let outcome = match call {
            0 => carrier.erase(&crate::erase::number(&alice())).await.map(drop),
            1 => carrier.bill(SHOP).await.map(drop),
            2 => carrier.stats().await.map(drop),
            3 => carrier.sweep().await,
            _ => carrier.erase_business(SHOP).await.map(drop),
        };
        assert!(matches!(outcome, Err(StoreError::Poisoned { source: Some(_) })), "{call}: {outcome:?}");
        assert_eq!(at_once(carrier.stopped()).await, "the disk is full", "{call}");
    }
}

/// The disk may be tried again, and then nothing has stopped.
#[tokio::test(start_paused = true)]
async fn a_call_of_the_host_that_may_pass_is_no_end() {
    let store = FaultyStore::new(MemoryStore::new());
    let clock = Arc::new(VirtualClock(Instant::now()));
    let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
    store.fail_all(|| StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() });
    assert!(carrier.bill(SHOP).await.is_err());
    store.recover();
    tokio::select! {
        biased;
        why = carrier.stopped() => panic!("{why:?}"),
        bill = carrier.bill(SHOP) => assert!(bill.is_ok()),
    }
}
