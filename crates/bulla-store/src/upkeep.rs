use std::error::Error;

use bulla_base::Clock;

use crate::limits::UPKEEP_RETRY;
use crate::metrics::UPKEEP;
use crate::{Store, StoreError};

/// How often a store was begun: opened, put back, or only written to since it was last counted. Counted where
/// no backup of the store reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The generation's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Does the [upkeep](Store::upkeep) of `store` by `clock`, for as long as it needs any: to be run in a task
/// by whoever opened it.
///
/// Relay, device and carrier do so by themselves; several on one store do no harm. It ends at once for a
/// store that needs none.
///
/// # Errors
/// When the store may not go on ([`StoreError::is_final`]). Whatever else fails is logged, once for as long
/// as it fails in the same way, and tried again every [`UPKEEP_RETRY`].
pub async fn keep_up<S: Store>(store: &S, clock: &dyn Clock) -> Result<(), StoreError> {
    let mut failing = None::<String>;
    loop {
        let upkeep = store.upkeep().await;
        ::metrics::counter!(UPKEEP, "outcome" => if upkeep.is_ok() { "done" } else { "failed" }).increment(1);
        let pause = match upkeep {
            Ok(next) => {
                if failing.take().is_some() {
                    tracing::info!("the store's upkeep works again");
                }
                match next {
                    Some(pause) => pause,
                    None => return Ok(()),
                }
            }
            // No try will ever work again: whoever runs the store has to open it anew.
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                let why = reasons(&error);
                // Told once for each reason: every minute the same would bury whatever else is in the log.
                if failing.as_ref() != Some(&why) {
                    tracing::error!(
                        error = &error as &dyn Error,
                        "the store's upkeep fails, so what is over is not forgotten; it is tried again every minute"
                    );
                }
                failing = Some(why);
                UPKEEP_RETRY
            }
        };
        clock.sleep(pause).await;
    }
}

/// An error and all its causes.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
