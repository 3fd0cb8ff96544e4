//! Which rules hold for a business, and what of them is in memory.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::active_business::ActiveBusiness;
use crate::rules::{MessagingLimit, Recipients, Reservation, Rule, Rules, Throughput, ThroughputLog};

/// The rules of a business. The state of a conversation stands with the conversation, that of the business
/// here.
#[derive(Debug)]
pub(super) struct RuleState {
    rules: RwLock<Arc<Rules>>,
    since: Timestamp,
    /// Only of a business for which there is something to know: most have nothing.
    known: OnceLock<Box<Known>>,
}

/// What is in memory of a business.
#[derive(Debug)]
struct Known {
    /// Told when the rules change: what waits for one looks again.
    changed: Notify,
    throughput: Mutex<ThroughputLog>,
    /// Nothing before they were read from the store.
    recipients: Mutex<Option<Recipients>>,
    /// One reads them.
    reading: tokio::sync::Mutex<()>,
    turns: Turns,
}

/// Of the conversations that wait for what they share one looks at the time, and the others come after it in
/// their order: they do not wake all at once, to find that one of them was faster.
#[derive(Debug, Default)]
struct Turns {
    limit: tokio::sync::Mutex<()>,
    throughput: tokio::sync::Mutex<()>,
}

/// A user who counts against the limit for a message that is under way. Dropped, it is taken back.
#[derive(Debug)]
pub(super) struct Reserved {
    tenant: Arc<ActiveBusiness>,
    pub(super) user: Partition,
    reservation: Option<Reservation>,
}

impl RuleState {
    /// Those of a business that is spoken for from `now` on.
    pub(super) const fn new(rules: Arc<Rules>, now: Timestamp) -> Self {
        Self { rules: RwLock::new(rules), since: now, known: OnceLock::new() }
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has other rules hold from now on.
    pub(super) fn change(&self, rules: Arc<Rules>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        if let Some(known) = self.known.get() {
            known.changed.notify_waiters();
        }
    }

    /// Waits until the rules change.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.known().changed.notified()
    }

    /// The turn to wait for `rule`, if conversations share it.
    pub(super) fn turn(&self, rule: Rule) -> Option<&tokio::sync::Mutex<()>> {
        match rule {
            Rule::MessagingLimit => Some(&self.known().turns.limit),
            Rule::Throughput => Some(&self.known().turns.throughput),
            Rule::ServiceWindow | Rule::PairRate => None,
        }
    }

    /// Sends one message more.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn take(&self, throughput: Throughput, now: Timestamp) -> Result<(), Duration> {
        self.known().throughput.lock().unwrap_or_else(PoisonError::into_inner).take(throughput, now)
    }

    /// Whether the users that count are known.
    pub(super) fn is_read(&self) -> bool {
        self.recipients().is_some()
    }

    /// To be held by who reads which users count.
    pub(super) async fn reading(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.known().reading.lock().await
    }

    /// Says who counts.
    pub(super) fn set(&self, recipients: Recipients) {
        *self.recipients() = Some(recipients);
    }

    /// Forgets `user`.
    pub(super) fn erase(&self, user: Partition) {
        if self.known.get().is_some()
            && let Some(recipients) = self.recipients().as_mut()
        {
            recipients.erase(user);
        }
    }

    /// Lets go of what counts no more at `now`.
    pub(super) fn evict_idle(&self, now: Timestamp) {
        let Some(known) = self.known.get() else { return };
        known.throughput.lock().unwrap_or_else(PoisonError::into_inner).evict_idle(now);
        if let Some(recipients) = self.recipients().as_mut() {
            recipients.evict_idle(now);
        }
    }

    fn recipients(&self) -> MutexGuard<'_, Option<Recipients>> {
        self.known().recipients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            Box::new(Known {
                changed: Notify::new(),
                throughput: Mutex::new(ThroughputLog::unknown_before(self.since)),
                recipients: Mutex::default(),
                reading: tokio::sync::Mutex::default(),
                turns: Turns::default(),
            })
        })
    }
}

impl Reserved {
    /// Counts `user`, to whom `tenant` is about to write.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn take(
        tenant: &Arc<ActiveBusiness>,
        user: Partition,
        limit: MessagingLimit,
        now: Timestamp,
    ) -> Result<Self, Duration> {
        let mut recipients = tenant.rules.recipients();
        let reservation = recipients.get_or_insert_default().reserve(user, limit, now)?;
        drop(recipients);
        Ok(Self { tenant: Arc::clone(tenant), user, reservation: Some(reservation) })
    }

    /// Lets the user count: the message is durable, or may be.
    pub(super) fn keep(mut self) {
        self.reservation = None;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take()
            && let Some(recipients) = self.tenant.rules.recipients().as_mut()
        {
            recipients.release(reservation);
        }
    }
}
