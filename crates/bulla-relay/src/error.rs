use std::sync::Arc;
use std::time::Duration;

use bulla_base::PhoneNumberId;
use bulla_content::InvalidContent;
use bulla_endpoint::{EndpointError, SealError, TransferError};
use bulla_store::StoreError;
use bulla_transport::{Incarnation, TransportError};
use thiserror::Error;

use crate::limits::RETRY_AFTER;
use crate::{InvalidSettings, Rule, SuspendedPart, TemplateRefusal};

/// Why a message of a business was not accepted. Nothing of it was stored, counted or sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The caller's move: the relay does not speak for this number.
    #[error("the relay does not speak for the number {business}")]
    UnknownBusiness {
        /// The number asked for.
        business: PhoneNumberId,
    },
    /// The caller's move: the message breaks a bound of content.
    #[error("the message cannot be sent as it is")]
    Content(#[from] InvalidContent),
    /// The caller's move: a part of the message is too long.
    #[error("{field} has {actual} {unit}, more than the {limit} allowed")]
    TooLong {
        /// Which part.
        field: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The caller's move: the message that is answered or reacted to belongs to another conversation.
    #[error("the message named by {field} is not of this conversation")]
    OtherConversation {
        /// Which part named it.
        field: &'static str,
    },
    /// The caller's move: no message exchanged with this user lives, so the id leads to nobody.
    #[error("the user id leads to no user of this number")]
    UnknownUser,
    /// The caller's move: the business has blocked this user. Lift the block first.
    #[error("the user is blocked by the business")]
    Blocked,
    /// The caller's move: the number is [not registered](crate::Relay::set_registered).
    #[error("the number is not registered")]
    Deregistered,
    /// The caller's move: the business has uploaded no such media, or its time is over.
    #[error("there is no such media")]
    UnknownMedia,
    /// The caller's move: there is no such template, or it takes something else.
    #[error("the template cannot be sent as the message says")]
    Template(#[from] TemplateRefusal),
    /// The operator's: this relay was opened without a way to the carrier's blobs.
    #[error("the relay has no way to bring media to the carrier")]
    NoBlobs,
    /// The carrier's: it does not take the media.
    #[error("the media could not be brought to the carrier")]
    Attachment(#[source] TransferError),
    /// The caller's move: the idempotency key, or the tracking that is one, was used for another message.
    #[error("the {field} belongs to another message")]
    KeyReused {
        /// Which of the two.
        field: &'static str,
    },
    /// The caller's move: the user has not written for so long that no service message goes any more. It goes
    /// when the user writes again; a message of another category goes now.
    #[error("the user's service window is closed")]
    WindowClosed,
    /// The caller's move: one message more breaks a rule on how much may be sent. Send it again later.
    #[error("the {rule} is exhausted for {} ms", wait.as_millis())]
    Limited {
        /// Which rule.
        rule: Rule,
        /// After how long it is allowed, if nothing else is sent until then.
        wait: Duration,
    },
    /// The caller's move: as many messages to this user wait as can: for a rule, for the carrier, or for the
    /// user's new identity to be approved. Send it again later.
    #[error("{limit} messages to this user wait already")]
    TooManyWaiting {
        /// How many can wait.
        limit: u64,
    },
    /// The caller's move: as many calls as may be are being carried out, in all or about this user. Send it
    /// again.
    #[error("{limit} calls are being carried out already")]
    Busy {
        /// How many may be.
        limit: usize,
    },
    /// Nobody's: messages to as many users as may wait already, for the carrier or for a rule, in all or of
    /// this business; none to this user does, and none begins to now. Send it again later. The host sets how
    /// many ([`Settings::waiting_queues`](crate::Settings::waiting_queues)).
    #[error("messages to {limit} users wait already, which is as many as may")]
    Backlogged {
        /// How many may.
        limit: usize,
    },
    /// The carrier's: it cannot be reached, and its keys are needed to write to this user first. Try again.
    #[error("the carrier cannot be reached")]
    Unavailable(#[source] TransportError),
    /// The operator's: this relay may not seal, because a later one has taken its number over, or its store
    /// is an old copy.
    #[error("this relay has been replaced: its incarnation {} is not the latest", ours.number())]
    Fenced {
        /// The incarnation that was replaced.
        ours: Incarnation,
    },
    /// Nobody's: another relay on the store speaks for the number, and this one takes over when that is gone.
    /// Ask that one, or this one again.
    #[error("another relay speaks for the number {business}, and this one stands by")]
    StandsBy {
        /// The number.
        business: PhoneNumberId,
    },
    /// The operator's: the disk.
    #[error("the message could not be stored")]
    Store(#[from] StoreError),
    /// The peer's or the carrier's: its keys are unusable.
    #[error("the message could not be sealed")]
    Seal(#[source] SealError),
    /// The operator's: another relay writes to this store; stop one of the two. Or the store holds a record
    /// where it reads none, because the keys to it are gone.
    #[error(
        "a record of the conversation was in the way {attempts} times: another relay writes to this store, or a record there cannot be read"
    )]
    Contended {
        /// How often it was tried.
        attempts: usize,
    },
    /// The operator's: the conversation or the business has stopped by itself, because something of it cannot
    /// be read or may not go on. [`Relay::suspended`](crate::Relay::suspended) lists it.
    #[error("{part} is suspended until its operator resumes it")]
    Suspended {
        /// Which of the two.
        part: SuspendedPart,
        /// What has stopped it.
        #[source]
        why: Arc<RelayError>,
    },
    /// Nobody's: the keys of the business could not be read yet, and it is tried again.
    #[error("the relay is about to speak for the number {business}")]
    NotYet {
        /// The number.
        business: PhoneNumberId,
    },
    /// The operator's: the relay is closed or has stopped, and [`Relay::stopped`](crate::Relay::stopped)
    /// tells why. If it stopped while it was asked, it is unknown whether the message was accepted.
    #[error("the relay has stopped and accepts nothing until it is opened again")]
    Stopped,
    /// Ours or the host's: a port or the relay has panicked at this message; see the panic's own message. It
    /// is unknown whether it was accepted.
    #[error("the relay has panicked at this message")]
    Panicked,
}

impl SubmitError {
    /// The kind of refusal in a word, from a small fixed set: for counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownBusiness { .. } => "unknown business",
            Self::Content(_) => "content",
            Self::TooLong { .. } => "too long",
            Self::OtherConversation { .. } => "other conversation",
            Self::UnknownUser => "unknown user",
            Self::Blocked => "blocked",
            Self::Deregistered => "not registered",
            Self::UnknownMedia => "unknown media",
            Self::Template(_) => "template",
            Self::NoBlobs => "no blobs",
            Self::Attachment(_) => "attachment",
            Self::KeyReused { .. } => "key reused",
            Self::WindowClosed => "window closed",
            Self::Limited { rule, .. } => rule.name(),
            Self::TooManyWaiting { .. } => "waiting",
            Self::Busy { .. } => "busy",
            Self::Backlogged { .. } => "backlogged",
            Self::Unavailable(_) => "carrier",
            Self::Fenced { .. } => "fenced",
            Self::StandsBy { .. } => "stands by",
            Self::Store(_) => "store",
            Self::Seal(_) => "seal",
            Self::Contended { .. } => "in the way",
            Self::Suspended { .. } => "suspended",
            Self::NotYet { .. } => "not yet",
            Self::Stopped => "stopped",
            Self::Panicked => "panicked",
        }
    }

    /// After how long the same message may be accepted, when that is only a matter of time: as a rule has it,
    /// or [`RETRY_AFTER`] when nobody knows. Nothing when the caller or the operator has to do something
    /// first, or it is not known whether it was accepted.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { wait, .. } => Some(*wait),
            Self::Attachment(error) if error.may_pass() => Some(RETRY_AFTER),
            Self::TooManyWaiting { .. }
            | Self::Busy { .. }
            | Self::Backlogged { .. }
            | Self::Unavailable(_)
            | Self::Store(_)
            | Self::Contended { .. }
            | Self::Suspended { .. }
            | Self::StandsBy { .. }
            | Self::NotYet { .. } => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

/// Why a business was not added, changed, removed, erased or resumed, or a conversation not mended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BusinessError {
    /// The caller's move: the relay has the business already.
    #[error("the relay has the number {business} already")]
    Known {
        /// The number.
        business: PhoneNumberId,
    },
    /// The caller's move: the relay does not have the business.
    #[error("the relay does not have the number {business}")]
    Unknown {
        /// The number.
        business: PhoneNumberId,
    },
    /// The caller's move: what was to be resumed is not suspended.
    #[error("{part} is not suspended")]
    NotSuspended {
        /// What was to be resumed.
        part: SuspendedPart,
    },
    /// The operator's: the relay has the business and cannot speak for it.
    #[error("the number {business} is suspended until its operator resumes it")]
    Suspended {
        /// The number.
        business: PhoneNumberId,
        /// What keeps it from speaking.
        #[source]
        why: Arc<RelayError>,
    },
    /// Nobody's: others changed the conversation at the same time, at each attempt. Nothing was done.
    #[error("others were in the way; ask again")]
    Contended,
    /// The operator's: the disk.
    #[error("the store failed before it was done; ask again")]
    Store(#[source] StoreError),
    /// The operator's: the relay is closed or has stopped.
    #[error("the relay has stopped")]
    Stopped,
}

/// Why a message was not marked as read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MarkReadError {
    /// The caller's move: there is no such message from a user to this business, or its time is over.
    #[error("there is no such message")]
    UnknownMessage,
    /// As when a message is accepted.
    #[error("the receipt could not be sent")]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for MarkReadError {
    fn from(source: StoreError) -> Self {
        Self::Submit(SubmitError::Store(source))
    }
}

/// Why an erasure is not known to be done. Ask for it again; once it was begun it is also carried out before
/// anything else is written about the user, and when a relay is opened on the store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraseError {
    /// The operator's: the disk.
    #[error("the store failed before everything about the user was removed")]
    Store(#[from] StoreError),
    /// Nobody's: another relay acts on the store. Ask that one, or this one again when it has taken over.
    #[error("another relay acts on the store, and this one stands by")]
    StandsBy,
    /// The operator's: the relay is closed or has stopped.
    #[error("the relay has stopped")]
    Stopped,
}

/// Why a relay could not be started or had to stop, or [a part](crate::SuspendedPart) of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The operator's: no relay can run with these settings.
    #[error("the settings are not such that a relay can run with them")]
    Settings(#[from] InvalidSettings),
    /// The operator's: the disk.
    #[error("the relay's store failed")]
    Store(#[from] StoreError),
    /// The operator's: another relay writes to this store; stop one of the two. Or the store holds a record
    /// where it reads none, because the keys to it are gone.
    #[error(
        "a record of a conversation was in the way {attempts} times: another relay writes to this store, or a record there cannot be read"
    )]
    Contended {
        /// How often it was tried.
        attempts: usize,
    },
    /// The carrier's, or the operator's when the relay is fenced.
    #[error("the carrier refused the relay")]
    Transport(#[from] TransportError),
    /// Nobody's: another relay acts on the store ([`Settings::failover`](crate::Settings::failover)). This
    /// one takes over when that is gone.
    #[error("another relay acts on the store; this one takes over when that is gone")]
    StandsBy,
    /// The host's or ours: a task has panicked. What it was at is taken up when it is resumed, or a relay is
    /// opened on the store again.
    #[error("a task of the relay has panicked; see the panic's own message")]
    Panicked,
    /// The relay had to stop while it was being opened.
    #[error("the relay had to stop while it was being opened")]
    Stopped {
        /// Why.
        #[source]
        why: Arc<RelayError>,
    },
    /// Ours or the disk's: what the store holds of an identity or its keys cannot be read.
    #[error("the identity of the number {business} could not be opened")]
    Identity {
        /// Whose.
        business: PhoneNumberId,
        /// Why.
        #[source]
        source: EndpointError,
    },
}
