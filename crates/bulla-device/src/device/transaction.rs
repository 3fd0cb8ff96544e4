use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bulla_base::{Address, Party, PhoneNumberId, Timestamp};
use bulla_endpoint::{Peer, Uncommitted};
use bulla_envelope::Envelope;
use bulla_store::{Batch, Commit, Key, Queue, Retention, Space, Store, StoreError, Version};
use bulla_transport::Transport;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Inner;
use super::active_businesses::ActiveBusinesses;
use super::queues::QueueIndexes;
use crate::event::Row;
use crate::metrics::IDENTITY_CHANGES;
use crate::store_layout::{self, INBOX, OUTBOX, SPOKEN};

/// The device's next atomic record, while it is being put together. To be used from within the lane.
pub(super) struct Transaction {
    pub(super) batch: Batch,
    pub(super) now: Timestamp,
    pub(super) head: QueueIndexes,
    head_version: Option<Version>,
    /// What is put into the queues, and where.
    sent: Vec<(u64, Envelope)>,
    noticed: Vec<(u64, Bytes)>,
    /// The sessions in it, to be held when it is durable.
    sessions: Vec<Uncommitted>,
    /// How many identities of businesses it says have changed.
    identities: u64,
    /// The places in the outbox that it takes out because the carrier has what stands there.
    handed_over: Vec<u64>,
    /// Which businesses are marked as active, and which it marks.
    active: ActiveBusinesses,
    marked: Vec<PhoneNumberId>,
    /// By how many there are more messages that are kept because they are not confirmed.
    pub(super) unconfirmed: isize,
}

impl Transaction {
    /// Puts the sessions with `peer` into it.
    pub(super) fn put_sessions(&mut self, peer: Peer<'_>) {
        self.sessions.push(peer.write(&mut self.batch));
    }

    /// Puts `envelope` at the end of the outbox.
    pub(super) fn push_outbox(&mut self, envelope: &Envelope) {
        let (day, place) = self.head.outbox.append(self.now.day());
        let key = self.queue(OUTBOX).key(day, place);
        self.batch.put_until(key, envelope.to_bytes(), Retention::LONGEST.from(self.now));
        self.sent.push((place, envelope.clone()));
        self.mark_active(envelope.to());
    }

    /// Remembers, for as long as anything is, that something was exchanged today with the business at
    /// `address`.
    fn mark_active(&mut self, address: &Address) {
        if let Party::Business(business) = address.party()
            && !self.active.contains(self.now.day(), *business)
            && !self.marked.contains(business)
        {
            self.marked.push(*business);
            let key = Key::dated(SPOKEN, self.now.day(), store_layout::of(*business));
            self.batch.put_until(key, Bytes::new(), Retention::LONGEST.from(self.now));
        }
    }

    /// Puts `envelope` into the place of what stands at `place` in the outbox, if that is still there.
    pub(super) fn replace_in_outbox(&mut self, place: u64, envelope: &Envelope) {
        if let Some(day) = self.head.outbox.day_of(place) {
            let key = self.queue(OUTBOX).key(day, place);
            self.batch.put_until(key, envelope.to_bytes(), Retention::LONGEST.from(self.now));
        }
    }

    /// Takes what stands at `place` out of the outbox.
    pub(super) fn remove_from_outbox(&mut self, place: u64) {
        if let Some(day) = self.head.outbox.remove(place) {
            self.batch.delete(self.queue(OUTBOX).key(day, place));
        }
    }

    /// Puts `event` at the end of the mailbox.
    pub(super) fn push_event(&mut self, event: &Row) {
        self.identities += u64::from(event.is_of_identity());
        let (day, place) = self.head.inbox.append(self.now.day());
        let (key, bytes) = (self.queue(INBOX).key(day, place), event.to_bytes());
        self.batch.put_until(key, bytes.clone(), Retention::LONGEST.from(self.now));
        self.noticed.push((place, bytes));
    }

    /// Takes what stands at `place` out of the mailbox.
    pub(super) fn remove_event(&mut self, place: u64) {
        if let Some(day) = self.head.inbox.remove(place) {
            self.batch.delete(self.queue(INBOX).key(day, place));
        }
    }

    /// Remembers that the envelope with this id was opened.
    pub(super) fn mark_opened(&mut self, envelope: &Envelope) {
        let key = store_layout::seen(envelope.id());
        self.batch.expect_absent(key.clone());
        self.batch.put_until(key, Bytes::new(), Retention::LONGEST.from(self.now));
        self.mark_active(envelope.from());
    }

    pub(super) fn queue(&self, space: Space) -> Queue {
        Queue::new(self.batch.partition(), space, Bytes::new())
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// It goes on when whoever waits leaves: else something would be durable, and not be sent before the next
    /// start.
    async fn commit_and_hand_on(
        &self,
        batch: Batch,
        noticed: Vec<(u64, Bytes)>,
        sent: Vec<(u64, Envelope)>,
    ) -> Result<Commit, StoreError> {
        let (store, tails) = (Arc::clone(&self.store), Arc::clone(&self.tails));
        let (done, outcome) = oneshot::channel();
        let committing = async move {
            let outcome = store.commit(batch).await;
            // Before the caller hears: who is told next must find what was put.
            if let Ok(Commit::Committed(_)) = outcome {
                tails.push(noticed, sent);
            }
            // Who has left does not hear it.
            let _ = done.send(outcome);
        };
        {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(commits) = &mut *commits else { return Err(StoreError::Closed) };
            // Those that are done are let go of, or they would pile up until the device is closed.
            while commits.try_join_next().is_some() {}
            commits.spawn(committing);
        }
        // It is cut short when the device is closed.
        outcome.await.unwrap_or(Err(StoreError::Closed))
    }

    /// How many messages of the user are kept because they are not confirmed.
    pub(super) fn unconfirmed_count(&self) -> usize {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    pub(super) async fn transaction(&self) -> Result<Transaction, StoreError> {
        let now = self.clock.now();
        let record = self.store.get(self.home, &store_layout::head(), now).await?;
        let head = record
            .as_ref()
            .map_or(Ok(QueueIndexes::default()), |record| QueueIndexes::read(&record.value))?;
        let head_version = record.map(|record| record.version);
        let (sent, noticed, sessions, identities, handed_over, marked, unconfirmed) = Default::default();
        let batch = Batch::new(self.home);
        let mut transaction = Transaction {
            batch,
            now,
            head,
            head_version,
            sent,
            noticed,
            sessions,
            identities,
            handed_over,
            active: self.active.clone(),
            marked,
            unconfirmed,
        };
        // They go with whatever is written next: a record of their own would cost as much as to put
        // them there.
        let handed_over = self.handed_over.places();
        handed_over.iter().for_each(|place| transaction.remove_from_outbox(*place));
        transaction.handed_over = handed_over;
        Ok(transaction)
    }

    pub(super) async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        let Transaction {
            mut batch,
            head,
            head_version,
            sent,
            noticed,
            sessions,
            identities,
            handed_over,
            active,
            marked,
            unconfirmed,
            now,
            ..
        } = transaction;
        // Always, also when no place has changed: it is what notices a second program on the same store.
        batch.expect(store_layout::head(), head_version);
        batch.put(store_layout::head(), head.to_bytes());
        match self.commit_and_hand_on(batch, noticed, sent).await? {
            Commit::Committed(version) => {
                sessions.into_iter().for_each(|sessions| sessions.committed(version));
                self.handed_over.settled(&handed_over);
                active.note(now.day(), &marked);
                let count = self.unconfirmed_count().saturating_add_signed(unconfirmed);
                self.unconfirmed.store(count, Ordering::Relaxed);
                if identities > 0 {
                    metrics::counter!(IDENTITY_CHANGES).increment(identities);
                }
                Ok(())
            }
            // The lane is ours: only a second program on the same store can have come in between.
            _ => Err(StoreError::Closed),
        }
    }
}
