//! A user's device sends again what the relay has: it has not heard that it came.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_base::{DeviceId, MessageId};
use bulla_content::Progress;
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::transaction::Transaction;
use crate::limits::MAX_SEARCHED;
use crate::row::StoredEvent;
use crate::store_layout::{self, DEAD_LETTERS};
use crate::{EventSink, RelayError, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Tells `device` once more that the business has `messages`, in a record of its own. Of those that the
    /// business does not have yet it is told when the business takes them. False after a conflict.
    pub(super) async fn confirm_again(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        mut transaction: Transaction,
        device: DeviceId,
        mut messages: Vec<MessageId>,
    ) -> Result<bool, RelayError> {
        let Some(not_taken) = self.not_taken_yet(&transaction).await? else { return Ok(true) };
        messages.retain(|id| !not_taken.contains(id));
        if messages.is_empty() {
            return Ok(true);
        }
        match self.seal_receipt(tenant, &mut transaction, Progress::Delivered, (messages, device)).await {
            Ok(()) => Ok(self.commit(transaction).await?),
            Err(SubmitError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a receipt could not be sealed");
                Ok(true)
            }
        }
    }

    /// The messages that wait for the business, or that it did not take. Nothing when they are too many to be
    /// looked through.
    async fn not_taken_yet(
        &self,
        transaction: &Transaction,
    ) -> Result<Option<BTreeSet<MessageId>>, StoreError> {
        let (conversation, now) = (transaction.conversation, transaction.now);
        let events = transaction.next_events(&self.store, MAX_SEARCHED).await?;
        let aside = store_layout::all(DEAD_LETTERS, now).prefix(store_layout::of(conversation.business));
        let aside = self.store.scan(conversation.user, &aside.limit(MAX_SEARCHED), now).await?;
        if events.len() == MAX_SEARCHED || aside.len() == MAX_SEARCHED {
            return Ok(None);
        }
        let events = events.iter().map(|event| &event.record.value);
        let rows = events.chain(aside.iter().map(|(_, record)| &record.value));
        rows.map(|row| StoredEvent::read(row)?.message()).collect::<Result<_, _>>().map(Some)
    }
}
