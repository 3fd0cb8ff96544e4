//! What the relay's errors become.

use std::time::Duration;

use axum::http::StatusCode;
use bulla_content::InvalidContent;
use bulla_relay::{MarkReadError, MediaError, RETRY_AFTER, Rule, SubmitError};

use super::ApiError;
use crate::TokenLookupError;

impl ApiError {
    /// A message breaks a bound of content in `field`.
    pub(crate) fn content(field: &'static str, source: &InvalidContent) -> Self {
        match source {
            InvalidContent::Empty { .. } => Self::missing(field),
            InvalidContent::TooLong { unit, actual, limit, .. } => Self::long(field, unit, *actual, *limit),
            _ => Self::value(field, source),
        }
    }

    /// A value was well formed, and is none that a message can have.
    fn unfit(source: &InvalidContent) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_009, "Parameter value is not valid")
            .because(source.to_string())
    }

    pub(crate) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 131_000, "Something went wrong")
            .because("the relay failed; its operator can look it up by fbtrace_id")
    }

    pub(crate) fn unavailable(details: &'static str) -> Self {
        let api_error =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, 131_016, "Service unavailable").because(details);
        Self { again: Some(RETRY_AFTER), ..api_error }
    }

    /// A message breaks `rule`, for so long.
    fn limited(rule: Rule, wait: Duration) -> Self {
        let (code, title, details) = match rule {
            Rule::PairRate => (
                131_056,
                "(Business Account, Consumer Account) pair rate limit hit",
                "too many messages were sent to this recipient in a short time; nothing was accepted",
            ),
            Rule::MessagingLimit => (
                131_048,
                "Spam rate limit hit",
                "as many recipients as may be were written to within 24 hours, outside their service windows; nothing was accepted",
            ),
            _ => (
                130_429,
                "Rate limit hit",
                "more messages a second were sent from this number than may be; nothing was accepted",
            ),
        };
        let api_error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, title).because(details);
        Self { again: Some(wait), ..api_error }
    }
}

/// A message breaks a bound of content, which names its fields as requests do.
impl From<InvalidContent> for ApiError {
    fn from(source: InvalidContent) -> Self {
        match source {
            InvalidContent::Empty { field } => Self::missing(field),
            InvalidContent::TooLong { field, unit, actual, limit } => Self::long(field, unit, actual, limit),
            other => Self::unfit(&other),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(source: SubmitError) -> Self {
        match source {
            SubmitError::UnknownBusiness { .. } => Self::number(),
            SubmitError::Content(source) => match &source {
                InvalidContent::Empty { field } | InvalidContent::TooLong { field, .. } => {
                    Self::content(outside(field), &source)
                }
                _ => Self::value("message", &source),
            },
            SubmitError::TooLong { field, unit, actual, limit } => {
                Self::long(outside(field), unit, actual, limit)
            }
            SubmitError::UnknownUser => Self::unknown_user(),
            SubmitError::Blocked => Self::blocked(),
            SubmitError::Deregistered => Self::deregistered(),
            SubmitError::OtherConversation { field } => {
                Self::value(outside(field), "it names no message of the conversation with this recipient")
            }
            SubmitError::Template(source) => source.into(),
            SubmitError::UnknownMedia => Self::unknown_media("id"),
            SubmitError::NoBlobs => Self::unsupported("this relay is not set up to send media"),
            SubmitError::Attachment(source) if source.may_pass() => Self::unavailable(
                "the carrier does not take the media just now and nothing was accepted; send the message again",
            ),
            SubmitError::KeyReused { field } => {
                let details = format!(
                    "{}: it belongs to another message; draw a new one for each message",
                    outside(field)
                );
                Self { status: StatusCode::CONFLICT, reason: "key reused", ..Self::unreadable(details) }
            }
            SubmitError::WindowClosed => {
                let details = "more than 24 hours have passed since the recipient last wrote to this number; nothing was accepted";
                Self::new(StatusCode::BAD_REQUEST, 131_047, "Re-engagement message").because(details)
            }
            SubmitError::Limited { rule, wait } => Self::limited(rule, wait),
            SubmitError::TooManyWaiting { .. } => {
                let details =
                    "as many messages as may be wait for this recipient already; nothing was accepted";
                Self::limited(Rule::PairRate, RETRY_AFTER).because(details)
            }
            SubmitError::Busy { .. } => Self::busy(),
            SubmitError::Backlogged { .. } => Self::unavailable(
                "messages to as many recipients as may be wait already and nothing was accepted; send the message again",
            ),
            SubmitError::Unavailable(_) => Self::unavailable(
                "the carrier cannot be reached and nothing was accepted; send the message again",
            ),
            SubmitError::Fenced { .. } => Self::unavailable(
                "this relay has been replaced and accepted nothing; send the message to its successor",
            ),
            SubmitError::StandsBy { .. } => Self::unavailable(
                "another relay speaks for this number and nothing was accepted here; send the message to that one",
            ),
            SubmitError::Contended { .. } => Self::unavailable(
                "another relay writes to this conversation and nothing was accepted; send the message again",
            ),
            SubmitError::Suspended { .. } => Self::unavailable(
                "this number or conversation waits for the relay's operator and nothing was accepted; try again later",
            ),
            SubmitError::NotYet { .. } => Self::unavailable(
                "this number is just being opened and nothing was accepted; send the message again",
            ),
            // One that is dead has stopped the relay.
            SubmitError::Store(_) => Self::unavailable(
                "the relay's store does not answer just now and nothing was accepted; send the message again",
            ),
            SubmitError::Stopped => Self::unavailable(
                "this relay has stopped; send the message again, under the same Idempotency-Key if it had one",
            ),
            // What the relay comes to say in later versions is ours until it is known to be the client's.
            _ => Self::failed(),
        }
    }
}

/// What a client calls the part of a message that the relay calls `field`.
fn outside(field: &'static str) -> &'static str {
    match field {
        "text" => "text.body",
        "emoji" => "reaction.emoji",
        "tracking" => "biz_opaque_callback_data",
        "idempotency key" => "Idempotency-Key",
        "context" => "context.message_id",
        "reaction" => "reaction.message_id",
        other => other,
    }
}

impl From<MediaError> for ApiError {
    fn from(source: MediaError) -> Self {
        match source {
            MediaError::Unknown => Self::number(),
            MediaError::NotFetched(source) if source.may_pass() => {
                Self::unavailable("the carrier does not hand the media out just now; ask for it again")
            }
            MediaError::NotFetched(_) => Self::not_fetched(),
            MediaError::Submit(source) => source.into(),
            error @ MediaError::TooMany { .. } => Self::unreadable(error.to_string()),
            _ => Self::failed(),
        }
    }
}

impl From<TokenLookupError> for ApiError {
    fn from(source: TokenLookupError) -> Self {
        match source {
            TokenLookupError::Unavailable { .. } => {
                Self::unavailable("what the token opens cannot be looked up now; send the request again")
            }
        }
    }
}

impl From<MarkReadError> for ApiError {
    fn from(source: MarkReadError) -> Self {
        match source {
            MarkReadError::UnknownMessage => Self::unknown_message("message_id"),
            MarkReadError::Submit(source) => source.into(),
            _ => Self::failed(),
        }
    }
}

impl ApiError {
    /// The id in `field` names no message.
    pub(crate) fn unknown_message(field: &str) -> Self {
        Self::value(field, "it names no message of this number, or one whose time is over")
    }

    /// The recipient's id names no user.
    pub(crate) fn unknown_user() -> Self {
        Self::value("recipient", "it names no user with whom a message lives; name the user by number in to")
    }
}
