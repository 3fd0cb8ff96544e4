use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_base::PhoneNumberId;

use crate::metrics::{REACHED, REFUSED, RETRIED, SENT};
use crate::{Status, SubmitError};

/// What a relay has done since it was opened, and what it has before it: for hosts without a recorder of
/// metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Messages accepted from businesses: sealed and durable.
    pub accepted: u64,
    /// Envelopes the carrier has.
    pub sent: u64,
    /// Messages the user's device has.
    pub delivered: u64,
    /// Messages the user has seen.
    pub read: u64,
    /// Messages that will not arrive.
    pub failed: u64,
    /// Envelopes that were opened, and are durable.
    pub opened: u64,
    /// Envelopes that were dropped.
    pub dropped: u64,
    /// Events that businesses have taken.
    pub forwarded: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Times that something was put off because the carrier or the store did not answer.
    pub retried: u64,
    /// Businesses the relay has.
    pub businesses: usize,
    /// Businesses and conversations that are suspended.
    pub suspended: usize,
    /// Conversations that have something for the carrier or the business just now.
    pub waiting: usize,
    /// How long the one that waits longest has.
    pub oldest: Duration,
}

/// Counts what the relay does, for [`Stats`] and for the recorder of metrics, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicU64,
    sent: AtomicU64,
    delivered: AtomicU64,
    read: AtomicU64,
    failed: AtomicU64,
    opened: AtomicU64,
    dropped: AtomicU64,
    forwarded: AtomicU64,
    refused: AtomicU64,
    retried: AtomicU64,
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// The sums so far; what is there just now is zero.
    pub(crate) fn sums(&self) -> Stats {
        let sum = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            accepted: sum(&self.accepted),
            sent: sum(&self.sent),
            delivered: sum(&self.delivered),
            read: sum(&self.read),
            failed: sum(&self.failed),
            opened: sum(&self.opened),
            dropped: sum(&self.dropped),
            forwarded: sum(&self.forwarded),
            refused: sum(&self.refused),
            retried: sum(&self.retried),
            ..Stats::default()
        }
    }

    /// Counted for the recorder where its category is known.
    pub(crate) fn accepted(&self) {
        add(&self.accepted);
    }

    /// Counted for the recorder where its kind is known.
    pub(crate) fn forwarded(&self) {
        add(&self.forwarded);
    }

    pub(crate) fn sent(&self) {
        add(&self.sent);
        metrics::counter!(SENT).increment(1);
    }

    /// Counted for the recorder where its kind is known.
    pub(crate) fn opened(&self) {
        add(&self.opened);
    }

    /// A message of a business has come to `status`, durably.
    pub(crate) fn reached(&self, status: Status) {
        let (count, name) = match status {
            Status::Delivered => (Some(&self.delivered), "delivered"),
            Status::Read => (Some(&self.read), "read"),
            Status::Failed(_) => (Some(&self.failed), "failed"),
            Status::Sent => (None, "sent"),
        };
        count.into_iter().for_each(add);
        metrics::counter!(REACHED, "status" => name).increment(1);
    }

    /// Counted for the recorder where its reason is known.
    pub(crate) fn dropped(&self) {
        add(&self.dropped);
    }

    pub(crate) fn retried(&self, reason: &'static str) {
        add(&self.retried);
        metrics::counter!(RETRIED, "reason" => reason).increment(1);
    }

    pub(crate) fn refused(&self, business: PhoneNumberId, error: &SubmitError) {
        let reason = error.reason();
        tracing::debug!(%business, reason, "a call was refused");
        add(&self.refused);
        metrics::counter!(REFUSED, "reason" => reason).increment(1);
    }
}
