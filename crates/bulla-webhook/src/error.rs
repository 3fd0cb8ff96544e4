use std::time::Duration;

use bulla_base::PhoneNumberId;
use bulla_relay::{SinkError, SinkErrorKind};
use thiserror::Error;

use crate::{AddressClass, UntrustedCertificate};

/// Why a business's web server does not have an update, or may not be given any.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The business's move, or the network's: the web server cannot be reached, or what it says is not HTTP.
    #[error("the webhook cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The business's move, or the resolver's: the name of the web server cannot be looked up.
    #[error("the webhook's host cannot be looked up")]
    UnknownHost(#[source] std::io::Error),
    /// The business's move, or the operator's: the web server stands where nothing may be called.
    #[error(
        "the webhook's host has no address but in a network that is not allowed ({kind}): \
         allow the network by name, or have the url changed"
    )]
    ForbiddenAddress {
        /// What the address is for.
        kind: AddressClass,
    },
    /// The business's move, or the operator's: nobody who is trusted certifies the web server.
    #[error("the web server's certificate is not trusted")]
    UntrustedCertificate(#[source] UntrustedCertificate),
    /// The operator's move: the URL is `https`, and the [`Connector`](crate::Connector) has nothing that
    /// speaks TLS.
    #[error(
        "the url is https, which is not spoken here: have the connector speak it, which is then told whom to trust"
    )]
    NoTls,
    /// The business's move: the call that was to show whether the silent web server answers again got no
    /// answer.
    #[error("the webhook is still silent")]
    StillSilent,
    /// The business's move, or the operator's: too many calls were waiting for their turn.
    #[error("the call was not made: it waited for its turn longer than {} seconds", limit.as_secs())]
    Busy {
        /// How long it may wait.
        limit: Duration,
    },
    /// The business's move: the web server took too long.
    #[error("the webhook did not answer within {} seconds", limit.as_secs())]
    TooSlow {
        /// How long it was given.
        limit: Duration,
    },
    /// The business's move: the web server answered something else than 200.
    #[error("the webhook answered {status}")]
    Status {
        /// What it answered.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The business's move: the web server did not answer the handshake with the challenge.
    #[error("the webhook did not answer the handshake with the challenge")]
    WrongChallenge,
    /// The business's move: the handshake that another update made while this one waited for it has failed.
    #[error("the webhook has just failed the handshake")]
    Unverified,
    /// The operator's move: the sink knows no webhook for this number.
    #[error("there is no webhook for the number {business}")]
    UnknownBusiness {
        /// The number.
        business: PhoneNumberId,
    },
    /// The operator's move, or the disk's: it is not known just now whether the business has a callback of
    /// its own.
    #[error("it is not known to which callback updates go")]
    UnknownCallback(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Ours: the relay tells something for which this version has no update.
    #[error("there is no update for this kind of event")]
    UnknownEvent,
    /// Ours: the request could not be made. Nobody outside can cause it.
    #[error("the request could not be made")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WebhookError {
    pub(crate) fn broken(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(source.into())
    }

    /// The same in one word, for counters.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::UnknownHost(_) => "unknown_host",
            Self::ForbiddenAddress { .. } => "forbidden_address",
            Self::UntrustedCertificate(_) => "untrusted_certificate",
            Self::NoTls => "no_tls",
            Self::StillSilent => "still_silent",
            Self::Busy { .. } => "busy",
            Self::TooSlow { .. } => "too_slow",
            Self::Status { .. } => "status",
            Self::WrongChallenge => "wrong_challenge",
            Self::Unverified => "unverified",
            Self::UnknownBusiness { .. } => "unknown_business",
            Self::UnknownCallback(_) => "unknown_callback",
            Self::UnknownEvent => "unknown_event",
            Self::Broken(_) => "broken",
        }
    }

    /// Whether it tells nothing but that another call failed a moment ago.
    pub(crate) const fn is_a_consequence(&self) -> bool {
        matches!(self, Self::StillSilent | Self::Unverified | Self::Busy { .. })
    }
}

impl From<WebhookError> for SinkError {
    fn from(source: WebhookError) -> Self {
        let kind = match &source {
            WebhookError::Unreachable(_)
            | WebhookError::UnknownHost(_)
            | WebhookError::ForbiddenAddress { .. }
            | WebhookError::UntrustedCertificate(_)
            | WebhookError::NoTls => SinkErrorKind::Unreachable,
            WebhookError::TooSlow { .. } | WebhookError::StillSilent | WebhookError::Busy { .. } => {
                SinkErrorKind::TimedOut
            }
            WebhookError::Status { status: 429 | 500.., .. } => SinkErrorKind::Unavailable,
            WebhookError::Status { .. } | WebhookError::WrongChallenge | WebhookError::Unverified => {
                SinkErrorKind::Refused
            }
            WebhookError::UnknownBusiness { .. }
            | WebhookError::UnknownCallback(_)
            | WebhookError::UnknownEvent
            | WebhookError::Broken(_) => SinkErrorKind::Other,
        };
        let retry_after = match &source {
            WebhookError::Status { retry_after, .. } => *retry_after,
            _ => None,
        };
        let error = Self::new(source).with_kind(kind);
        match retry_after {
            Some(retry_after) => error.with_retry_after(retry_after),
            None => error,
        }
    }
}
