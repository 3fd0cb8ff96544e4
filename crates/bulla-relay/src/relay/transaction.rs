use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_base::{Category, Day, DeviceSet, MessageId, Number, Timestamp};
use bulla_endpoint::{Peer, SeenDevices, Uncommitted};
use bulla_envelope::Envelope;
use bulla_meter::{Flow, LedgerSettings, Tally};
use bulla_store::{
    Batch, Commit, Counter, Expiry, Key, Queue, Queued, Record, Retention, Space, Store, StoreError, Version,
};
use bulla_transport::Transport;
use bytes::Bytes;

use super::Inner;
use super::active_workers::{Waiting, Worker};
use super::conversation::Conversation;
use super::lease::taken_over;
use super::queue_page::QueuedRow;
use crate::row::{
    MessagePendingApproval, Outbound, OutboxEntry, QueueIndexes, RetryRequest, StoredEvent, UnconfirmedCopies,
};
use crate::store_layout::{
    self, ASKED, CONTACT, CONTENT, DEFERRED, EVENTS, HEAD, HELD, MESSAGE, METER, OUTBOX, SEEN,
};
use crate::{EventSink, ServiceWindow, Status};

/// The next atomic record of a conversation, while it is being put together.
///
/// To be used under the conversation's lock.
pub(super) struct Transaction {
    pub(super) batch: Batch,
    pub(super) conversation: Conversation,
    pub(super) now: Timestamp,
    /// How deliveries are counted for the carrier's bill, if they are.
    pub(super) ledger: Option<LedgerSettings>,
    /// For how long it is kept what a report of a user's message takes, if it is.
    pub(super) reportable: Option<Retention>,
    head: QueueIndexes,
    head_version: Option<Version>,
    head_before: QueueIndexes,
    /// What messages of the business have come to with it.
    pub(super) reached: Vec<Status>,
    /// The messages of the business that it brings forward, as they are then.
    messages: BTreeMap<MessageId, Record>,
    /// What is put into the queues.
    added: Vec<(Worker, u64, Key, Bytes, Expiry)>,
    /// Events that the business has taken, which it removes.
    taken: Vec<QueuedRow>,
    /// The sessions in it, to be held when it is durable.
    sessions: Vec<Uncommitted>,
    /// What was seen of the list of the user's devices, with what this has seen, if it had to look.
    seen_devices: Option<SeenDevices>,
}

/// What became of what an envelope came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    /// It is durable.
    Committed,
    /// It was before: nothing was stored.
    Duplicate,
    /// Another changed the conversation first: nothing was stored.
    Conflict,
    /// It is more than the store takes: nothing was stored, nor will be.
    TooLarge,
}

impl Transaction {
    /// Puts the sessions with `peer` into it.
    pub(super) fn put_sessions(&mut self, peer: Peer<'_>) {
        self.sessions.push(peer.write(&mut self.batch));
    }

    /// Puts `entry` at the end of the outbox, and says where.
    pub(super) fn push_outbox(&mut self, entry: &OutboxEntry) -> u64 {
        self.push_outbox_until(entry, self.expiry())
    }

    /// As [`push_outbox`](Self::push_outbox), for what is to go with something older.
    pub(super) fn push_outbox_until(&mut self, entry: &OutboxEntry, expiry: Expiry) -> u64 {
        let (day, place) = self.head.outbox.append(self.now.day());
        self.push(Worker::Outbox, day, place, entry.to_bytes(), expiry);
        place
    }

    /// Puts a row into the queue of a worker, and has it handed on when it is durable.
    fn push(&mut self, worker: Worker, day: Day, place: u64, value: Bytes, expiry: Expiry) {
        let key = self.queue(worker.space()).key(day, place);
        self.batch.put_until(key.clone(), value.clone(), expiry);
        self.added.push((worker, place, key, value, expiry));
    }

    /// Puts `entry` into the place in the outbox of what was `read` there, on the condition that nobody has.
    pub(super) fn replace_in_outbox(&mut self, read: &QueuedRow, entry: &OutboxEntry, expiry: Expiry) {
        self.batch.expect_version(read.key.clone(), read.version);
        self.batch.put_until(read.key.clone(), entry.to_bytes(), expiry);
    }

    /// Takes what stands at `place` out of the outbox, if it is there.
    pub(super) fn remove_from_outbox(&mut self, place: u64) {
        if let Some(day) = self.head.outbox.remove(place) {
            self.batch.delete(self.queue(OUTBOX).key(day, place));
        }
    }

    /// Takes what stands at `place` out of the events, if it is there.
    pub(super) fn remove_from_events(&mut self, place: u64) {
        if let Some(day) = self.head.events.remove(place) {
            self.batch.delete(self.queue(EVENTS).key(day, place));
        }
    }

    /// Puts `held` at the end of what waits for the approval of the user's identity, and says where.
    pub(super) fn push_held(&mut self, held: &MessagePendingApproval) -> u64 {
        let (day, place) = self.head.held.append(self.now.day());
        let key = self.queue(HELD).key(day, place);
        self.batch.put_until(key, held.to_bytes(), self.expiry());
        place
    }

    /// Whether nothing stands in any queue of the conversation, as it was read.
    pub(super) const fn has_nothing_queued(&self) -> bool {
        self.head_before.outbox.is_empty()
            && self.head_before.events.is_empty()
            && self.head_before.held.is_empty()
            && self.head_before.deferred.is_empty()
    }

    /// The first events that the business does not have yet.
    pub(super) async fn next_events<S: Store>(
        &self,
        store: &S,
        limit: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        self.head.events.read(store, &self.queue(EVENTS), 0, limit, self.now).await
    }

    /// Whether something is held, as far as is known: it may be over.
    pub(super) const fn has_held(&self) -> bool {
        !self.head.held.is_empty()
    }

    /// The next that is held.
    pub(super) async fn next_held<S: Store>(&self, store: &S) -> Result<Option<Queued>, StoreError> {
        let held = self.head.held.read(store, &self.queue(HELD), 0, 1, self.now).await?;
        Ok(held.into_iter().next())
    }

    /// Takes the next that is held out; what was before it is over.
    pub(super) fn remove_held(&mut self, next: &Queued) {
        self.head.held.remove_through(next.place);
        self.batch.delete(next.key.clone());
    }

    /// Takes out what is held at `place`, wherever that is.
    pub(super) fn remove_held_at(&mut self, place: u64) {
        if let Some(day) = self.head.held.remove(place) {
            self.batch.delete(self.queue(HELD).key(day, place));
        }
    }

    /// Puts `deferred` at the end of what a rule keeps back, and says where.
    pub(super) fn push_deferred(&mut self, deferred: &MessagePendingApproval) -> u64 {
        let (day, place) = self.head.deferred.append(self.now.day());
        let key = self.queue(DEFERRED).key(day, place);
        self.batch.put_until(key, deferred.to_bytes(), self.expiry());
        place
    }

    /// How many are deferred, at most: some of them may be over.
    pub(super) const fn deferred(&self) -> u64 {
        (self.head.deferred.last() + 1).saturating_sub(self.head.deferred.first())
    }

    /// How many messages wait for the carrier or for an approval, at most: some of them may be over.
    pub(super) fn waiting(&self) -> u64 {
        let queues = [&self.head.outbox, &self.head.held];
        queues.map(|queue| (queue.last() + 1).saturating_sub(queue.first())).into_iter().sum()
    }

    /// The next that is deferred.
    pub(super) async fn next_deferred<S: Store>(&self, store: &S) -> Result<Option<Queued>, StoreError> {
        let deferred = self.head.deferred.read(store, &self.queue(DEFERRED), 0, 1, self.now).await?;
        Ok(deferred.into_iter().next())
    }

    /// Takes the next that is deferred out; what was before it is over.
    pub(super) fn remove_deferred(&mut self, next: &Queued) {
        self.head.deferred.remove_through(next.place);
        self.batch.delete(next.key.clone());
    }

    /// Takes out what is deferred at `place`, wherever that is.
    pub(super) fn remove_deferred_at(&mut self, place: u64) {
        if let Some(day) = self.head.deferred.remove(place) {
            self.batch.delete(self.queue(DEFERRED).key(day, place));
        }
    }

    /// Notes that the user has written.
    pub(super) const fn open_window(&mut self) {
        self.head.last_incoming = Some(self.now);
    }

    /// The user's window, if it is kept.
    pub(super) fn window(&self) -> ServiceWindow {
        ServiceWindow::at(self.head.last_incoming, self.now)
    }

    /// When everything that was sent to the user is paid for by the business's rate.
    pub(super) const fn paid(&self) -> Option<Timestamp> {
        self.head.paid
    }

    /// Notes when everything that was sent to the user is paid for.
    pub(super) const fn set_paid(&mut self, paid: Timestamp) {
        self.head.paid = Some(paid);
    }

    /// The devices that the user has, as far as is known.
    pub(super) const fn devices(&self) -> DeviceSet {
        if self.head.devices.is_empty() { DeviceSet::PRIMARY } else { self.head.devices }
    }

    /// Notes which devices the user has, as the carrier says. Nothing is written for the first alone.
    pub(super) fn set_devices(&mut self, devices: DeviceSet) {
        self.head.devices = if devices == DeviceSet::PRIMARY { DeviceSet::EMPTY } else { devices };
    }

    /// What was seen of the list of the user's devices in it so far, to be put back.
    pub(super) const fn take_seen_devices(&mut self) -> Option<SeenDevices> {
        self.seen_devices.take()
    }

    /// Remembers what was seen of the list of the user's devices.
    pub(super) fn put_seen_devices(&mut self, seen: SeenDevices) {
        self.seen_devices = Some(seen);
    }

    fn queue(&self, space: Space) -> Queue {
        store_layout::queue(space, self.conversation.business, self.conversation.user)
    }

    /// Remembers that `envelope` was opened, or never will be.
    pub(super) fn mark_opened(&mut self, envelope: &Envelope) {
        let seen = store_layout::about(SEEN, self.conversation.business, envelope.id());
        let device = Bytes::copy_from_slice(&[envelope.from().device().number()]);
        self.batch.expect_absent(seen.clone());
        self.batch.put_until(seen, device, self.expiry());
    }

    /// Remembers what the message `id` of the business says, until the user's devices have confirmed it.
    pub(super) fn put_content(&mut self, id: MessageId, content: &UnconfirmedCopies, expiry: Expiry) {
        let key = store_layout::about(CONTENT, self.conversation.business, id);
        self.batch.put_until(key, content.to_bytes(), expiry);
    }

    /// Remembers it for as long as the `message`, on the condition that nobody has changed it since it was of
    /// this version.
    pub(super) fn put_content_if(
        &mut self,
        id: MessageId,
        (content, version): (&UnconfirmedCopies, Version),
        message: &Record,
    ) {
        let key = store_layout::about(CONTENT, self.conversation.business, id);
        self.batch.expect_version(key, version);
        self.put_content(id, content, message.expiry.unwrap_or_else(|| self.expiry()));
    }

    /// Remembers that the message `id` of the user was asked for again, as `asked` says, on the condition
    /// that nobody has asked since.
    pub(super) fn put_retry_request(&mut self, id: MessageId, asked: &RetryRequest, before: Option<Version>) {
        let key = store_layout::about(ASKED, self.conversation.business, id);
        self.batch.expect(key.clone(), before);
        self.batch.put_until(key, asked.to_bytes(), self.expiry());
    }

    /// Puts `event` at the end of the events, to be told for as long as what it is about lives.
    pub(super) fn push_event(&mut self, event: &StoredEvent, expiry: Expiry) {
        let (day, place) = self.head.events.append(self.now.day());
        self.push(Worker::Events, day, place, event.to_bytes(), expiry);
    }

    /// Counts a message of today for the bill.
    pub(super) fn count(&mut self, flow: Flow, category: Category) {
        let tally = Tally::new(self.conversation.business, self.now.day(), flow, category);
        self.batch.add(Counter::new(METER, tally.to_name().to_vec()), 1);
    }

    /// Remembers the user's number, for this business, as long as what is exchanged today lives.
    pub(super) fn put_contact(&mut self, number: &Number) {
        let digits = Bytes::copy_from_slice(number.digits().as_bytes());
        let key = Key::dated(CONTACT, self.now.day(), store_layout::of(self.conversation.business));
        self.batch.put_until(key, digits, self.expiry());
    }

    pub(super) fn put_message(&mut self, id: MessageId, record: &Record, outbound: &Outbound) {
        // It holds what the message does, so it is kept no longer.
        let expiry = record.expiry.unwrap_or_else(|| self.expiry());
        let key = store_layout::about(MESSAGE, self.conversation.business, id);
        self.batch.expect_version(key.clone(), record.version);
        let value = outbound.to_bytes();
        self.batch.put_until(key, value.clone(), expiry);
        self.messages.insert(id, Record::new(record.version, Some(expiry), value));
    }

    /// The message `id` of the business, as it is with what this does to it.
    pub(super) async fn message<S: Store>(
        &self,
        store: &S,
        id: MessageId,
    ) -> Result<Option<Record>, StoreError> {
        if let Some(record) = self.messages.get(&id) {
            return Ok(Some(record.clone()));
        }
        let key = store_layout::about(MESSAGE, self.conversation.business, id);
        store.get(self.conversation.user, &key, self.now).await
    }

    /// When what is made now is forgotten at the latest.
    pub(super) fn expiry(&self) -> Expiry {
        Retention::LONGEST.from(self.now)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// An empty record of `conversation`.
    pub(super) async fn transaction(&self, conversation: Conversation) -> Result<Transaction, StoreError> {
        let now = self.clock.now();
        let key = Key::undated(HEAD, store_layout::of(conversation.business));
        let record = self.store.get(conversation.user, &key, now).await?;
        let head = record
            .as_ref()
            .map_or(Ok(QueueIndexes::default()), |record| QueueIndexes::read(&record.value))?;
        let head_version = record.map(|record| record.version);
        let batch = Batch::new(conversation.user);
        // They go with whatever is written next: a record of their own would cost as much as to tell them.
        let taken = self.still_taken(conversation).await?;
        let mut transaction = Transaction {
            batch,
            conversation,
            now,
            ledger: self.settings.ledger.clone(),
            reportable: self.settings.reportable,
            head_version,
            head_before: head.clone(),
            head,
            taken: Vec::new(),
            reached: Vec::new(),
            messages: BTreeMap::new(),
            added: Vec::new(),
            sessions: Vec::new(),
            seen_devices: None,
        };
        taken.iter().for_each(|read| transaction.remove_from_events(read.place));
        transaction.taken = taken;
        Ok(transaction)
    }

    /// Commits `transaction` and wakes the workers for what is in it. False when somebody else changed the
    /// conversation first.
    pub(super) async fn commit(self: &Arc<Self>, transaction: Transaction) -> Result<bool, StoreError> {
        Ok(matches!(self.try_commit(transaction).await?, Commit::Committed(_)))
    }

    /// Commits `transaction`, which notes that `envelopes` were opened or never will be.
    pub(super) async fn commit_opened(
        self: &Arc<Self>,
        transaction: Transaction,
        envelopes: &[&Envelope],
    ) -> Result<CommitOutcome, StoreError> {
        let business = transaction.conversation.business;
        let seen = |envelope: &&Envelope| store_layout::about(SEEN, business, envelope.id());
        match self.try_commit(transaction).await {
            Ok(Commit::Committed(_)) => Ok(CommitOutcome::Committed),
            // Whether or not it can be read any more: a guard against duplicates does not open by the clock.
            Ok(Commit::Conflict(key)) if envelopes.iter().any(|envelope| seen(envelope) == key) => {
                Ok(CommitOutcome::Duplicate)
            }
            Ok(_) => Ok(CommitOutcome::Conflict),
            Err(StoreError::TooLarge { what, actual, limit }) => {
                tracing::warn!(what, actual, limit, "an envelope comes to more than the store takes");
                Ok(CommitOutcome::TooLarge)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn try_commit(self: &Arc<Self>, transaction: Transaction) -> Result<Commit, StoreError> {
        let Transaction {
            mut batch,
            conversation,
            now,
            head,
            head_version,
            head_before,
            reached,
            added,
            taken,
            sessions,
            seen_devices,
            ..
        } = transaction;
        seen_devices.into_iter().for_each(|seen| seen.write(&mut batch));
        // Before the commit: if a user is erased meanwhile, what is handed on below is looked up again.
        let begun = self.erasures.begun();
        // What only takes things out makes no work, and nothing to end later.
        if !batch.puts().is_empty() {
            self.mark(conversation, head_version.is_none(), now).await?;
        }
        // A record that moves nothing in a queue cannot be in the way of one that does.
        if head != head_before {
            let key = Key::undated(HEAD, store_layout::of(conversation.business));
            batch.expect(key.clone(), head_version);
            batch.put(key, head.to_bytes());
        }
        if !self.role.may_act() {
            return Err(taken_over());
        }
        let outcome = self.store.commit(batch).await?;
        let Commit::Committed(version) = outcome else { return Ok(outcome) };
        // Durable before visible: nothing of it is held, counted or handed on before this line.
        self.acknowledged_events.settled(conversation, &taken);
        sessions.into_iter().for_each(|sessions| sessions.committed(version));
        reached.into_iter().for_each(|status| self.counts.reached(status));
        let (mut envelopes, mut events) = (Vec::new(), Vec::new());
        for (worker, place, key, value, expiry) in added {
            let waiting = Waiting { read: QueuedRow { place, key, version, begun }, value, expiry };
            if worker == Worker::Outbox { &mut envelopes } else { &mut events }.push(waiting);
        }
        let has_written = head.last_incoming != head_before.last_incoming;
        if (head.deferred != head_before.deferred || has_written) && !head.deferred.is_empty() {
            self.wake(conversation, Worker::Deferred);
            if has_written {
                self.workers.has_written(conversation, Worker::Deferred);
            }
        }
        for (worker, added) in [(Worker::Outbox, envelopes), (Worker::Events, events)] {
            if !added.is_empty() {
                self.wake_for(conversation, worker, worker.index(&head).first(), added);
            }
        }
        Ok(outcome)
    }
}
