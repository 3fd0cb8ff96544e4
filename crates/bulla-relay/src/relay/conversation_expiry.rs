//! What belongs to a conversation and has no date of its own ends with it.

use std::sync::Arc;

use bulla_base::Timestamp;
use bulla_store::{BEFORE_ALL, Batch, Key, SYSTEM_PARTITION, Scan, Space, Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::conversation::Conversation;
use super::erase_business::user;
use crate::store_layout::{
    self, ASKED, CONVERSATION, DEAD_LETTERS, DEFERRED, EVENTS, HELD, MESSAGE, OUTBOX, REPORTABLE, SEEN,
};
use crate::{EventSink, RelayError};

/// The spaces of what a conversation has with a date. While there is one such record the conversation lives.
const DATED: [Space; 9] = [SEEN, MESSAGE, ASKED, EVENTS, OUTBOX, HELD, DEFERRED, DEAD_LETTERS, REPORTABLE];

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Once a day, ends what is over. A start in the middle of the day looks at no conversation for that.
    pub(super) async fn end_what_is_over(self: &Arc<Self>, now: Timestamp) -> Result<(), RelayError> {
        let (ended_on, today) = (Key::undated(CONVERSATION, ""), now.day().number().to_be_bytes());
        let last = self.store.get(SYSTEM_PARTITION, &ended_on, now).await?;
        if last.is_some_and(|last| last.value[..] == today) {
            return Ok(());
        }
        for business in self.businesses.ids() {
            let Some(tenant) = self.businesses.tenant(business) else { continue };
            let ended = async {
                self.forget_lapsed_uploads(business, now).await?;
                self.end_what_is_over_of(&tenant).await
            };
            let ended = ended.await;
            ended.or_else(|error| self.contain(&tenant, None, error))?;
        }
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.put(ended_on, today.to_vec());
        // It expects nothing, so nothing can be in the way.
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Ends the conversations of a business in which there was nothing for 30 days: their sessions, their
    /// places in queues, and with the last of a user everything that is left of them.
    ///
    /// It goes by what is there, not by the clock: a clock that leaps ahead ends nothing that has not been
    /// dropped with its day.
    async fn end_what_is_over_of(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>) -> Result<(), RelayError> {
        let (business, home) = (tenant.business(), self.home(tenant.business()));
        let mut scan = Scan::undated(CONVERSATION);
        loop {
            let page = self.store.keys(home, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(()) };
            scan = Scan::undated(CONVERSATION).after(last.clone());
            for key in page {
                let conversation = Conversation { business, user: user(&key)? };
                let ended = self.end_if_over(conversation).await;
                ended.or_else(|error| self.contain(tenant, Some(conversation), error.into()))?;
            }
        }
    }

    async fn end_if_over(&self, conversation: Conversation) -> Result<(), StoreError> {
        // Under the lock nothing can begin between the look and the end.
        let _lock = self.lock(conversation.user).await?;
        for space in DATED {
            let some = Scan::everything(space).prefix(store_layout::of(conversation.business)).limit(1);
            if !self.store.keys(conversation.user, &some, BEFORE_ALL).await?.is_empty() {
                return Ok(());
            }
        }
        self.end_conversation(conversation).await
    }
}
