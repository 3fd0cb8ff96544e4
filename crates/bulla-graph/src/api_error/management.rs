//! What is refused of what is asked about numbers, accounts and what belongs to them.

use std::time::Duration;

use axum::http::StatusCode;
use bulla_relay::ConfigurationError;

use super::ApiError;
use crate::limits::{MAX_ANALYTICS_POINTS, MAX_ANALYTICS_ROWS};
use crate::{CodeNotSent, LinkError};

impl ApiError {
    fn registration(code: u32, title: &'static str, details: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title).because(details)
    }

    /// The recipient is blocked.
    pub(crate) fn blocked() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_026, "Message undeliverable")
            .because("the recipient is blocked by this number; lift the block first")
    }

    /// A link leads to no file. What its server said is told to whoever wrote the link, and not what stands
    /// behind it: that could tell of the network that the relay stands in.
    pub(crate) fn link(field: &'static str, error: &LinkError) -> Self {
        let why = match error {
            LinkError::Refused(_) => "it is none that is followed here",
            LinkError::Failed(_) => "there is no file at it, or it did not come in time",
        };
        Self::new(StatusCode::BAD_REQUEST, 131_052, "Media download error").because(format!("{field}: {why}"))
    }

    /// The files of a request did not come within the time for all of them.
    pub(crate) fn slow_link(field: &'static str, limit: Duration) -> Self {
        let why = format!("the files of the request did not come within {} seconds", limit.as_secs());
        Self::new(StatusCode::BAD_REQUEST, 131_052, "Media download error").because(format!("{field}: {why}"))
    }

    /// The answers of a batch are too long already.
    pub(crate) fn long_batch(limit: usize) -> Self {
        let why = format!(
            "batch: this part was not carried out, as the answers before it come to {limit} bytes or more; \
             send it in another batch"
        );
        Self { reason: "too long", ..Self::unreadable(why) }
    }

    /// The number is not registered.
    pub(crate) fn deregistered() -> Self {
        Self::registration(133_010, "Phone number not registered", "register the number first")
    }

    /// Another PIN was set.
    pub(crate) fn wrong_pin() -> Self {
        Self::registration(
            133_005,
            "Two step verification PIN mismatch",
            "pin: it is not the one that was set",
        )
    }

    /// Too many PINs were tried.
    pub(crate) fn too_many_pins() -> Self {
        Self::registration(
            133_008,
            "Too many two step verification PIN guesses",
            "pin: too many wrong ones were tried; try again in twelve hours",
        )
    }

    /// The number was registered or deregistered, or a code asked for, as often as may be.
    pub(crate) fn too_many_registrations() -> Self {
        Self::registration(
            133_016,
            "Too many registration attempts",
            "a number is registered, deregistered or sent a code ten times in 72 hours at most",
        )
    }

    /// The code is not the one that was told, or its time is over.
    pub(crate) fn wrong_code() -> Self {
        Self::value("code", "it is not the one that was sent, or its time is over; ask for another")
    }

    /// Nobody tells codes.
    pub(crate) fn no_codes() -> Self {
        Self::unreadable("this relay sends no codes: its operator says which numbers are whose")
    }

    /// None of the users was blocked, or none of the blocks lifted.
    pub(crate) fn not_blocked() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 139_101, "Failed to block/unblock some users")
            .because("block_users: none of them is a phone number, or as many as may be are blocked already")
    }

    /// A flow is not in a state for what is asked.
    pub(crate) fn flow(code: u32, details: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The flow cannot be changed so").because(details)
    }

    /// Something is wrong with an app and its secret.
    pub(crate) fn of_app(code: u32, title: &'static str, details: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title).because(details)
    }

    /// It is the app's own token that this takes.
    pub(crate) fn not_of_app() -> Self {
        Self::new(StatusCode::FORBIDDEN, 15, "This must be called with the app's own access token").because(
            "access_token: the app's, of GET /oauth/access_token, or its id, a vertical bar, and its secret",
        )
    }

    /// A callback is not taken.
    pub(crate) fn callback_refused(details: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 2200, "Callback verification failed").because(details)
    }

    /// The original has such figures of an account, and here nobody counts them.
    pub(crate) fn not_counted(field: &str, why: &str) -> Self {
        Self::parameter(format!("Param {field} is not supported.")).because(format!("{field}: {why}"))
    }

    /// Figures would have more points than an answer has.
    pub(crate) fn too_many_points() -> Self {
        Self::unreadable(format!(
            "granularity: there are more than the {MAX_ANALYTICS_POINTS} points allowed; ask for longer steps, \
             fewer dimensions, or a shorter time from start to end"
        ))
    }

    /// Figures would be put together of more than is read for one answer.
    pub(crate) fn too_much_counted() -> Self {
        Self::unreadable(format!(
            "end: more than {MAX_ANALYTICS_ROWS} counts would be read; ask for a shorter time from start to \
             end, or for fewer phone_numbers"
        ))
    }

    /// The original can be told this, and here it would mean nothing.
    pub(crate) fn unsupported_field(field: &'static str) -> Self {
        Self::parameter(format!("Param {field} is not supported."))
            .because(format!("{field}: it can be set with the original, and not here"))
    }
}

impl From<ConfigurationError> for ApiError {
    fn from(source: ConfigurationError) -> Self {
        match source {
            ConfigurationError::Changed => Self::unavailable(
                "somebody else changes the same; nothing was changed, send the request again",
            ),
            ConfigurationError::Submit(source) => source.into(),
            error @ (ConfigurationError::TooLong | ConfigurationError::TooMany { .. }) => {
                Self::unreadable(error.to_string())
            }
            _ => Self::failed(),
        }
    }
}

impl From<CodeNotSent> for ApiError {
    fn from(_: CodeNotSent) -> Self {
        Self::unavailable("the code could not be sent just now; ask for it again")
    }
}
