//! Messages of which the time to live ends sooner than that of the others: each fails at its own moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{MessageId, Partition, PhoneNumberId, Timestamp};
use bulla_store::{Batch, Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use tokio::sync::Notify;

use super::Inner;
use super::conversation::Conversation;
use super::failure_domain::FailureDomain;
use crate::limits::SWEEP_INTERVAL;
use crate::store_layout::{self, DUE, MESSAGE};
use crate::{EventSink, RelayError};

/// How many are in memory at most. What is beyond is found by a sweep: it then fails up to [`SWEEP_INTERVAL`]
/// after its time.
const MOST_IN_MEMORY: usize = 65_536;

/// How many that are due at once are ended before the others are looked at.
const AT_ONCE: usize = 128;

/// The messages of which the time ends next.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    next: Mutex<BTreeMap<(Timestamp, MessageId), Conversation>>,
    changed: Notify,
}

impl Deadlines {
    /// Notes that the time of a message ends; unless there is no room.
    fn note(&self, due: Timestamp, conversation: Conversation, id: MessageId) {
        let mut next = self.next();
        if next.len() < MOST_IN_MEMORY {
            next.insert((due, id), conversation);
            drop(next);
            self.changed.notify_one();
        }
    }

    fn first(&self) -> Option<Timestamp> {
        self.next().keys().next().map(|(due, _)| *due)
    }

    /// Takes some of those whose time is over.
    fn take_due(&self, now: Timestamp) -> Vec<(Timestamp, MessageId, Conversation)> {
        let mut next = self.next();
        let mut due = Vec::new();
        while due.len() < AT_ONCE
            && let Some(entry) = next.first_entry()
            && entry.key().0 <= now
        {
            let ((at, id), conversation) = entry.remove_entry();
            due.push((at, id, conversation));
        }
        due
    }

    fn next(&self) -> MutexGuard<'_, BTreeMap<(Timestamp, MessageId), Conversation>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mark that the time of a message of the conversation ends at `due`.
fn mark(conversation: Conversation, due: Timestamp, id: MessageId) -> Key {
    let name = [&conversation.user.as_bytes()[..], &due.as_millis().to_be_bytes(), id.as_bytes()].concat();
    Key::dated(DUE, id.day(), name)
}

/// What [`mark`] names.
fn read(key: &Key) -> Result<(Partition, Timestamp, MessageId), StoreError> {
    let damaged = || StoreError::Damaged { what: "mark" };
    let (user, rest) = key.name().split_first_chunk().ok_or_else(damaged)?;
    let (due, id) = rest.split_first_chunk().ok_or_else(damaged)?;
    let id = MessageId::from_bytes(id).map_err(|_| damaged())?;
    Ok((Partition::from_bytes(*user), Timestamp::from_millis(u64::from_be_bytes(*due)), id))
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Marks, durably, that the time of a message that is about to be made durable ends at `due`: were it the
    /// other way round, a crash in between would let it live as long as the others. Alone it does no harm.
    pub(super) async fn mark_due(
        &self,
        conversation: Conversation,
        due: Timestamp,
        id: MessageId,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new(self.home(conversation.business));
        batch.put_until(mark(conversation, due, id), Bytes::new(), Retention::LONGEST.from(id.time()));
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Says that a message that was marked is durable.
    pub(super) fn note_due(&self, conversation: Conversation, due: Timestamp, id: MessageId) {
        if due <= self.clock.now().after(SWEEP_INTERVAL * 2) {
            self.deadlines.note(due, conversation, id);
        }
    }

    /// Looks up which messages of `business` come to their end before the sweep after the next.
    pub(super) async fn find_due(&self, business: PhoneNumberId, now: Timestamp) -> Result<(), StoreError> {
        let (home, soon) = (self.home(business), now.after(SWEEP_INTERVAL * 2));
        let mut scan = store_layout::all(DUE, now);
        loop {
            let page = self.store.keys(home, &scan, now).await?;
            let Some(last) = page.last() else { return Ok(()) };
            scan = store_layout::all(DUE, now).after(last.clone());
            for key in page {
                let (user, due, id) = read(&key)?;
                if due <= soon {
                    self.deadlines.note(due, Conversation { business, user }, id);
                }
            }
        }
    }

    /// Fails messages when their time is over, for as long as the relay runs.
    pub(super) async fn keep_deadlines(self: Arc<Self>) -> Result<(), RelayError> {
        loop {
            let now = self.clock.now();
            match self.deadlines.first() {
                None => self.deadlines.changed.notified().await,
                Some(next) if next > now => tokio::select! {
                    () = self.deadlines.changed.notified() => {}
                    () = self.clock.sleep(next.since(now)) => {}
                },
                Some(_) => self.end_due(now).await?,
            }
        }
    }

    /// Fails those whose time is over and that have not arrived, and takes their marks away. What cannot be
    /// ended now keeps its mark, and is found by a sweep.
    async fn end_due(self: &Arc<Self>, now: Timestamp) -> Result<(), RelayError> {
        let mut ended = BTreeMap::<PhoneNumberId, Vec<Key>>::new();
        for (due, id, conversation) in self.deadlines.take_due(now) {
            let Some(tenant) = self.businesses.tenant(conversation.business) else { continue };
            if self.suspensions.of(conversation).is_some() {
                continue;
            }
            let message = store_layout::about(MESSAGE, conversation.business, id);
            match self.fail(conversation, &message).await {
                Ok(()) => ended.entry(conversation.business).or_default().push(mark(conversation, due, id)),
                Err(error) => self.contain_or_put_off(&tenant, conversation, error)?,
            }
        }
        for (business, marks) in ended {
            let mut batch = Batch::new(self.home(business));
            marks.into_iter().for_each(|key| batch.delete(key));
            if let Err(error) = self.store.commit(batch).await {
                let error = RelayError::from(error);
                if error.failure_domain() == FailureDomain::Relay {
                    return Err(error);
                }
                // They are found again, and there is nothing to be done about their messages.
                tracing::warn!(error = &error as &dyn std::error::Error, "marks stay behind");
            }
        }
        Ok(())
    }

    fn contain_or_put_off(
        self: &Arc<Self>,
        tenant: &Arc<super::tenant::Tenant>,
        conversation: Conversation,
        error: RelayError,
    ) -> Result<(), RelayError> {
        match self.contain(tenant, Some(conversation), error) {
            Err(error) if error.failure_domain() == FailureDomain::Passing => {
                self.counts.retried("store");
                Ok(())
            }
            contained => contained,
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    fn of(user: u8) -> Conversation {
        Conversation { business: PhoneNumberId::new(7), user: Partition::from_bytes([user; 16]) }
    }

    #[test]
    fn a_mark_names_what_ends_and_when_and_nothing_else_is_read() {
        let (due, id) =
            (Timestamp::from_millis(77), MessageId::new(Timestamp::from_millis(5), &SeededRng::new(1)));
        let key = mark(of(3), due, id);
        assert_eq!(read(&key).unwrap(), (of(3).user, due, id));
        for bytes in [0, 16, 24, 39, 41] {
            assert!(read(&Key::undated(DUE, vec![0; bytes])).is_err(), "{bytes}");
        }
    }

    #[test]
    fn those_that_are_due_come_in_their_order_and_what_does_not_fit_is_left_to_a_sweep() {
        let (deadlines, rng) = (Deadlines::default(), SeededRng::new(1));
        let at = Timestamp::from_millis;
        let ids: Vec<MessageId> = (0..=MOST_IN_MEMORY).map(|_| MessageId::new(at(0), &rng)).collect();
        for (number, id) in ids.iter().enumerate() {
            deadlines.note(at(number as u64), of(1), *id);
        }
        assert_eq!(deadlines.next().len(), MOST_IN_MEMORY, "one more than there may be");
        assert_eq!(deadlines.first(), Some(at(0)));
        let due: Vec<MessageId> = deadlines.take_due(at(2)).into_iter().map(|(_, id, _)| id).collect();
        assert_eq!(due, ids[..3]);
        assert_eq!(deadlines.take_due(at(2)), []);
        assert_eq!(deadlines.take_due(at(u64::MAX)).len(), AT_ONCE);
        deadlines.note(at(1), of(1), ids[MOST_IN_MEMORY]);
        assert_eq!(deadlines.first(), Some(at(1)), "there is room again");
    }
}
