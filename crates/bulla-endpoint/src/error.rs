use bulla_content::InvalidContent;
use bulla_envelope::InvalidEnvelope;
use bulla_store::StoreError;
use thiserror::Error;

use crate::{NotListed, NotLogged};

/// Why an endpoint could not be opened, or its keys not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The operator's: the disk.
    #[error("the endpoint's store failed")]
    Store(#[from] StoreError),
    /// Ours or the disk's: what is stored of the identity or a prekey is not as it was written.
    #[error("the stored {what} is damaged")]
    Damaged {
        /// What it is.
        what: &'static str,
    },
    /// The operator's: another instance works on the same store.
    #[error("another instance has changed the {what} in this store; stop one of the two")]
    Shared {
        /// What it changed.
        what: &'static str,
    },
}

/// Why nothing was sealed. The session is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The caller's: there is no session to seal in. Fetch the peer's keys and begin one.
    #[error("there is no session with this device")]
    NoSession,
    /// The carrier's: the keys it gave are unusable, or not signed by their owner.
    #[error("the peer's keys are unusable")]
    Keys(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The carrier's: it does not prove that its log of keys has the keys that it gave.
    #[error("the peer's keys are not proven to be in the carrier's log")]
    NotLogged(#[from] NotLogged),
    /// The carrier's, or the user's: the device is not proven to be one of the user's.
    #[error("the device is not proven to be one of the user's")]
    NotListed(#[from] NotListed),
    /// The host's: the peer has another identity than before, and sealing waits until it is approved.
    #[error("the peer has another identity than before; approve it to go on")]
    IdentityChanged,
    /// The caller's: an endpoint writes from a business to a user or the other way.
    #[error("one side of a conversation must be a business and the other a user")]
    NotAConversation,
    /// The caller's: what is to be sealed is larger than an envelope holds.
    #[error("the message does not fit into an envelope")]
    TooLarge(#[from] InvalidEnvelope),
    /// The caller's: what is said in an envelope of another kind would be metered as what it is not.
    #[error("the content is not of the kind that its envelope declares")]
    Kind,
    /// The operator's: the disk.
    #[error("the sessions could not be read")]
    Store(#[from] StoreError),
    /// Ours or the disk's: the stored sessions are not as they were written.
    #[error("the stored sessions are damaged")]
    Damaged,
}

/// Why an envelope was not opened. The sessions are as they were, and nothing of it may be shown.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nobody's: it was opened before. Acknowledge it.
    #[error("the envelope was opened before")]
    Duplicate,
    /// The peer's: it opens in no session, or starts none. Acknowledge it; it is lost unless the peer sends
    /// it again.
    #[error("the envelope cannot be opened")]
    Undecipherable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The carrier's, or the user's: who has sent it is not known to be a device of the user. Acknowledge it
    /// if that is not to be shown; it is lost unless the device sends it again once it is listed.
    #[error("the envelope is of a device that is not known to be the user's")]
    NotListed,
    /// The caller's: it is not for this endpoint, or not between a business and a user.
    #[error("the envelope is not for this endpoint")]
    NotForUs,
    /// The operator's: the disk. Do not acknowledge; open it again later.
    #[error("a prekey or the sessions could not be read")]
    Store(#[from] StoreError),
    /// Ours or the disk's: a stored prekey is not as it was written.
    #[error("a stored {what} is damaged")]
    Damaged {
        /// What it is.
        what: &'static str,
    },
}

/// Why an opened envelope says nothing: its seal is good and its step counts, but its content does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The peer's: the content is malformed, or says something beyond a limit.
    #[error("the content cannot be read")]
    Content(#[from] InvalidContent),
    /// The peer's: the content is not of the kind that its envelope declares, by which it was metered.
    #[error("the content is not of the kind that its envelope declares")]
    Kind,
    /// The peer's: the franking tag on the envelope is not that of its content, so it could never be
    /// reported.
    #[error("the franking tag does not belong to the content")]
    Franking,
}

impl Unreadable {
    /// A name for counters, such as `malformed`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Content(_) => "malformed",
            Self::Franking => "franking",
            Self::Kind => "kind",
        }
    }
}
