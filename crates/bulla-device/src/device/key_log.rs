//! What the device sees of the carrier's log of keys.

use std::sync::Arc;

use bulla_endpoint::{KeyLog, LogKey, LogSource, OnSplitLog};
use bulla_envelope::KeyBundle;
use bulla_store::{Store, StoreError};
use bulla_transport::{Caller, Transport, TransportError};
use bytes::Bytes;

use super::{Device, Inner};
use crate::DeviceError;
use crate::metrics::LOG_HEADS;

impl<S: Store, T: Transport> Device<S, T> {
    /// From now on the device takes keys of businesses only with the proof that the carrier's log of keys,
    /// the one with this `key`, has them; and it tells businesses what it has seen of the log, and compares
    /// what they tell, inside what is sealed. To be called when the device was opened, each time. False if it
    /// was told before, and goes on as it was told then.
    ///
    /// A business whose keys are not proven cannot be written to for the first time:
    /// [`SealError::NotLogged`](crate::SealError::NotLogged) says why. When the carrier has signed two
    /// histories, [`log_split`](Self::log_split) tells, and `on_split` says how the device goes on.
    ///
    /// # Errors
    /// When the store fails, or what it has seen of the log is damaged.
    ///
    /// # Cost
    /// 106 bytes of each message before the padding. Of a head that was not seen before: two multiplications
    /// on the curve, at most four calls of the carrier, and a commit if it is newer.
    ///
    /// # Security
    /// The key comes with the program, not from the carrier.
    pub async fn check_log(&self, key: LogKey, on_split: OnSplitLog) -> Result<bool, DeviceError> {
        let inner = &self.0;
        let log = KeyLog::open(&inner.store, key, on_split, inner.clock.now()).await?;
        Ok(inner.endpoint.check_with(log))
    }

    /// Waits until it is found that the carrier has signed two histories of its log of keys, and gives the
    /// evidence: the text of a file that anybody can check who has the log's public key. It is found once,
    /// and told again after a restart. Waits for ever if the log is not looked at.
    ///
    /// Cancel safe.
    pub async fn log_split(&self) -> Arc<str> {
        match self.0.endpoint.key_log() {
            Some(log) => log.split().await,
            None => std::future::pending().await,
        }
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Compares the log that `keys` came with, if the log is looked at. Whether they may be used is seen when
    /// the session begins.
    pub(super) async fn look_at_log(&self, keys: &KeyBundle) -> Result<(), StoreError> {
        let Some(log) = self.endpoint.key_log() else { return Ok(()) };
        let source = CarrierLog { transport: &self.transport, caller: &self.caller };
        let found = log.look_at(&self.store, &source, keys, self.clock.now()).await?;
        if found.is_some() {
            metrics::counter!(LOG_HEADS, "outcome" => "split").increment(1);
        }
        Ok(())
    }

    /// Compares what businesses have told of the log.
    pub(super) async fn compare_logs(&self) -> Result<(), StoreError> {
        let Some(log) = self.endpoint.key_log().filter(|log| log.has_heard()) else { return Ok(()) };
        let source = CarrierLog { transport: &self.transport, caller: &self.caller };
        let settled = log.settle(&self.store, &source, self.clock.now()).await?;
        for (outcome, count) in settled.outcomes() {
            metrics::counter!(LOG_HEADS, "outcome" => outcome).increment(count);
        }
        Ok(())
    }
}

/// The carrier's log, as the device asks for it.
struct CarrierLog<'a, T> {
    transport: &'a T,
    caller: &'a Caller,
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
}

fn unanswered(error: &TransportError) {
    let error: &dyn std::error::Error = error;
    tracing::debug!(error, "the carrier does not prove what its log is");
}
