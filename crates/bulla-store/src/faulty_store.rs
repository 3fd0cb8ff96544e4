use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::{Partition, Timestamp};

use crate::store_call::StoreCall;
use crate::{
    Batch, Commit, Counter, Key, Record, Scan, Space, Store, StoreError, StoreWrapper, erase_by_page,
};

/// A store that fails when it is told to: for tests of what stands on a store.
///
/// A plan is asked about each [`StoreCall`] and says how it [fails](Failure), if it does; without a plan
/// every call passes. Clones share the plan and the store beneath, so a test keeps one and hands the other
/// over.
///
/// An erasure goes page by page through this wrapper, so that each step of it can fail: put it beneath a
/// vault, not over one. A sweep, upkeep and closing pass as they came.
///
/// ```
/// use bulla_store::{StoreCall, Failure, FaultyStore, MemoryStore, StoreError};
///
/// let store = FaultyStore::new(MemoryStore::new());
/// // The disk dies: no write succeeds any more.
/// store.fail_when(|call: &StoreCall<'_>| {
///     call.is_commit().then(|| Failure::Refused(StoreError::Poisoned { source: None }))
/// });
/// store.recover();
/// ```
pub struct FaultyStore<S> {
    beneath: Arc<S>,
    plan: Arc<Mutex<Option<Plan>>>,
}

type Plan = Box<dyn FnMut(&StoreCall<'_>) -> Option<Failure> + Send>;

/// How a call fails.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It is not carried out, and this is the answer.
    Refused(StoreError),
    /// It is carried out, and this is the answer all the same.
    AnswerLost(StoreError),
    /// It is not carried out, and never answered.
    Hangs,
}

impl<S: Store> FaultyStore<S> {
    /// Passes everything on to `beneath` until it is given a plan.
    #[must_use]
    pub fn new(beneath: S) -> Self {
        Self { beneath: Arc::new(beneath), plan: Arc::default() }
    }

    /// From now on each call fails as `plan` says.
    pub fn fail_when(&self, plan: impl FnMut(&StoreCall<'_>) -> Option<Failure> + Send + 'static) {
        self.set(Some(Box::new(plan)));
    }

    /// After so many `calls` that still pass, each fails in this way.
    pub fn fail_after(&self, calls: usize, failure: impl Fn() -> Failure + Send + 'static) {
        let mut left = calls;
        self.fail_when(move |_| {
            let passes = left > 0;
            left = left.saturating_sub(1);
            (!passes).then(&failure)
        });
    }

    /// From now on no call is carried out, and this is the answer to each.
    pub fn fail_all(&self, error: impl Fn() -> StoreError + Send + 'static) {
        self.fail_after(0, move || Failure::Refused(error()));
    }

    /// From now on every call passes. One that hangs already goes on hanging.
    pub fn recover(&self) {
        self.set(None);
    }

    fn set(&self, plan: Option<Plan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn failure(&self, call: &StoreCall<'_>) -> Option<Failure> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|plan| plan(call))
    }
}

async fn carry_out<T: Send>(
    call: impl Future<Output = Result<T, StoreError>> + Send,
    failure: Option<Failure>,
) -> Result<T, StoreError> {
    match failure {
        None => call.await,
        Some(Failure::Refused(error)) => Err(error),
        Some(Failure::AnswerLost(error)) => {
            // What it came to is what nobody hears.
            let _ = call.await;
            Err(error)
        }
        Some(Failure::Hangs) => std::future::pending().await,
    }
}

impl<S: Store> StoreWrapper for FaultyStore<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.beneath
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let failure = self.failure(&StoreCall::Commit(&batch));
        carry_out(self.beneath.commit(batch), failure).await
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let failure = self.failure(&StoreCall::Get(of, key));
        carry_out(self.beneath.get(of, key, now), failure).await
    }

    async fn pass_scan(
        &self,
        of: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let failure = self.failure(&StoreCall::Scan(of, scan));
        carry_out(self.beneath.scan(of, scan, now), failure).await
    }

    async fn pass_keys(&self, of: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        let failure = self.failure(&StoreCall::Keys(of, scan));
        carry_out(self.beneath.keys(of, scan, now), failure).await
    }

    async fn pass_counters(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Vec<(Counter, u64)>, StoreError> {
        let failure = self.failure(&StoreCall::Counters(space));
        carry_out(self.beneath.counters(space, prefix, after), failure).await
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
    }
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self { beneath: Arc::clone(&self.beneath), plan: Arc::clone(&self.plan) }
    }
}

impl<S: Store + Default> Default for FaultyStore<S> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}
