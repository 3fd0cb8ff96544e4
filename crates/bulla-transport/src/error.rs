use std::time::Duration;

use bulla_base::{DeviceSet, Timestamp};
use bulla_envelope::InvalidEnvelope;
use thiserror::Error;

use crate::{IdentityProblem, Incarnation, Restriction};

/// Why a call to the carrier failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The network's: the call may or may not have been carried out. Repeat it after a while.
    #[error("the carrier cannot be reached or cannot answer now")]
    Unavailable {
        /// What happened, if it is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The carrier's operator's: the carrier's store or another of its parts has failed. The call may or may
    /// not have been carried out. Repeat it after a while; until the operator has mended it, it will not
    /// succeed.
    #[error("the carrier has failed")]
    CarrierFailed {
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller's: it has been replaced. Stop; do not repeat.
    #[error("{}", fenced(*ours, *highest, *reinstalled))]
    Fenced {
        /// The incarnation that called.
        ours: Incarnation,
        /// The highest the carrier has seen.
        highest: Incarnation,
        /// Whether that is one of another installation, which has proven that the number is its own since.
        reinstalled: bool,
    },
    /// The caller's: it has not proven that the number is its own. Have the user prove it, and register anew.
    #[error("the number was not proven to be the caller's")]
    Unproven,
    /// The caller's: it has not proved on this connection that it holds its identity key. A transport to
    /// which [a signer was handed](crate::Transport::identify) proves it by itself and repeats the call; who
    /// sees this has handed over none for this installation, or the two sides do not agree on how a proof is
    /// bound to a connection. Nothing was carried out, and the same call may be made again.
    #[error("the caller's identity was not proved: {}", problem.label())]
    Unauthenticated {
        /// What is missing.
        problem: IdentityProblem,
    },
    /// The caller's: the number was tried to be registered too often with a proof that is none. Come again
    /// later.
    #[error("there were too many attempts to register the number; come again in {} s", retry_after.as_secs())]
    TooManyAttempts {
        /// When to come again.
        retry_after: Duration,
    },
    /// The caller's: nobody with this address has ever connected.
    #[error("the carrier knows no such recipient")]
    UnknownRecipient,
    /// The caller's: the recipient has other devices than the envelope goes to, or than the one whose keys
    /// were asked for. Seal the message for each of them and let go of the others, and hand it over again.
    #[error("the recipient has other devices than the caller knows of")]
    Devices {
        /// Those that it has.
        now: DeviceSet,
    },
    /// The caller's: its user has removed it. Register it anew, or stop.
    #[error("the device was removed")]
    Removed,
    /// The recipient's: it has not left usable keys (yet). Ask again when it has been online.
    #[error("the recipient has left no usable keys")]
    NoKeys,
    /// The caller's: the envelope is sealed for an installation that is no more. Fetch the recipient's keys,
    /// and seal in a new session.
    #[error("the recipient has another installation than the envelope is sealed for")]
    Reinstalled,
    /// The caller's: the envelope names another sender than the caller.
    #[error("the envelope is not from the caller")]
    NotTheSender,
    /// The caller's: the id belongs to another envelope, or its time is not now.
    #[error("the envelope's id is {why}")]
    Id {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The carrier's: it keeps no log of keys, or not as far as it was asked for.
    #[error("the carrier has no such log of keys")]
    NoLog,
    /// The carrier's: it takes no reports.
    #[error("the carrier takes no reports")]
    NoReports,
    /// The carrier's: it has no statement of that period for the caller.
    #[error("the carrier has no such statement")]
    NoStatement,
    /// The caller's: a message of the report was not sent as it says, or so long ago that nobody can tell any
    /// more. Which, the caller is not told.
    #[error("a message of the report was not sent as it says")]
    NotProven,
    /// The caller's: for what it did before, the carrier lets it write to nobody, or to nobody new. Nothing
    /// was carried out. What it has to say goes again when that is over, or an appeal was granted.
    #[error("the business is {}", restriction.label())]
    Restricted {
        /// What holds.
        restriction: Restriction,
        /// Until when, if that is known.
        until: Option<Timestamp>,
    },
    /// The caller's: it writes to new users faster than it ever has, and what they think of it is not known
    /// yet. Nothing was carried out. Come again later.
    #[error("the business writes to new users faster than it may; come again in {} s", retry_after.as_secs())]
    TooFast {
        /// When to come again.
        retry_after: Duration,
    },
    /// The caller's: it has written to as many users outside their windows in 24 hours as its tier allows.
    /// Nothing was carried out.
    #[error("as many users as may be were written to first; come again in {} s", retry_after.as_secs())]
    MessagingLimit {
        /// When one of them counts no more.
        retry_after: Duration,
    },
    /// The recipient's: they have got as many messages that promote something as anybody gets, from whichever
    /// businesses. Nothing was carried out.
    #[error("the user gets no more promotions now; come again in {} s", retry_after.as_secs())]
    MarketingLimit {
        /// When they get another.
        retry_after: Duration,
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
    /// [`TransportError::Unavailable`] because of `source`.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: Some(source.into()) }
    }

    /// [`TransportError::CarrierFailed`] because of `source`.
    pub fn carrier_failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::CarrierFailed { source: source.into() }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        // Who is not known by its proof has one to give: what it had to send waits until it is.
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::CarrierFailed { .. }
                | Self::Unauthenticated { .. }
                | Self::TooFast { .. }
        )
    }
}

fn fenced(ours: Incarnation, highest: Incarnation, reinstalled: bool) -> String {
    match reinstalled {
        true => "another installation has registered the number".to_owned(),
        false => format!("incarnation {} has been replaced by {}", ours.number(), highest.number()),
    }
}

impl From<InvalidEnvelope> for TransportError {
    fn from(source: InvalidEnvelope) -> Self {
        Self::Invalid { source }
    }
}
