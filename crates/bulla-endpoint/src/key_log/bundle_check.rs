//! Whether the log has the key of a bundle.

use std::sync::Arc;

use bulla_base::{PhoneNumberId, Timestamp};
use bulla_envelope::{KeyBundle, LogEntry};
use bulla_store::{Store, StoreError};
use bulla_transparency::{InclusionProof, InvalidForm, KeyStatement, NotProven};
use thiserror::Error;

use super::comparison::Comparison;
use super::seen::Seen;
use super::{KeyLog, LogSource, OnSplitLog, SignedHead};

/// Why a bundle of a business is not used by who checks the carrier's log of keys. The move is the carrier's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotLogged {
    /// The bundle does not come with a proof.
    #[error("the keys come without a proof that the log has them")]
    Missing,
    /// A part of what should prove it is not of its form.
    #[error("what should prove that the log has the keys is malformed")]
    Malformed(#[source] InvalidForm),
    /// The leaf is about another business, or another key.
    #[error("the log has another key than the one that was given")]
    OtherKey,
    /// The leaf is not in the log that was signed.
    #[error("the keys are not proven to be in the log")]
    NotIncluded(#[source] NotProven),
    /// The log is not signed by its key, or is not proven to be of the history that was seen.
    #[error("the log is not proven to be the one that was seen before")]
    Unproven,
    /// The carrier has signed two histories, so nothing of it is believed.
    #[error("the carrier has shown two histories of its log")]
    Split,
}

impl KeyLog {
    /// Compares the log in which `bundle` says that its key stands with what was seen, asking the carrier
    /// where it takes a proof. To be called before [`Peer::begin`](crate::Peer::begin), which refuses what
    /// was not compared. Gives the evidence, if it was found now: the carrier has signed two histories.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// As of one head for [`settle`](Self::settle); nothing if that was seen before.
    pub async fn look_at<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        bundle: &KeyBundle,
        now: Timestamp,
    ) -> Result<Option<Arc<str>>, StoreError> {
        let Some(head) = bundle.log.as_ref().and_then(signed_head) else { return Ok(None) };
        if self.evidence().is_some() {
            return Ok(None);
        }
        let _alone = self.0.comparing.lock().await;
        match self.compare(store, source, head, now).await? {
            Comparison::Split(evidence) => Ok(Some(evidence)),
            _ => Ok(None),
        }
    }

    /// Whether the log has the key of `bundle`, which is one of `business`.
    pub(crate) fn admits(&self, business: PhoneNumberId, bundle: &KeyBundle) -> Result<(), NotLogged> {
        let is_split = self.evidence().is_some();
        if is_split && self.0.on_split == OnSplitLog::StopNewSessions {
            return Err(NotLogged::Split);
        }
        let entry = bundle.log.as_ref().ok_or(NotLogged::Missing)?;
        let bytes = signed_head(entry).ok_or(NotLogged::Unproven)?;
        let statement = KeyStatement::from_bytes(&entry.statement).map_err(NotLogged::Malformed)?;
        let proof = InclusionProof::from_bytes(&entry.inclusion).map_err(NotLogged::Malformed)?;
        if statement.business() != business || statement.key().as_bytes()[..] != bundle.identity[..] {
            return Err(NotLogged::OtherKey);
        }
        // Who goes on although there are two histories takes either.
        if !is_split && !self.state().is_proven(&bytes) {
            return Err(NotLogged::Unproven);
        }
        let seen = Seen::verify(&self.0.key, bytes).map_err(|_| NotLogged::Unproven)?;
        proof.verify(&statement.leaf_hash(), &seen.head).map_err(NotLogged::NotIncluded)
    }
}

fn signed_head(entry: &LogEntry) -> Option<SignedHead> {
    entry.signed_head[..].try_into().ok()
}
