use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, Partition, Timestamp};

use crate::store_call::StoreCall;
use crate::{
    Batch, Commit, Counter, Key, Record, Scan, Space, Store, StoreError, StoreWrapper, erase_by_page,
};

/// A store whose calls take as long as they are told to: for tests of what meets while a store is at work.
///
/// It is asked how long to [pause](Pause) [before](Self::before) and [after](Self::after) each [`StoreCall`],
/// both when the call comes; at first it pauses nowhere. Whoever leaves during the pause before a call takes
/// the call back, unless it is a commit of a store that [finishes](Self::finishing_commits) them. Clones
/// share the store beneath.
///
/// An erasure goes page by page through this wrapper, so that each step of it takes its time: put it beneath
/// a vault, not over one. A sweep, upkeep and closing pass as they came.
///
/// ```
/// use bulla_store::{StoreCall, MemoryStore, Pause, SlowStore};
///
/// // Others go first, three times, before any row is read.
/// let store = SlowStore::new(MemoryStore::new())
///     .before(|call: &StoreCall<'_>| Pause::turns(if call.is_commit() { 0 } else { 3 }));
/// # let _ = store;
/// ```
pub struct SlowStore<S> {
    beneath: Arc<S>,
    before: Pace,
    after: Pace,
    finishes: bool,
}

type Pace = Arc<dyn Fn(&StoreCall<'_>) -> Pause + Send + Sync>;

/// What a [`SlowStore`] waits for, before or after a call.
pub struct Pause(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Pause {
    /// Waits for nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::until(std::future::ready(()))
    }

    /// Lets the other tasks go first, so many times.
    #[must_use]
    pub fn turns(count: usize) -> Self {
        Self::until(async move {
            for _ in 0..count {
                tokio::task::yield_now().await;
            }
        })
    }

    /// Waits for `span` by `clock`.
    #[must_use]
    pub fn span(clock: Arc<dyn Clock>, span: Duration) -> Self {
        Self::until(async move { clock.sleep(span).await })
    }

    /// Waits until `event`, such as a gate that the test opens.
    #[must_use]
    pub fn until(event: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(event))
    }
}

impl<S: Store> SlowStore<S> {
    /// Passes everything on to `beneath` at once.
    #[must_use]
    pub fn new(beneath: S) -> Self {
        let at_once: Pace = Arc::new(|_| Pause::none());
        Self { beneath: Arc::new(beneath), before: Arc::clone(&at_once), after: at_once, finishes: false }
    }

    /// Each call waits for this before it is carried out.
    #[must_use]
    pub fn before(mut self, pace: impl Fn(&StoreCall<'_>) -> Pause + Send + Sync + 'static) -> Self {
        self.before = Arc::new(pace);
        self
    }

    /// The answer to each call waits for this after it was carried out. Watches are told before it.
    #[must_use]
    pub fn after(mut self, pace: impl Fn(&StoreCall<'_>) -> Pause + Send + Sync + 'static) -> Self {
        self.after = Arc::new(pace);
        self
    }

    /// A commit that has begun is finished whether or not anybody waits for it, as a disk's is. It runs in a
    /// task of its own, for which a runtime has to be there.
    #[must_use]
    pub fn finishing_commits(mut self) -> Self {
        self.finishes = true;
        self
    }

    fn pauses(&self, call: &StoreCall<'_>) -> (Pause, Pause) {
        ((self.before)(call), (self.after)(call))
    }
}

async fn between<T: Send>((before, after): (Pause, Pause), call: impl Future<Output = T> + Send) -> T {
    before.0.await;
    let answer = call.await;
    after.0.await;
    answer
}

impl<S: Store> StoreWrapper for SlowStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.beneath
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let (pauses, beneath) = (self.pauses(&StoreCall::Commit(&batch)), Arc::clone(&self.beneath));
        let commit = between(pauses, async move { beneath.commit(batch).await });
        if !self.finishes {
            return commit.await;
        }
        match tokio::spawn(commit).await {
            // In a task of its own, since real engines finish a commit whoever has given it up.
            Ok(outcome) => outcome,
            // A panic is the test's to see, wherever it was; otherwise the runtime is on its way out.
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Closed),
            },
        }
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        between(self.pauses(&StoreCall::Get(of, key)), self.beneath.get(of, key, now)).await
    }

    async fn pass_scan(
        &self,
        of: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        between(self.pauses(&StoreCall::Scan(of, scan)), self.beneath.scan(of, scan, now)).await
    }

    async fn pass_keys(&self, of: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        between(self.pauses(&StoreCall::Keys(of, scan)), self.beneath.keys(of, scan, now)).await
    }

    async fn pass_counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        between(self.pauses(&StoreCall::Counters(space)), self.beneath.counters(space, prefix, after)).await
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
    }
}

impl<S> Clone for SlowStore<S> {
    fn clone(&self) -> Self {
        let (before, after) = (Arc::clone(&self.before), Arc::clone(&self.after));
        Self { beneath: Arc::clone(&self.beneath), before, after, finishes: self.finishes }
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for SlowStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowStore").field("finishes", &self.finishes).finish_non_exhaustive()
    }
}
