//! What users tell of the carrier's log of keys. The relay hears from all of them, so it is their witness.

use std::sync::Arc;

use bulla_endpoint::{KeyLog, LogSource, Settled};
use bulla_store::Store;
use bulla_transport::{Caller, Transport, TransportError};
use bytes::Bytes;

use super::active_business::ActiveBusiness;
use super::{Inner, Relay};
use crate::metrics::LOG_HEADS;
use crate::{EventSink, Report};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The newest head of the carrier's log of keys that was seen, as a signed checkpoint in the form of
    /// C2SP. Nothing before the first, and if [`Settings::key_log`](crate::Settings::key_log) is not set.
    ///
    /// Keep it where the carrier's operator finds it: it is what shows, after the carrier was put back from a
    /// backup, whether the log may go on.
    #[must_use]
    pub fn log_checkpoint(&self) -> Option<String> {
        self.0.key_log.as_ref().and_then(KeyLog::checkpoint)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Looks at the carrier's log for the first time, so that users hear of it in the first message that is
    /// sealed to them.
    pub(super) async fn begin_log(&self, tenant: &ActiveBusiness) {
        let Some(log) = &self.key_log else { return };
        let source = CarrierLog { transport: &self.transport, caller: &tenant.caller };
        if let Err(error) = log.begin(&self.store, &source, self.clock.now()).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what the log of keys is cannot be kept for now");
        }
    }

    /// Compares what users have told of the carrier's log, in a task of its own: nobody waits for the
    /// carrier's proofs. What is not compared is told again with the next message of whoever told it.
    pub(super) fn compare_logs(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>) {
        let is_asked = |log: &KeyLog| log.has_heard() || log.signed_head().is_none();
        if !self.key_log.as_ref().is_some_and(is_asked) {
            return;
        }
        let asking = Arc::clone(tenant);
        // If the business stops meanwhile, another compares.
        let _is_begun = self.spawn_for(tenant, None, move |inner| async move {
            let Some(log) = &inner.key_log else { return Ok(()) };
            inner.begin_log(&asking).await;
            let source = CarrierLog { transport: &inner.transport, caller: &asking.caller };
            match log.settle(&inner.store, &source, inner.clock.now()).await {
                Ok(settled) => inner.tell_settled(settled),
                // A store that has failed for good is met by others, too.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "what users tell of the log of keys is not compared for now");
                }
            }
            Ok(())
        });
    }

    /// Counts what comparing heads of the log came to, and tells the host of evidence.
    pub(super) fn tell_settled(&self, settled: Settled) {
        for (outcome, count) in settled.outcomes() {
            metrics::counter!(LOG_HEADS, "outcome" => outcome).increment(count);
        }
        if let Some(evidence) = settled.evidence {
            self.reports.tell(Report::LogSplit { evidence });
        }
    }
}

/// The carrier's log, as one business asks for it.
pub(super) struct CarrierLog<'a, T> {
    pub(super) transport: &'a T,
    pub(super) caller: &'a Caller,
}

impl<T: Transport> LogSource for CarrierLog<'_, T> {
    async fn head(&self) -> Option<Bytes> {
        self.transport.log_head(self.caller).await.inspect_err(unanswered).ok()
    }

    async fn consistency(&self, old: u64, new: u64) -> Option<(Bytes, Bytes)> {
        let proven = self.transport.log_consistency(self.caller, old, new).await;
        let proven = proven.inspect_err(unanswered).ok()?;
        Some((proven.old_root().clone(), proven.proof().clone()))
    }

    async fn leaves(&self, first: u64) -> Option<Vec<Bytes>> {
        let leaves = self.transport.log_leaves(self.caller, first).await;
        Some(leaves.inspect_err(unanswered).ok()?.into_vec())
    }
}

fn unanswered(error: &TransportError) {
    let error: &dyn std::error::Error = error;
    tracing::debug!(error, "the carrier does not prove what its log is");
}
