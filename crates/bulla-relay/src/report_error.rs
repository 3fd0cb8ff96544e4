use bulla_base::MessageId;
use bulla_integrity::InvalidForm;
use bulla_store::StoreError;
use bulla_transport::TransportError;
use thiserror::Error;

use crate::{ConfigurationError, SubmitError};

/// Why a user was not reported, or was and is not blocked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The caller's move: there are more messages than a report holds.
    #[error("{actual} messages are more than the {limit} that a report holds")]
    TooMany {
        /// How many there are.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The caller's move: there is no message, one twice, or they are not all of one user.
    #[error("it is no report: {0}")]
    Invalid(#[source] InvalidForm),
    /// Nobody's: there is no such message from the user, it is older than the relay keeps what a report takes
    /// ([`Settings::reportable_for`](crate::Settings::reportable_for)), or it came from a carrier that
    /// takes no reports.
    #[error("the message {id} cannot be reported")]
    NotKept {
        /// Which.
        id: MessageId,
    },
    /// The carrier's: it did not take the report. If it [may pass](TransportError::may_pass), ask again.
    #[error("the carrier did not take the report")]
    Transport(#[from] TransportError),
    /// The user is reported, and not blocked: block them by
    /// [`Relay::set_blocked`](crate::Relay::set_blocked).
    #[error("the user is reported, and not blocked")]
    NotBlocked(#[source] ConfigurationError),
    /// As when a message is accepted.
    #[error("the report could not be made")]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for ReportError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}
