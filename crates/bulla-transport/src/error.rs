use bulla_envelope::InvalidEnvelope;
use thiserror::Error;

use crate::Incarnation;

/// Why a call to the carrier failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The network's or the carrier's: the call may or may not have been carried out. Repeat it after a while.
    #[error("the carrier cannot be reached or cannot answer now")]
    Unavailable {
        /// What happened, if it is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The caller's: a later incarnation of the address has connected. Stop; do not repeat.
    #[error("incarnation {} has been replaced by {}", ours.number(), highest.number())]
    Fenced {
        /// The incarnation that called.
        ours: Incarnation,
        /// The highest the carrier has seen.
        highest: Incarnation,
    },
    /// The caller's: nobody with this address has ever connected, or, when keys are asked for, left any.
    #[error("the carrier knows no such recipient")]
    UnknownRecipient,
    /// The caller's: the envelope names another sender than the caller.
    #[error("the envelope is not from the caller")]
    NotTheSender,
    /// The caller's: the id belongs to another envelope, or its time is not now.
    #[error("the envelope's id is {why}")]
    Id {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The caller's: what was sent is malformed or beyond a limit.
    #[error("the carrier refuses what was sent")]
    Invalid {
        /// What is wrong with it.
        #[source]
        source: InvalidEnvelope,
    },
}

impl TransportError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// [`TransportError::Unavailable`] because of `source`.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: Some(source.into()) }
    }
}

impl From<InvalidEnvelope> for TransportError {
    fn from(source: InvalidEnvelope) -> Self {
        Self::Invalid { source }
    }
}
