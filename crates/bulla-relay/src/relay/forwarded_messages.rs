//! Messages of users that the business has just taken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{DeviceId, MessageId};
use bulla_content::Progress;
use bulla_store::Store;
use bulla_transport::Transport;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::Waiting;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::queue_page::QueuedRow;
use super::transaction::Transaction;
use super::{Inner, trace_span};
use crate::{EventSink, RelayError, SubmitError};

/// Messages of users that the business has taken, of which the users have not been told yet.
///
/// ```text
///   the sink takes it ──► noted ──► one record: all that were noted leave the queue,
///                                   and each device is told of its own in one receipt
/// ```
///
/// What waits together is taken in one go, so that a record for each would cost more than to tell it. The
/// last of them is never waited for: what is alone is settled at once.
#[derive(Debug, Default)]
pub(super) struct ForwardedMessages(Mutex<BTreeMap<Conversation, Vec<ForwardedMessage>>>);

/// A message that the business has taken, and that still stands in the store.
#[derive(Debug, Clone)]
pub(super) struct ForwardedMessage {
    pub(super) read: QueuedRow,
    pub(super) id: MessageId,
    /// The one that has sent it.
    pub(super) device: DeviceId,
}

impl ForwardedMessages {
    /// Takes note of `message`; how many of the conversation there are now.
    pub(super) fn note(&self, conversation: Conversation, message: ForwardedMessage) -> usize {
        let mut noted = self.lock();
        let messages = noted.entry(conversation).or_default();
        messages.push(message);
        messages.len()
    }

    /// Leaves in `page` what was not taken.
    pub(super) fn retain_others(&self, conversation: Conversation, page: &mut Vec<Waiting>) {
        let noted = self.lock();
        let Some(messages) = noted.get(&conversation) else { return };
        page.retain(|waiting| !messages.iter().any(|message| message.is(&waiting.read)));
    }

    /// Forgets those of conversations whose queues were removed.
    pub(super) fn reset(&self, is_of: impl Fn(&Conversation) -> bool) {
        self.lock().retain(|conversation, _| !is_of(conversation));
    }

    fn of(&self, conversation: Conversation) -> Vec<ForwardedMessage> {
        self.lock().get(&conversation).cloned().unwrap_or_default()
    }

    fn all(&self) -> Vec<Conversation> {
        self.lock().keys().copied().collect()
    }

    /// Forgets those that do not stand in the store any more.
    fn settled(&self, conversation: Conversation, gone: &[ForwardedMessage]) {
        let mut noted = self.lock();
        let Some(messages) = noted.get_mut(&conversation) else { return };
        messages.retain(|message| !gone.iter().any(|gone| message.is(&gone.read)));
        if messages.is_empty() {
            noted.remove(&conversation);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Conversation, Vec<ForwardedMessage>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ForwardedMessage {
    fn is(&self, read: &QueuedRow) -> bool {
        // The version, too: after an erasure the places begin anew.
        (self.read.place, self.read.version) == (read.place, read.version)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Takes what the business has taken of a conversation out of its queue, and tells the user, in one
    /// record.
    pub(super) async fn settle_messages(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        while !self.forwarded_messages.of(conversation).is_empty() {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            let (mut taken, mut gone) = (Vec::new(), Vec::new());
            for message in self.forwarded_messages.of(conversation) {
                let is_still = self.is_still(conversation.user, &message.read).await?;
                if is_still { &mut taken } else { &mut gone }.push(message);
            }
            self.forwarded_messages.settled(conversation, &gone);
            if taken.is_empty() {
                return Ok(());
            }
            let mut transaction = self.transaction(conversation).await?;
            taken.iter().for_each(|message| transaction.remove_from_events(message.read.place));
            self.seal_delivered(tenant, &mut transaction, &taken).await?;
            if self.commit(transaction).await? {
                self.forwarded_messages.settled(conversation, &taken);
            }
        }
        Ok(())
    }

    /// A receipt for each device of which something was taken.
    async fn seal_delivered(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        taken: &[ForwardedMessage],
    ) -> Result<(), RelayError> {
        let mut devices: BTreeMap<DeviceId, Vec<MessageId>> = BTreeMap::new();
        taken.iter().for_each(|message| devices.entry(message.device).or_default().push(message.id));
        for (device, messages) in devices {
            match self.seal_receipt(tenant, transaction, Progress::Delivered, (messages, device)).await {
                Ok(()) => {}
                Err(SubmitError::Store(error)) => return Err(error.into()),
                // The business has the message whether its sender hears so or not.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a receipt could not be sealed");
                }
            }
        }
        Ok(())
    }

    /// Settles whatever was taken: nothing of the relay runs any more.
    pub(super) async fn settle_messages_at_close(self: &Arc<Self>) {
        for conversation in self.forwarded_messages.all() {
            let Some(tenant) = self.businesses.tenant(conversation.business) else { continue };
            let span = trace_span::of(conversation.business, Some(conversation));
            let settled = self.settle_messages(&tenant, conversation).instrument(span).await;
            if let Err(error) = settled {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "messages that the business has taken stay; they are told again");
            }
        }
    }
}
