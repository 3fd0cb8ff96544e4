//! Failures on our side, as the operator is told of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use bulla_base::{Clock, Timestamp};

use crate::api_error::ApiError;
use crate::limits::FAILURE_LOG_INTERVAL;

/// The failures that are not the clients' move, as the operator is told of them: each at the first time, and
/// again when it was away for a while. How often it happens is counted.
#[derive(Debug, Default)]
pub(crate) struct FailureLog(Mutex<BTreeMap<&'static str, Timestamp>>);

impl FailureLog {
    /// The refusal that `error` becomes, told to the operator when it is not the client's move.
    pub(crate) fn api_error<E: Error + Into<ApiError>>(&self, error: E, clock: &dyn Clock) -> ApiError {
        let (mut message, mut source) = (error.to_string(), error.source());
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        let api_error: ApiError = error.into();
        self.tell(&api_error, &message, clock);
        api_error
    }

    /// Tells the operator of a refusal that is not the client's move, and of what stands behind it.
    pub(crate) fn tell(&self, api_error: &ApiError, error: &str, clock: &dyn Clock) {
        if !api_error.is_ours() {
            return;
        }
        if self.is_new(api_error.cause(), clock.now()) {
            tracing::warn!(error, "requests fail; only the first of a kind is told, and all are counted");
        } else {
            tracing::debug!(error, "a request failed");
        }
    }

    fn is_new(&self, cause: &'static str, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Also when it is not told: to be away for a while means not to happen, and not only not to be
        // told.
        let last = seen.insert(cause, now);
        last.is_none_or(|last| last.after(FAILURE_LOG_INTERVAL) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_at_the_first_time_and_after_a_minute_without() {
        let failures = FailureLog::default();
        let at = |secs: u64| Timestamp::from_millis(secs * 1000);
        assert!(failures.is_new("one", at(0)));
        assert!(!failures.is_new("one", at(1)));
        assert!(failures.is_new("other", at(2)));
        assert!(!failures.is_new("one", at(60)));
        assert!(!failures.is_new("one", at(119)));
        assert!(failures.is_new("one", at(179)));
    }
}
