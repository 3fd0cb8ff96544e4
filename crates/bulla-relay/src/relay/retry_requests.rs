//! What a user has sent and the relay cannot open is asked for again, until it comes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_base::{Address, MessageId, Party};
use bulla_content::{Body, Content, RetryRequest as Request};
use bulla_endpoint::{Peer, RetrySchedule, SealError};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{Store, StoreError, Version};
use bulla_transport::{Transport, TransportError};

use super::Inner;
use super::active_business::ActiveBusiness;
use super::attempts::{Attempt, Attempts};
use super::conversation::Conversation;
use super::deadline_scheduler::{Action, Deadline};
use super::identities::Changed;
use super::open_envelopes::refused;
use super::pending_identity_approval::passing;
use super::transaction::{CommitOutcome, Transaction};
use crate::metrics::{ASKED, DROPPED};
use crate::row::{OutboxEntry, RetryRequest};
use crate::store_layout::{self, ASKED as ASKED_FOR, SEEN};
use crate::{EventSink, RelayError, Report, SubmitError};

/// What is dropped without an answer is not noted: to drop it again costs no more.
const UNANSWERED: CommitOutcome = CommitOutcome::Committed;

/// What became of a request.
enum Sealing {
    /// It is in the outbox; with the user's new identity, if that has changed.
    Sealed(Option<Changed>),
    /// The user's new identity is to be approved first.
    Held,
    /// The device is not known to be the user's yet: it is asked later.
    Unlisted,
    /// The device has left no keys that could be used.
    Unanswerable,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Drops an envelope that comes to more than the store takes, as one that cannot be opened: else it would
    /// come again after every restart, and one device could stop the relay for all.
    pub(super) async fn give_up(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
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
        Ok(self.commit_opened(transaction, &[envelope]).await?)
    }

    /// Asks a device to send a message again that cannot be opened, in a new session if there is none (any
    /// more): what it writes next is opened. For each time that it comes once, and again when it does not
    /// come, as [`RetrySchedule`] says.
    ///
    /// Nothing but messages is asked for, so nobody asks for a request again.
    pub(super) async fn ask_again(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        transaction: Transaction,
        mut peer: Peer<'_>,
        envelope: &Envelope,
    ) -> Result<CommitOutcome, RelayError> {
        if !matches!(envelope.kind(), Kind::Message(_)) {
            return Ok(UNANSWERED);
        }
        let (now, attempt) = (transaction.now, envelope.attempt());
        let (before, version) = match self.asked_for(&transaction, envelope.id()).await? {
            Some((asked, version)) => (Some(asked.schedule), Some(version)),
            None => (None, None),
        };
        if let Some(schedule) = before {
            if schedule.covers(attempt) {
                // It was asked for when it came first.
                return Ok(UNANSWERED);
            }
            // What was sealed after the last request does not open either: another session, then.
            peer.retire();
        }
        // Requests are counted here and re-sends there: each side ends by itself, whatever the other does.
        let schedule = before.unwrap_or_else(|| RetrySchedule::never(now)).once_more(attempt, now);
        if schedule.is_over(now) {
            let asked = RetryRequest::new(schedule.over(), envelope.from());
            return self.lose(tenant, transaction, envelope, &asked, version).await;
        }
        self.try_to_ask(tenant, transaction, peer, envelope, schedule, version).await
    }

    async fn try_to_ask(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        mut transaction: Transaction,
        mut peer: Peer<'_>,
        envelope: &Envelope,
        schedule: RetrySchedule,
        before: Option<Version>,
    ) -> Result<CommitOutcome, RelayError> {
        let (conversation, id) = (transaction.conversation, envelope.id());
        let request = Request::new(id, schedule.attempt());
        let (asked, changed) =
            match self.seal_request(tenant, &mut transaction, &mut peer, envelope.from(), request).await? {
                Sealing::Sealed(changed) => (1, changed),
                Sealing::Unlisted => (0, None),
                Sealing::Held => return self.remember_held(tenant, transaction, peer, envelope).await,
                Sealing::Unanswerable => return Ok(UNANSWERED),
            };
        transaction.put_retry_request(id, &RetryRequest::new(schedule, envelope.from()), before);
        transaction.put_sessions(peer);
        let deadline = Deadline { due: schedule.next(), id, action: Action::AskAgain, conversation };
        self.mark_deadlines(conversation.business, &[deadline]).await?;
        let kept = self.commit_opened(transaction, &[envelope]).await?;
        if kept == CommitOutcome::Committed {
            metrics::counter!(ASKED).increment(asked);
            self.note_deadline(deadline);
            self.tell_identities(tenant, conversation, changed);
        }
        Ok(kept)
    }

    /// Seals `request` to the device `of` into `transaction`, in a new session if there is none to seal in.
    async fn seal_request(
        &self,
        tenant: &ActiveBusiness,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        of: &Address,
        request: Request,
    ) -> Result<Sealing, RelayError> {
        let (now, rng) = (transaction.now, &*self.rng);
        let mut changed = None;
        if peer.needs_keys(now) {
            let begun = match Box::pin(self.transport.bundle(&tenant.caller, of)).await {
                Ok(keys) => self.begin_listed(tenant, transaction, peer, &keys).await,
                // It stays with the carrier and comes again: were it acknowledged now, nobody would be told
                // that it was lost.
                Err(error) if error.may_pass() => return Err(error.into()),
                // So does what comes of a device that has left no keys yet: it is about to.
                Err(error @ (TransportError::Fenced { .. } | TransportError::NoKeys)) => {
                    return Err(error.into());
                }
                Err(error) => {
                    refused("unanswerable", &error);
                    return Ok(Sealing::Unanswerable);
                }
            };
            match begun {
                Ok(begun) => changed = Changed::of(peer, begun.identity_changed),
                Err(SealError::Store(error)) => return Err(error.into()),
                Err(SealError::IdentityChanged) => return Ok(Sealing::Held),
                Err(SealError::NotListed(_)) => return Ok(Sealing::Unlisted),
                Err(error) => {
                    refused("unanswerable", &error);
                    return Ok(Sealing::Unanswerable);
                }
            }
        }
        let request = Content::new(Body::RetryRequest(request));
        match peer.seal(MessageId::new(now, rng), Kind::RetryRequest, &request, now, rng) {
            Ok(sealed) => {
                transaction.push_outbox(&OutboxEntry::of(sealed));
                Ok(Sealing::Sealed(changed))
            }
            Err(error) => {
                refused("unanswerable", &error);
                Ok(Sealing::Unanswerable)
            }
        }
    }

    /// Asks once more for those of the messages in `deadlines` that have not come: a request may be lost as
    /// well, for instance when the device it goes to is put back from a backup.
    pub(super) async fn repeat_requests(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        deadlines: &[Deadline],
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if let Attempt::Done(()) = self.try_to_repeat(tenant, conversation, deadlines).await? {
                return Ok(());
            }
        }
    }

    async fn try_to_repeat(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        deadlines: &[Deadline],
    ) -> Result<Attempt<()>, RelayError> {
        let mut transaction = self.transaction(conversation).await?;
        let (now, mut next, mut lost) = (transaction.now, Vec::new(), Vec::new());
        let (mut asked_again, mut identities) = (0, Vec::new());
        for (device, waiting) in self.awaited(&transaction, deadlines).await? {
            let mut peer = self.asked_device(tenant, &transaction, &device).await?;
            // One new session for all: each that is begun costs one of the device's one-time keys.
            peer.retire();
            for (id, schedule, version) in waiting {
                let mut schedule = schedule.once_more(schedule.attempt(), now);
                if schedule.is_over(now) {
                    schedule = schedule.over();
                    lost.push(id);
                } else {
                    let request = Request::new(id, schedule.attempt());
                    let sealing = self.seal_request(tenant, &mut transaction, &mut peer, &device, request);
                    if let Sealing::Sealed(changed) = sealing.await? {
                        asked_again += 1;
                        identities.push(changed);
                    }
                    next.push(Deadline { due: schedule.next(), id, action: Action::AskAgain, conversation });
                }
                transaction.put_retry_request(id, &RetryRequest::new(schedule, &device), Some(version));
            }
            transaction.put_sessions(peer);
        }
        if next.is_empty() && lost.is_empty() {
            return Ok(Attempt::Done(()));
        }
        self.mark_deadlines(conversation.business, &next).await?;
        if !self.commit(transaction).await? {
            return Ok(Attempt::Conflict);
        }
        metrics::counter!(ASKED).increment(asked_again);
        next.into_iter().for_each(|deadline| self.note_deadline(deadline));
        self.tell_identities(tenant, conversation, identities.into_iter().flatten());
        lost.into_iter().for_each(|message| self.tell_lost(tenant, conversation, message));
        Ok(Attempt::Done(()))
    }

    /// Those of the messages in `deadlines` that are due and have not come, by the device they are from.
    async fn awaited(
        &self,
        transaction: &Transaction,
        deadlines: &[Deadline],
    ) -> Result<BTreeMap<Address, Vec<(MessageId, RetrySchedule, Version)>>, StoreError> {
        let Conversation { business, user } = transaction.conversation;
        let mut awaited = BTreeMap::<Address, Vec<_>>::new();
        for Deadline { id, .. } in deadlines {
            let seen = store_layout::about(SEEN, business, *id);
            if self.store.get(user, &seen, transaction.now).await?.is_some() {
                continue;
            }
            let Some((asked, version)) = self.asked_for(transaction, *id).await? else { continue };
            // It may have been asked for meanwhile, since it came for another time: then it has another
            // deadline.
            if !asked.schedule.has_ended() && asked.schedule.next() <= transaction.now {
                awaited.entry(asked.from()?).or_default().push((*id, asked.schedule, version));
            }
        }
        Ok(awaited)
    }

    async fn asked_for(
        &self,
        transaction: &Transaction,
        id: MessageId,
    ) -> Result<Option<(RetryRequest, Version)>, StoreError> {
        let Conversation { business, user } = transaction.conversation;
        let key = store_layout::about(ASKED_FOR, business, id);
        let record = self.store.get(user, &key, transaction.now).await?;
        record.map(|record| Ok((RetryRequest::read(&record.value)?, record.version))).transpose()
    }

    /// The sessions with a device that was asked before.
    async fn asked_device<'v>(
        &self,
        tenant: &'v ActiveBusiness,
        transaction: &Transaction,
        device: &Address,
    ) -> Result<Peer<'v>, RelayError> {
        let user = transaction.conversation.user;
        let peer = tenant.endpoint.peer(&self.store, user, device, transaction.now).await;
        peer.map_err(|error| passing(SubmitError::Seal(error)))
    }

    /// Gives a message up that was asked for as often as any is.
    async fn lose(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        mut transaction: Transaction,
        envelope: &Envelope,
        asked: &RetryRequest,
        before: Option<Version>,
    ) -> Result<CommitOutcome, RelayError> {
        let conversation = transaction.conversation;
        transaction.put_retry_request(envelope.id(), asked, before);
        let kept = self.commit_opened(transaction, &[envelope]).await?;
        if kept == CommitOutcome::Committed {
            self.tell_lost(tenant, conversation, envelope.id());
        }
        Ok(kept)
    }

    fn tell_lost(
        &self,
        tenant: &ActiveBusiness,
        Conversation { business, user }: Conversation,
        message: MessageId,
    ) {
        metrics::counter!(DROPPED, "reason" => "lost").increment(1);
        tracing::warn!("a message could not be opened, however often it was asked for");
        let user = tenant.user_ids.user_id(user);
        self.reports.tell(Report::MessageLost { business, user, message });
    }

    /// Remembers which new identity of a user waits for approval. Until then the device is not told what was
    /// lost.
    async fn remember_held(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
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
        self.tell_identities(tenant, conversation, changed);
        Ok(CommitOutcome::Committed)
    }
}
