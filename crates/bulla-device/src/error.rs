use bulla_endpoint::{EndpointError, OpenError, SealError};
use bulla_store::StoreError;
use bulla_transport::TransportError;
use thiserror::Error;

/// Why a message was not sent. Nothing of it was stored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The caller's: there is no such business.
    #[error("the carrier knows no such business")]
    UnknownBusiness,
    /// The carrier's: it cannot be reached, and its keys are needed to write to this business first. Try
    /// again.
    #[error("the carrier cannot be reached")]
    Unavailable(#[source] TransportError),
    /// The carrier's or the business's: its keys are unusable, or of another identity than before.
    #[error("the message could not be sealed")]
    Seal(#[from] SealError),
    /// The user's: the disk.
    #[error("the message could not be stored")]
    Store(#[from] StoreError),
}

impl SendError {
    /// What it is called in counters and traces.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownBusiness => "unknown_business",
            Self::Unavailable(_) => "unavailable",
            Self::Seal(_) => "seal",
            Self::Store(_) => "store",
        }
    }
}

/// Why a device cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The user's: the disk.
    #[error("the device's store failed")]
    Store(#[from] StoreError),
    /// Ours or the disk's: the stored identity or a prekey is damaged.
    #[error("the device's identity could not be opened")]
    Identity(#[from] EndpointError),
    /// The user's: a later incarnation of the device, or another one that has proven the number to be its
    /// own, has taken its place. Stop, and open it nowhere again.
    #[error("the device has been replaced")]
    Replaced(#[source] TransportError),
    /// The user's: they have removed the device. Stop; or register it anew, with a proof.
    #[error("the device was removed")]
    Removed,
    /// The user's: the carrier wants it proven that the number is theirs. Register the device with a proof.
    #[error("the number has to be proven to the carrier; register the device with a proof")]
    Unproven,
    /// The carrier's.
    #[error("the carrier refused the device")]
    Transport(#[source] TransportError),
    /// Ours or the disk's: the sessions are damaged.
    #[error("the device's sessions could not be read")]
    Sessions(#[from] SealError),
    /// Ours or the disk's: a prekey needed to open a message could not be read.
    #[error("a message could not be opened for now")]
    Open(#[source] OpenError),
}

impl From<TransportError> for DeviceError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Fenced { .. } => Self::Replaced(error),
            TransportError::Removed => Self::Removed,
            TransportError::Unproven => Self::Unproven,
            error => Self::Transport(error),
        }
    }
}
