use std::sync::Arc;

use bulla_base::{Clock, Retries, Rng};
use bulla_transport::{BlobError, Caller};

use crate::limits::{ATTACHMENT_BACKOFF, MAX_ATTACHMENT_ATTEMPTS};

/// The calls about one blob: who makes them, and how they are repeated.
pub(super) struct Calls<B> {
    pub(super) blobs: B,
    pub(super) caller: Caller,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl<B> Calls<B> {
    pub(super) fn new(blobs: B, caller: Caller, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { blobs, caller, clock, rng }
    }

    /// The outcome of `call`, which is safe to repeat, and is while the carrier does not answer.
    pub(super) async fn repeated<R, F>(&self, call: impl Fn() -> F) -> Result<R, BlobError>
    where
        F: Future<Output = Result<R, BlobError>>,
    {
        let mut retries = Retries::new(ATTACHMENT_BACKOFF);
        loop {
            match call().await {
                Err(BlobError::Transport(error))
                    if error.may_pass() && retries.failures() + 1 < MAX_ATTACHMENT_ATTEMPTS =>
                {
                    let wait = retries.next_wait(&*self.rng);
                    self.clock.sleep(wait).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(super) fn rng(&self) -> &dyn Rng {
        &*self.rng
    }
}
