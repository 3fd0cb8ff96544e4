use std::sync::atomic::Ordering;

use bulla_store::{Batch, Commit, Store, StoreError};
use bulla_transparency::{Head, SignedCheckpoint};

use super::{DAMAGED, KeyLog, range_key};
use crate::{Carrier, trace_span};

/// Whether a log that stands still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum KeyLogResumption {
    /// It goes on, or never stood still.
    Resumed,
    /// It does not: what others have seen is not what is in the store. Leaves were lost that are signed.
    /// Begin another log, with another key, and give that to those who check.
    Lost {
        /// How many leaves there are here.
        here: u64,
        /// How many others have seen.
        seen: u64,
    },
    /// It does not: the checkpoint is not this log's.
    NotSigned,
    /// The carrier keeps no log.
    NoLog,
}

impl<S: Store> Carrier<S> {
    /// Has a log go on that stands still since the store was put back from a backup. `newest` is the newest
    /// checkpoint that anybody has seen: relays and devices keep theirs, and the host's own records may. With
    /// none the host says that the log with this key has never signed any.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Security
    /// A checkpoint that is not the newest leads to a second history, for which others have evidence.
    pub async fn resume_key_log(
        &self,
        newest: Option<&SignedCheckpoint>,
    ) -> Result<KeyLogResumption, StoreError> {
        let Some(log) = &self.key_log else { return Ok(KeyLogResumption::NoLog) };
        self.for_host(trace_span::for_host("resume key log"), self.try_resume(log, newest)).await
    }

    async fn try_resume(
        &self,
        log: &KeyLog,
        newest: Option<&SignedCheckpoint>,
    ) -> Result<KeyLogResumption, StoreError> {
        let _alone = log.appending.lock().await;
        let seen = match newest.map(|newest| newest.verify(log.signer.public())) {
            Some(Ok(seen)) => Some(seen),
            Some(Err(_)) => return Ok(KeyLogResumption::NotSigned),
            None => None,
        };
        let stored = self.stored_range(log).await?;
        let here = stored.range.size();
        if let Some(seen) = seen
            && !self.had(log, &seen, here).await?
        {
            return Ok(KeyLogResumption::Lost { here, seen: seen.size() });
        }
        let mut batch = Batch::new(log.partition);
        batch.expect(range_key(), stored.version);
        batch.put(range_key(), self.generation.with(&stored.range.to_bytes()));
        let Commit::Committed(_) = self.store.commit(batch).await? else { return Err(DAMAGED) };
        log.stands_still.store(false, Ordering::Relaxed);
        tracing::info!(leaves = here, "the log of keys goes on");
        Ok(KeyLogResumption::Resumed)
    }

    /// Whether the log, which has so many leaves, had this head.
    async fn had(&self, log: &KeyLog, head: &Head, leaves: u64) -> Result<bool, StoreError> {
        if head.size() > leaves {
            return Ok(false);
        }
        // Why the store fails stands in the trace.
        self.head_at(log, head.size()).await.map(|here| here == *head).map_err(|_| DAMAGED)
    }
}
