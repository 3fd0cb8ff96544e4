use std::sync::Arc;

use bulla_base::Timestamp;
use bulla_store::{BEFORE_ALL, Key, Retention, Scan, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::erase_business::user;
use super::fault_isolation::FailureScope;
use crate::limits::{LONGEST_LIFE, SWEEP_INTERVAL};
use crate::row::{Outbound, Stage};
use crate::store_layout::{self, BUSY, MESSAGE};
use crate::{EventSink, Failure, RelayError, Status};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    pub(super) async fn keep_sweeping(self: Arc<Self>) -> Result<(), RelayError> {
        let mut failing = false;
        loop {
            match self.sweep().await {
                Ok(()) => failing = false,
                Err(error) if error.failure_scope() == FailureScope::Relay => return Err(error),
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "what is over cannot be swept; it is tried again"
                        );
                    }
                }
            }
            self.clock.sleep(SWEEP_INTERVAL).await;
        }
    }

    /// Fails what was not delivered in its time, and drops the days that nothing can be read of any more.
    /// Once a day also what belonged to them and has none.
    async fn sweep(self: &Arc<Self>) -> Result<(), RelayError> {
        let now = self.clock.now();
        self.evict_idle(now);
        for business in self.businesses.ids() {
            let Some(tenant) = self.businesses.tenant(business) else { continue };
            let swept = async {
                self.find_deadlines(business, now).await?;
                self.fail_overdue(&tenant, now).await
            };
            if let Err(error) = swept.await {
                // What stops the business stops nothing else; what may pass is looked at again the next time.
                self.contain(&tenant, None, error)?;
            }
        }
        // After the failures: they are told from what stands in those days.
        self.store.drop_days_before(store_layout::oldest_day(now)).await?;
        self.sweep_ledger().await?;
        self.unmark_idle().await?;
        self.renew_prekeys(now).await?;
        self.end_what_is_over(now).await
    }

    /// Leaves other prekeys with the carrier where it is time to. What fails is tried again by the next
    /// sweep.
    async fn renew_prekeys(self: &Arc<Self>, now: Timestamp) -> Result<(), RelayError> {
        for business in self.businesses.ids() {
            let Some(tenant) = self.businesses.tenant(business) else { continue };
            let renewed = async {
                let identity = |source| RelayError::Identity { business, source };
                if tenant.endpoint.renewal_is_due(&self.store, now).await.map_err(identity)? {
                    self.connect(&tenant).await?;
                }
                Ok(())
            };
            match renewed.await.or_else(|error| self.contain(&tenant, None, error)) {
                Err(error) if error.failure_scope() == FailureScope::Passing => {
                    tracing::warn!(%business, error = &error as &dyn std::error::Error, "prekeys are not renewed yet");
                }
                renewed => renewed?,
            }
        }
        Ok(())
    }

    async fn fail_overdue(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        now: Timestamp,
    ) -> Result<(), RelayError> {
        let business = tenant.business();
        // What lives for less long is marked.
        let overdue = now.before(LONGEST_LIFE);
        // Only days on which something was accepted that long ago: a sweep does not walk over the month.
        let days = now.before(Retention::LONGEST.span()).day()..=overdue.day();
        let home = self.home(business);
        let mut marks = Scan::dated(BUSY, days.clone());
        loop {
            // Whatever the clock said when a mark was put last: if it was set back, that one ends before what
            // it stands for.
            let page = self.store.keys(home, &marks, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(()) };
            marks = Scan::dated(BUSY, days.clone()).after(last.clone());
            for mark in page {
                let conversation = Conversation { business, user: user(&mark)? };
                let messages = Scan::dated(MESSAGE, days.clone()).prefix(store_layout::of(business));
                if self.suspensions.of(conversation).is_some() {
                    continue;
                }
                let failed = self.fail_overdue_of(conversation, messages, now).await;
                failed.or_else(|error| self.contain(tenant, Some(conversation), error))?;
            }
        }
    }

    async fn fail_overdue_of(
        self: &Arc<Self>,
        conversation: Conversation,
        messages: Scan,
        now: Timestamp,
    ) -> Result<(), RelayError> {
        let mut scan = messages.clone();
        loop {
            let page = self.store.scan(conversation.user, &scan, now).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            scan = messages.clone().after(last.clone());
            for (key, record) in page {
                let outbound = Outbound::read(&record.value)?;
                if is_open(&outbound)? && outbound.due() <= now {
                    self.fail(conversation, &key).await?;
                }
            }
        }
    }

    /// Fails the message under `key`, unless it is forgotten or has arrived; then it is sent to no further
    /// device.
    pub(super) async fn fail(
        self: &Arc<Self>,
        conversation: Conversation,
        key: &Key,
    ) -> Result<(), RelayError> {
        let id = key.name().get(8..).and_then(|id| bulla_base::MessageId::from_bytes(id).ok());
        let id = id.ok_or(StoreError::Damaged { what: "message" })?;
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            let now = self.clock.now();
            let Some(record) = self.store.get(conversation.user, key, now).await? else { return Ok(()) };
            if !is_open(&Outbound::read(&record.value)?)? {
                return Ok(());
            }
            let mut transaction = self.transaction(conversation).await?;
            transaction.advance_status(id, &record, Status::Failed(Failure::Expired))?;
            if self.commit(transaction).await? {
                return Ok(());
            }
        }
    }
}

/// Whether there is a device that has not confirmed a message, and may yet.
fn is_open(outbound: &Outbound) -> Result<bool, StoreError> {
    Ok(outbound.stage()? <= Stage::Reached(Status::Sent) || !outbound.awaited()?.is_empty())
}
