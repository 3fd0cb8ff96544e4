//! What a user has sent and the relay cannot open is asked for again.

use std::sync::Arc;

use bulla_base::{MessageId, Party};
use bulla_content::{Body, Content};
use bulla_endpoint::{Peer, SealError};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, Version};
use bulla_transport::{Transport, TransportError};

use super::Inner;
use super::conversation::Conversation;
use super::identities::Changed;
use super::receive::refused;
use super::tenant::Tenant;
use super::transaction::{CommitOutcome, Transaction};
use crate::limits::MAX_RETRY_REQUESTS;
use crate::metrics::{ASKED, DROPPED};
use crate::row::RetryRequest;
use crate::{EventSink, RelayError, Report, store_layout};

/// What is dropped without an answer is not noted: to drop it again costs no more.
const UNANSWERED: CommitOutcome = CommitOutcome::Committed;

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Drops an envelope that comes to more than the store takes, as one that cannot be opened: else it would
    /// come again after every restart, and one device could stop the relay for all.
    pub(super) async fn give_up(
        self: &Arc<Self>,
        tenant: &Tenant,
        conversation: Conversation,
        envelope: &Envelope,
    ) -> Result<CommitOutcome, RelayError> {
        let transaction = self.transaction(conversation).await?;
        if matches!(envelope.kind(), Kind::Message(_))
            && let Some(peer) = self.sender(tenant, &transaction, envelope).await?
        {
            let kept = self.ask_again(tenant, transaction, peer, envelope).await?;
            if kept != CommitOutcome::TooLarge {
                return Ok(kept);
            }
        }
        // Without an answer, then: the device is not told.
        let mut transaction = self.transaction(conversation).await?;
        transaction.mark_opened(envelope);
        Ok(self.commit_opened(transaction, envelope).await?)
    }

    /// Asks a device to send a message again that cannot be opened, in a new session if there is none (any
    /// more): what it writes next is opened. For each time that it comes once, and not more often than
    /// [`MAX_RETRY_REQUESTS`]: the device sends it again less often, and tells its user.
    ///
    /// Nothing but messages is asked for, so nobody asks for a request again.
    pub(super) async fn ask_again(
        self: &Arc<Self>,
        tenant: &Tenant,
        transaction: Transaction,
        mut peer: Peer<'_>,
        envelope: &Envelope,
    ) -> Result<CommitOutcome, RelayError> {
        if !matches!(envelope.kind(), Kind::Message(_)) {
            return Ok(UNANSWERED);
        }
        let Conversation { business, user } = transaction.conversation;
        let key = store_layout::about(store_layout::ASKED, business, envelope.id());
        let found = self.store.get(user, &key, transaction.now).await?;
        let before = found.as_ref().map(|record| RetryRequest::read(&record.value)).transpose()?;
        let attempt = u32::from(envelope.attempt());
        if let Some(asked) = &before {
            if asked.attempt >= attempt {
                // It was asked for when it came first.
                return Ok(UNANSWERED);
            }
            // What was sealed after the last request does not open either: another session, then.
            peer.retire();
        }
        // Requests are counted here and re-sends there: each side ends by itself, whatever the other does.
        let times = before.map_or(0, |asked| asked.times) + 1;
        let asked = RetryRequest { times, attempt };
        self.try_to_ask(tenant, transaction, peer, envelope, &asked, found.map(|record| record.version)).await
    }

    async fn try_to_ask(
        self: &Arc<Self>,
        tenant: &Tenant,
        mut transaction: Transaction,
        mut peer: Peer<'_>,
        envelope: &Envelope,
        asked: &RetryRequest,
        before: Option<Version>,
    ) -> Result<CommitOutcome, RelayError> {
        let (conversation, now, rng) = (transaction.conversation, transaction.now, &*self.rng);
        if asked.times > MAX_RETRY_REQUESTS {
            return self.lose(tenant, transaction, envelope, asked, before).await;
        }
        let mut changed = None;
        if peer.needs_keys(now) {
            let begun = match self.transport.bundle(&tenant.caller, envelope.from()).await {
                Ok(keys) => peer.begin(&self.store, &keys, now, rng).await,
                // It stays with the carrier and comes again: were it acknowledged now, nobody would be told
                // that it was lost.
                Err(error) if error.may_pass() => return Err(error.into()),
                // So does what comes of a device that has left no keys yet: it is about to.
                Err(error @ (TransportError::Fenced { .. } | TransportError::NoKeys)) => {
                    return Err(error.into());
                }
                Err(error) => {
                    refused("unanswerable", &error);
                    return Ok(UNANSWERED);
                }
            };
            match begun {
                Ok(begun) => changed = Changed::of(&peer, begun.identity_changed),
                Err(SealError::Store(error)) => return Err(error.into()),
                Err(SealError::IdentityChanged) => {
                    return self.remember_held(tenant, transaction, peer, envelope).await;
                }
                Err(error) => {
                    refused("unanswerable", &error);
                    return Ok(UNANSWERED);
                }
            }
        }
        let request = Content::new(Body::RetryRequest(envelope.id()));
        match peer.seal(MessageId::new(now, rng), Kind::RetryRequest, &request, now, rng) {
            Ok(sealed) => {
                transaction.put_retry_request(envelope, asked, before);
                transaction.push_outbox(&sealed);
                transaction.put_sessions(peer);
                let kept = self.commit_opened(transaction, envelope).await?;
                if kept == CommitOutcome::Committed {
                    metrics::counter!(ASKED).increment(1);
                    self.tell_identity(tenant, conversation, changed);
                }
                Ok(kept)
            }
            Err(error) => {
                refused("unanswerable", &error);
                Ok(UNANSWERED)
            }
        }
    }

    /// Gives a message up that was asked for as often as any is.
    async fn lose(
        self: &Arc<Self>,
        tenant: &Tenant,
        mut transaction: Transaction,
        envelope: &Envelope,
        asked: &RetryRequest,
        before: Option<Version>,
    ) -> Result<CommitOutcome, RelayError> {
        let Conversation { business, user } = transaction.conversation;
        transaction.put_retry_request(envelope, asked, before);
        let kept = self.commit_opened(transaction, envelope).await?;
        if kept == CommitOutcome::Committed {
            metrics::counter!(DROPPED, "reason" => "lost").increment(1);
            tracing::warn!("a message could not be opened, however often it was asked for");
            let (user, message) = (tenant.user_ids.user_id(user), envelope.id());
            self.reports.tell(Report::MessageLost { business, user, message });
        }
        Ok(kept)
    }

    /// Remembers which new identity of a user waits for approval. Until then the device is not told what was
    /// lost.
    async fn remember_held(
        self: &Arc<Self>,
        tenant: &Tenant,
        mut transaction: Transaction,
        peer: Peer<'_>,
        envelope: &Envelope,
    ) -> Result<CommitOutcome, RelayError> {
        let (conversation, changed) = (transaction.conversation, Changed::of(&peer, true));
        if let Party::User(number) = envelope.from().party() {
            transaction.put_contact(number);
        }
        transaction.put_sessions(peer);
        if !self.commit(transaction).await? {
            return Ok(CommitOutcome::Conflict);
        }
        self.tell_identity(tenant, conversation, changed);
        Ok(CommitOutcome::Committed)
    }
}
