//! Outages of a webhook, as the operator is told of them.

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use bulla_base::PhoneNumberId;

use crate::WebhookError;

/// Tells the operator when a webhook begins to fail, fails in another way, and works again; not every time it
/// fails.
#[derive(Debug, Default)]
pub(crate) struct OutageLog(Mutex<Failing>);

#[derive(Debug, Default)]
struct Failing {
    /// How it failed last; nothing while it works.
    how: Option<(&'static str, Option<u16>)>,
    /// How often it has failed since it worked.
    failures: u64,
}

/// What the operator is told.
#[derive(Debug, PartialEq, Eq)]
enum Transition {
    Fails,
    Works { failures: u64 },
}

impl OutageLog {
    /// Takes note of what became of an update to `business`.
    pub(crate) fn observe(&self, business: PhoneNumberId, outcome: &Result<(), WebhookError>) {
        match (self.transition(outcome), outcome) {
            (Some(Transition::Fails), Err(error)) => tracing::warn!(
                %business,
                reason = error.reason(),
                error = error as &dyn Error,
                "a webhook does not take updates; this is told again when the reason changes"
            ),
            (Some(Transition::Works { failures }), _) => {
                tracing::info!(%business, failures, "a webhook takes updates again");
            }
            _ => {}
        }
    }

    fn transition(&self, outcome: &Result<(), WebhookError>) -> Option<Transition> {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = outcome else {
            let Failing { how, failures } = std::mem::take(&mut *failing);
            return how.map(|_| Transition::Works { failures });
        };
        failing.failures += 1;
        // It has no reason of its own: what it follows from was told.
        if failing.how.is_some() && error.is_a_consequence() {
            return None;
        }
        let status = match error {
            WebhookError::Status { status, .. } => Some(*status),
            _ => None,
        };
        let how = Some((error.reason(), status));
        (std::mem::replace(&mut failing.how, how) != how).then_some(Transition::Fails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_and_changes_are_told_and_no_others() {
        let outage_log = OutageLog::default();
        let status = |status| Err(WebhookError::Status { status, retry_after: None });
        let fails = Some(Transition::Fails);
        for (outcome, transition) in [
            (Ok(()), None),
            (status(500), fails),
            (status(500), None),
            (Err(WebhookError::StillSilent), None),
            (status(500), None),
            (status(503), Some(Transition::Fails)),
            (Err(WebhookError::WrongChallenge), Some(Transition::Fails)),
            (Err(WebhookError::Unverified), None),
            (Ok(()), Some(Transition::Works { failures: 7 })),
            (Ok(()), None),
            (Err(WebhookError::Unverified), Some(Transition::Fails)),
            (Ok(()), Some(Transition::Works { failures: 1 })),
        ] {
            assert_eq!(outage_log.transition(&outcome), transition, "{outcome:?}");
        }
    }
}
