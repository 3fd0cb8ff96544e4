use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_base::Party;
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError};
use bulla_transport::TransportError;

use crate::metrics::{ACKNOWLEDGED, BUNDLES, DELIVERED, ENQUEUED, OLDEST, REFUSED, WAITING};
use crate::{Carrier, trace_span};

/// What a carrier has done since it was opened, and what waits in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CarrierStats {
    /// Envelopes that were queued.
    pub enqueued: u64,
    /// Envelopes that were handed to their recipients, each time they were.
    pub delivered: u64,
    /// Envelopes that their recipients acknowledged.
    pub acknowledged: u64,
    /// Calls that were refused or failed.
    pub refused: u64,
    /// Bundles of keys that were given with a one-time key.
    pub bundles_with_one_time_key: u64,
    /// Bundles of keys that were given without one: there was none left, or the requester has had its share.
    pub bundles_without: u64,
    /// Envelopes that wait for businesses; of each, at most [`MAX_COUNTED`](crate::MAX_COUNTED) are counted.
    pub waiting: u64,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
}

/// Counts what the carrier does, for [`CarrierStats`] and for the recorder that the program may have
/// installed.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    enqueued: AtomicU64,
    delivered: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    bundles_with: AtomicU64,
    bundles_without: AtomicU64,
}

impl Tallies {
    pub(crate) fn enqueued(&self, envelope: &Envelope) {
        add(&self.enqueued, 1);
        let kind = match envelope.kind() {
            Kind::Message(_) => "message",
            Kind::Receipt => "receipt",
            _ => "retry_request",
        };
        metrics::counter!(ENQUEUED, "kind" => kind).increment(1);
    }

    pub(crate) fn delivered(&self, count: usize) {
        metrics::counter!(DELIVERED).increment(add(&self.delivered, count));
    }

    pub(crate) fn acknowledged(&self, count: usize) {
        metrics::counter!(ACKNOWLEDGED).increment(add(&self.acknowledged, count));
    }

    pub(crate) fn bundle(&self, has_one_time_key: bool) {
        let (tally, kind) = match has_one_time_key {
            true => (&self.bundles_with, "one_time"),
            false => (&self.bundles_without, "last_resort"),
        };
        metrics::counter!(BUNDLES, "kind" => kind).increment(add(tally, 1));
    }

    /// Passes on what a call comes to, and counts it if it is refused.
    pub(crate) fn noted<R>(&self, outcome: Result<R, TransportError>) -> Result<R, TransportError> {
        if let Err(error) = &outcome {
            let reason = reason(error);
            metrics::counter!(REFUSED, "reason" => reason).increment(add(&self.refused, 1));
            tracing::debug!(reason, "a call was refused");
        }
        outcome
    }
}

fn reason(error: &TransportError) -> &'static str {
    match error {
        TransportError::Unavailable { .. } => "unavailable",
        TransportError::CarrierFailed { .. } => "failed",
        TransportError::Fenced { .. } => "fenced",
        TransportError::Unproven => "unproven",
        TransportError::Unauthenticated { .. } => "unauthenticated",
        TransportError::TooManyAttempts { .. } => "too_many_attempts",
        TransportError::UnknownRecipient => "unknown_recipient",
        TransportError::Devices { .. } => "devices",
        TransportError::Removed => "removed",
        TransportError::NoKeys => "no_keys",
        TransportError::Reinstalled => "reinstalled",
        TransportError::NotTheSender => "not_the_sender",
        TransportError::NoLog => "no_log",
        TransportError::NoReports => "no_reports",
        TransportError::NoStatement => "no_statement",
        TransportError::NotProven => "not_proven",
        TransportError::Restricted { .. } => "restricted",
        TransportError::TooFast { .. } => "too_fast",
        TransportError::MessagingLimit { .. } => "messaging_limit",
        TransportError::MarketingLimit { .. } => "marketing_limit",
        TransportError::Id { .. } => "id",
        TransportError::Invalid { .. } => "invalid",
        _ => "other",
    }
}

fn add(tally: &AtomicU64, count: usize) -> u64 {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    tally.fetch_add(count, Ordering::Relaxed);
    count
}

impl<S: Store> Carrier<S> {
    /// What the carrier has done since it was opened, and what waits for businesses now.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// For each business that has ever connected, a look-up and a scan of what waits for it.
    pub async fn stats(&self) -> Result<CarrierStats, StoreError> {
        self.for_host(trace_span::for_host("stats"), self.look_at_queues()).await
    }

    async fn look_at_queues(&self) -> Result<CarrierStats, StoreError> {
        let (now, mut waiting, mut oldest) = (self.clock.now(), 0, Duration::ZERO);
        for business in self.businesses().await? {
            let found = self.waiting_for(&Party::Business(business), now).await?;
            waiting += found.0;
            oldest = oldest.max(found.1);
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge is no bill")]
        metrics::gauge!(WAITING).set(waiting as f64);
        metrics::gauge!(OLDEST).set(oldest.as_secs_f64());
        let read = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        let tallies = &self.tallies;
        Ok(CarrierStats {
            enqueued: read(&tallies.enqueued),
            delivered: read(&tallies.delivered),
            acknowledged: read(&tallies.acknowledged),
            refused: read(&tallies.refused),
            bundles_with_one_time_key: read(&tallies.bundles_with),
            bundles_without: read(&tallies.bundles_without),
            waiting,
            oldest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who counts refusals tells them apart by it.
    #[test]
    fn reasons_tell_errors_apart() {
        let reasons = [
            TransportError::unavailable("away"),
            TransportError::carrier_failed("disk"),
            TransportError::Unproven,
            TransportError::UnknownRecipient,
            TransportError::NoKeys,
            TransportError::Reinstalled,
            TransportError::NotTheSender,
        ]
        .map(|error| reason(&error));
        assert_eq!(
            reasons,
            [
                "unavailable",
                "failed",
                "unproven",
                "unknown_recipient",
                "no_keys",
                "reinstalled",
                "not_the_sender"
            ]
        );
    }
}
