//! What is to be done at its own moment: each is marked in the store, and the next are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{MessageId, Partition, PhoneNumberId, Timestamp};
use bulla_store::{Batch, Key, Retention, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use tokio::sync::Notify;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::conversation::Conversation;
use super::fault_isolation::FailureScope;
use crate::limits::{DEADLINES_AT_ONCE, MAX_DEADLINES_IN_MEMORY, SWEEP_INTERVAL};
use crate::store_layout::{self, DUE, MESSAGE};
use crate::{EventSink, RelayError};

/// What there is to do at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// A message of the business fails, if it has not arrived.
    Fail,
    /// A message of a user is asked for once more, if it has not come.
    AskAgain,
}

/// What is to be done about a message, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub(super) due: Timestamp,
    pub(super) id: MessageId,
    pub(super) action: Action,
    pub(super) conversation: Conversation,
}

impl Deadline {
    /// Where it is marked.
    fn mark(&self) -> Key {
        let (user, due) = (self.conversation.user.as_bytes(), self.due.as_millis().to_be_bytes());
        let action = match self.action {
            Action::Fail => 0,
            Action::AskAgain => 1,
        };
        Key::dated(DUE, self.id.day(), [&user[..], &due, self.id.as_bytes(), &[action]].concat())
    }

    /// What [`mark`](Self::mark) names.
    fn read(business: PhoneNumberId, mark: &Key) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged { what: "mark" };
        let (user, rest) = mark.name().split_first_chunk().ok_or_else(damaged)?;
        let (due, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (action, id) = rest.split_last().ok_or_else(damaged)?;
        let action = match action {
            0 => Action::Fail,
            1 => Action::AskAgain,
            _ => return Err(damaged()),
        };
        Ok(Self {
            due: Timestamp::from_millis(u64::from_be_bytes(*due)),
            id: MessageId::from_bytes(id).map_err(|_| damaged())?,
            action,
            conversation: Conversation { business, user: Partition::from_bytes(*user) },
        })
    }
}

/// The deadlines that come next.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    next: Mutex<BTreeSet<Deadline>>,
    changed: Notify,
}

impl Deadlines {
    /// Notes one that is marked; unless there is no room.
    fn note(&self, deadline: Deadline) {
        let mut next = self.next();
        if next.len() < MAX_DEADLINES_IN_MEMORY {
            next.insert(deadline);
            drop(next);
            self.changed.notify_one();
        }
    }

    fn first(&self) -> Option<Timestamp> {
        self.next().first().map(|first| first.due)
    }

    /// Takes some of those that have come.
    fn take_due(&self, now: Timestamp) -> Vec<Deadline> {
        let (mut next, mut due) = (self.next(), Vec::new());
        while due.len() < DEADLINES_AT_ONCE
            && next.first().is_some_and(|first| first.due <= now)
            && let Some(first) = next.pop_first()
        {
            due.push(first);
        }
        due
    }

    fn next(&self) -> MutexGuard<'_, BTreeSet<Deadline>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Marks, durably, `deadlines` of one business, of what is about to be made durable: were it the other
    /// way round, a crash in between would leave nobody to meet them. Alone a mark does no harm.
    pub(super) async fn mark_deadlines(
        &self,
        business: PhoneNumberId,
        deadlines: &[Deadline],
    ) -> Result<(), StoreError> {
        if deadlines.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(self.home(business));
        for deadline in deadlines {
            let expiry = Retention::LONGEST.from(deadline.id.time());
            batch.put_until(deadline.mark(), Bytes::new(), expiry);
        }
        // It expects nothing, so nothing can be in the way.
        let _ = self.store.commit(batch).await?;
        Ok(())
    }

    /// Says that what a marked deadline is about is durable.
    pub(super) fn note_deadline(&self, deadline: Deadline) {
        if deadline.due <= self.clock.now().after(SWEEP_INTERVAL * 2) {
            self.deadlines.note(deadline);
        }
    }

    /// Looks up which deadlines of `business` come before the sweep after the next.
    pub(super) async fn find_deadlines(
        &self,
        business: PhoneNumberId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (home, soon) = (self.home(business), now.after(SWEEP_INTERVAL * 2));
        let mut scan = store_layout::all(DUE, now);
        loop {
            let page = self.store.keys(home, &scan, now).await?;
            let Some(last) = page.last() else { return Ok(()) };
            scan = store_layout::all(DUE, now).after(last.clone());
            for key in page {
                let deadline = Deadline::read(business, &key)?;
                if deadline.due <= soon {
                    self.deadlines.note(deadline);
                }
            }
        }
    }

    /// Meets the deadlines when they come, for as long as the relay runs.
    pub(super) async fn keep_deadlines(self: Arc<Self>) -> Result<(), RelayError> {
        loop {
            let now = self.clock.now();
            match self.deadlines.first() {
                None => self.deadlines.changed.notified().await,
                Some(next) if next > now => tokio::select! {
                    () = self.deadlines.changed.notified() => {}
                    () = self.clock.sleep(next.since(now)) => {}
                },
                Some(_) => self.meet_due(now).await?,
            }
        }
    }

    /// Meets some that have come, and takes their marks away. What cannot be met now keeps its mark, and is
    /// found by a sweep.
    async fn meet_due(self: &Arc<Self>, now: Timestamp) -> Result<(), RelayError> {
        let mut by_conversation = BTreeMap::<(Conversation, Action), Vec<Deadline>>::new();
        for deadline in self.deadlines.take_due(now) {
            by_conversation.entry((deadline.conversation, deadline.action)).or_default().push(deadline);
        }
        let mut met = BTreeMap::<PhoneNumberId, Vec<Key>>::new();
        for ((conversation, action), deadlines) in by_conversation {
            let Some(tenant) = self.businesses.tenant(conversation.business) else { continue };
            if self.suspensions.of(conversation).is_some() {
                continue;
            }
            match self.meet(&tenant, conversation, action, &deadlines).await {
                Ok(()) => {
                    met.entry(conversation.business).or_default().extend(deadlines.iter().map(Deadline::mark))
                }
                Err(error) => self.contain_or_put_off(&tenant, conversation, error)?,
            }
        }
        for (business, marks) in met {
            let mut batch = Batch::new(self.home(business));
            marks.into_iter().for_each(|key| batch.delete(key));
            if let Err(error) = self.store.commit(batch).await {
                let error = RelayError::from(error);
                if error.failure_scope() == FailureScope::Relay {
                    return Err(error);
                }
                // They are found again, and there is nothing to be done about their messages.
                tracing::warn!(error = &error as &dyn std::error::Error, "marks stay behind");
            }
        }
        Ok(())
    }

    async fn meet(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        action: Action,
        deadlines: &[Deadline],
    ) -> Result<(), RelayError> {
        match action {
            Action::Fail => {
                for deadline in deadlines {
                    let message = store_layout::about(MESSAGE, conversation.business, deadline.id);
                    self.fail(conversation, &message).await?;
                }
                Ok(())
            }
            Action::AskAgain => self.repeat_requests(tenant, conversation, deadlines).await,
        }
    }

    fn contain_or_put_off(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Conversation,
        error: RelayError,
    ) -> Result<(), RelayError> {
        let is_of_carrier = matches!(error, RelayError::Transport(_));
        match self.contain(tenant, Some(conversation), error) {
            Err(error) if error.failure_scope() == FailureScope::Passing => {
                self.counts.retried(if is_of_carrier { "carrier" } else { "store" });
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

    fn at(due: u64, id: MessageId) -> Deadline {
        let conversation =
            Conversation { business: PhoneNumberId::new(7), user: Partition::from_bytes([3; 16]) };
        Deadline { due: Timestamp::from_millis(due), id, action: Action::Fail, conversation }
    }

    #[test]
    fn a_mark_names_what_is_due_and_when_and_nothing_else_is_read() {
        let id = MessageId::new(Timestamp::from_millis(5), &SeededRng::new(1));
        for action in [Action::Fail, Action::AskAgain] {
            let deadline = Deadline { action, ..at(77, id) };
            assert_eq!(Deadline::read(PhoneNumberId::new(7), &deadline.mark()).unwrap(), deadline);
        }
        let mut unknown = at(77, id).mark().name().to_vec();
        unknown[40] = 2;
        let others = [0, 16, 24, 39, 40, 41, 42].map(|length| vec![0; length]);
        for name in others.into_iter().chain([unknown]) {
            let mark = Key::undated(DUE, name.clone());
            assert!(Deadline::read(PhoneNumberId::new(7), &mark).is_err(), "{name:?}");
        }
    }

    #[test]
    fn those_that_are_due_come_in_their_order_and_what_does_not_fit_is_left_to_a_sweep() {
        let (deadlines, rng) = (Deadlines::default(), SeededRng::new(1));
        let ids: Vec<MessageId> =
            (0..=MAX_DEADLINES_IN_MEMORY).map(|_| MessageId::new(Timestamp::from_millis(0), &rng)).collect();
        for (number, id) in ids.iter().enumerate() {
            deadlines.note(at(number as u64, *id));
        }
        assert_eq!(deadlines.next().len(), MAX_DEADLINES_IN_MEMORY, "one more than there may be");
        assert_eq!(deadlines.first(), Some(Timestamp::from_millis(0)));
        let due = |now| deadlines.take_due(Timestamp::from_millis(now));
        assert_eq!(due(2).into_iter().map(|deadline| deadline.id).collect::<Vec<_>>(), ids[..3]);
        assert_eq!(due(2), []);
        assert_eq!(due(u64::MAX).len(), DEADLINES_AT_ONCE);
        deadlines.note(at(1, ids[MAX_DEADLINES_IN_MEMORY]));
        assert_eq!(deadlines.first(), Some(Timestamp::from_millis(1)), "there is room again");
    }
}
