use std::sync::Arc;

use bulla_base::{Address, DeviceId, MessageId, Party, PhoneNumberId};
use bulla_content::{Body, Content, Progress, Receipt, Typing};
use bulla_envelope::Kind;
use bulla_store::{Retention, Store};
use bulla_transport::Transport;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::transaction::Transaction;
use super::{Inner, Relay, trace_span};
use crate::row::{OutboxEntry, plain_rows};
use crate::store_layout::{self, SEEN};
use crate::{EventSink, MarkReadError, MessageRef, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Tells the user that the business has read `message`, which they sent to `business`.
    ///
    /// # Errors
    /// [`MarkReadError`]; then nothing was stored or sent.
    ///
    /// # Cost
    /// One commit.
    pub async fn mark_read(&self, business: PhoneNumberId, message: MessageRef) -> Result<(), MarkReadError> {
        self.mark(business, message, Mark::Read).await
    }

    /// Tells the user that the business has read `message`, and is writing an answer: their device shows that
    /// for [`Typing::SHOWN`](bulla_content::Typing::SHOWN) at most, and not at all if it hears of it later.
    ///
    /// # Errors
    /// As [`mark_read`](Self::mark_read).
    ///
    /// # Cost
    /// One commit. It is not counted for the bill, and what the carrier does not have by the end of that time
    /// is not sent.
    pub async fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<(), MarkReadError> {
        self.mark(business, message, Mark::ReadAndTyping).await
    }

    async fn mark(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
        mark: Mark,
    ) -> Result<(), MarkReadError> {
        let inner = Arc::clone(&self.0);
        let tenant = self.0.tenant(business)?;
        let marking = Arc::clone(&tenant);
        let marking = async move { inner.mark_read(&marking, message, mark).await };
        let marked = self.0.see_through_for(&tenant, marking);
        marked.await.unwrap_or_else(|unheard| Err(MarkReadError::Submit(unheard)))
    }
}

/// What a user is told of a message of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Read,
    ReadAndTyping,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn mark_read(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        message: MessageRef,
        mark: Mark,
    ) -> Result<(), MarkReadError> {
        let (business, user) = (tenant.business(), tenant.user_ids.partition(message.user()));
        let conversation = Conversation { business, user };
        self.is_going_on(conversation)?;
        let _call = self.calls.begin(conversation)?;
        let marking = async {
            let marked = self.mark_read_in(tenant, conversation, message, mark).await;
            marked.map_err(|error| self.refuse_mark(tenant, conversation, error))
        };
        marking.instrument(trace_span::about("mark read", conversation, Some(message.id()))).await
    }

    async fn mark_read_in(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        message: MessageRef,
        mark: Mark,
    ) -> Result<(), MarkReadError> {
        let _lock = self.lock(conversation.user).await?;
        let seen = store_layout::about(SEEN, conversation.business, message.id());
        let Some(seen) = self.store.get(conversation.user, &seen, self.clock.now()).await? else {
            return Err(MarkReadError::UnknownMessage);
        };
        let device = plain_rows::opened(&seen.value)?;
        let mut attempts = Attempts::new();
        loop {
            attempts.begin()?;
            let mut transaction = self.transaction(conversation).await?;
            let read = Receipt::new(Progress::Read, vec![message.id()]).map_err(SubmitError::from)?;
            self.seal_signals(tenant, &mut transaction, (read, device), mark == Mark::ReadAndTyping).await?;
            if self.commit(transaction).await? {
                return Ok(());
            }
        }
    }

    /// Seals a receipt for `messages` to the device that has sent them into `transaction`, or holds it;
    /// unless the device cannot be written to any more.
    pub(super) async fn seal_receipt(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        progress: Progress,
        (messages, device): (Vec<MessageId>, DeviceId),
    ) -> Result<(), SubmitError> {
        let receipt = Receipt::new(progress, messages)?;
        self.seal_signals(tenant, transaction, (receipt, device), false).await
    }

    /// Seals a receipt, and behind it that an answer is being written if it is, as
    /// [`seal_receipt`](Self::seal_receipt) does.
    async fn seal_signals(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        (receipt, device): (Receipt, DeviceId),
        is_typing: bool,
    ) -> Result<(), SubmitError> {
        let user = transaction.conversation.user;
        let Some(number) = self.number(transaction.conversation).await? else { return Ok(()) };
        let address = Address::new(Party::User(number), device);
        let peer = tenant.endpoint.peer(&self.store, user, &address, transaction.now).await;
        let mut peer = peer.map_err(SubmitError::Seal)?;
        let receipt = Content::new(Body::Receipt(receipt));
        let id = MessageId::new(transaction.now, &*self.rng);
        if peer.is_held() {
            // That somebody is typing is over by the time of an approval.
            transaction.push_held(&self.held(id, None, &receipt).for_device(device));
            self.pending_approval.note(transaction.conversation);
            return Ok(());
        }
        if peer.needs_keys(transaction.now) {
            // A session in which the message was opened has been given up since: the receipt is not worth a
            // new one.
            return Ok(());
        }
        let now = transaction.now;
        let envelope = peer.seal(id, Kind::Receipt, &receipt, now, &*self.rng).map_err(SubmitError::Seal)?;
        transaction.push_outbox(&OutboxEntry::of(envelope));
        if is_typing {
            let (id, typing) = (MessageId::new(now, &*self.rng), Content::new(Body::Typing(Typing)));
            let envelope =
                peer.seal(id, Kind::Receipt, &typing, now, &*self.rng).map_err(SubmitError::Seal)?;
            let shown = Retention::new(Typing::SHOWN).unwrap_or(Retention::LONGEST);
            transaction.push_outbox_until(&OutboxEntry::of(envelope), shown.from(now));
        }
        transaction.put_sessions(peer);
        Ok(())
    }
}
