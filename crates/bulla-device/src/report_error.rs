use bulla_base::MessageId;
use bulla_integrity::InvalidForm;
use bulla_store::StoreError;
use bulla_transport::TransportError;
use thiserror::Error;

/// Why nothing was reported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The caller's: there are more messages than a report holds.
    #[error("{actual} messages are more than the {limit} that a report holds")]
    TooMany {
        /// How many there are.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Nobody's: the message did not come here, it is older than 30 days, or it came from a carrier that
    /// takes no reports.
    #[error("the message {id} cannot be reported from this device")]
    NotKept {
        /// Which.
        id: MessageId,
    },
    /// The caller's: there is no message, or one twice.
    #[error("it is no report")]
    Invalid(#[source] InvalidForm),
    /// The carrier's: it did not take the report.
    #[error("the carrier did not take the report")]
    Transport(#[from] TransportError),
    /// The user's: the disk.
    #[error("the device's store failed")]
    Store(#[from] StoreError),
}
