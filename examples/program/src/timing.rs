//! How long things take, and may take.

use std::time::{Duration, Instant};

use crate::exit_error::ExitError;

/// Runs from when it is made.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "what is measured here is the machine's own time")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been running.
    #[must_use]
    pub fn span(self) -> Duration {
        self.0.elapsed()
    }
}

/// The outcome of `work`, unless it takes longer than `limit`.
///
/// # Errors
/// When it does: `what` was late.
#[expect(
    clippy::disallowed_methods,
    reason = "the deadlines of the program itself are in the machine's time"
)]
pub async fn within<R>(limit: Duration, what: &str, work: impl Future<Output = R>) -> Result<R, ExitError> {
    let late = |_| ExitError::new(format!("{what}: not within {} s", limit.as_secs()));
    tokio::time::timeout(limit, work).await.map_err(late)
}
