//! Events that the business has taken and that still stand in the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::MessageId;
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;
use futures_util::StreamExt;
use tokio::sync::Notify;
use tracing::Instrument;

use super::active_workers::Waiting;
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::fault_isolation::FailureScope;
use super::queue_page::QueuedRow;
use super::{Inner, trace_span};
use crate::limits::{MAX_UNSETTLED, MAX_UNSETTLED_PER_CONVERSATION, SETTLED_AFTER, SETTLED_AT_ONCE};
use crate::{EventSink, RelayError};

/// Events that the business has taken and that still stand in the store.
///
/// To remove each in a record of its own would cost as much as to tell it. What follows it mostly comes soon:
/// the next status of the message, or the next message.
#[derive(Debug, Default)]
pub(super) struct AcknowledgedEvents {
    noted: Mutex<Noted>,
    /// Told when the first was noted.
    some: Notify,
}

#[derive(Debug, Default)]
struct Noted {
    events: BTreeMap<Conversation, Vec<Event>>,
    count: usize,
    /// Grows with each round of settling.
    round: u64,
}

#[derive(Debug, Clone)]
struct Event {
    read: QueuedRow,
    message: MessageId,
    round: u64,
}

impl AcknowledgedEvents {
    /// Takes note that the event was taken. False when it has to be removed at once.
    pub(super) fn note(&self, conversation: Conversation, read: &QueuedRow, message: MessageId) -> bool {
        let mut noted = self.noted();
        if noted.count == MAX_UNSETTLED {
            return false;
        }
        let (round, first) = (noted.round, noted.count == 0);
        let events = noted.events.entry(conversation).or_default();
        if events.len() == MAX_UNSETTLED_PER_CONVERSATION {
            return false;
        }
        // With the round: what was noted in this one has at least the next before it.
        events.push(Event { read: read.clone(), message, round });
        noted.count += 1;
        drop(noted);
        if first {
            self.some.notify_one();
        }
        true
    }

    /// Whether an event about `message` was taken and is still in the store. The next one is not to be told
    /// before that is gone: after a crash, `sent` would follow on `delivered`.
    pub(super) fn has(&self, conversation: Conversation, message: MessageId) -> bool {
        let noted = self.noted();
        noted
            .events
            .get(&conversation)
            .is_some_and(|events| events.iter().any(|event| event.message == message))
    }

    /// The events of a conversation that were taken.
    pub(super) fn of(&self, conversation: Conversation) -> Vec<QueuedRow> {
        let noted = self.noted();
        noted
            .events
            .get(&conversation)
            .map_or_else(Vec::new, |events| events.iter().map(|event| event.read.clone()).collect())
    }

    /// Leaves in `page` what was not taken.
    pub(super) fn retain_others(&self, conversation: Conversation, page: &mut Vec<Waiting>) {
        let noted = self.noted();
        let Some(events) = noted.events.get(&conversation) else { return };
        page.retain(|waiting| !events.iter().any(|event| event.is(&waiting.read)));
    }

    /// Forgets those that were `removed` from the store.
    pub(super) fn settled(&self, conversation: Conversation, removed: &[QueuedRow]) {
        if removed.is_empty() {
            return;
        }
        self.noted().retain(conversation, |event| !removed.iter().any(|read| event.is(read)));
    }

    fn is_empty(&self) -> bool {
        self.noted().events.is_empty()
    }

    /// Forgets those of conversations whose queues were removed.
    pub(super) fn reset(&self, is_of: impl Fn(&Conversation) -> bool) {
        let mut noted = self.noted();
        noted.events.retain(|conversation, _| !is_of(conversation));
        noted.count = noted.events.values().map(Vec::len).sum();
    }

    /// The conversations in which something was taken before this was last called, and whether there are
    /// others.
    fn due(&self) -> (Vec<Conversation>, bool) {
        let mut noted = self.noted();
        let is_due = |events: &&Vec<Event>| events.iter().any(|event| event.round < noted.round);
        let due: Vec<_> = noted
            .events
            .iter()
            .filter(|(_, events)| is_due(events))
            .map(|(conversation, _)| *conversation)
            .collect();
        noted.round += 1;
        let is_empty = noted.events.is_empty();
        (due, !is_empty)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn is(&self, read: &QueuedRow) -> bool {
        // The version, too: after an erasure the places begin anew.
        (self.read.place, self.read.version) == (read.place, read.version)
    }
}

impl Noted {
    fn retain(&mut self, conversation: Conversation, stays: impl FnMut(&Event) -> bool) {
        let Some(events) = self.events.get_mut(&conversation) else { return };
        let before = events.len();
        events.retain(stays);
        self.count -= before - events.len();
        if events.is_empty() {
            self.events.remove(&conversation);
        }
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Removes what was taken and did not go with another record, for as long as the relay runs.
    pub(super) async fn keep_settling(self: Arc<Self>) -> Result<(), RelayError> {
        let mut failing = false;
        loop {
            // Some may be left of when the relay acted before.
            if self.acknowledged_events.is_empty() {
                self.acknowledged_events.some.notified().await;
            }
            loop {
                self.clock.sleep(SETTLED_AFTER).await;
                let (due, has_more) = self.acknowledged_events.due();
                self.settle_all(due, &mut failing).await;
                if !has_more {
                    break;
                }
            }
        }
    }

    /// Removes whatever was taken: nothing of the relay runs any more.
    pub(super) async fn settle_at_close(self: &Arc<Self>) {
        let all = self.acknowledged_events.noted().events.keys().copied().collect();
        self.settle_all(all, &mut false).await;
    }

    /// What cannot be removed now stays noted: while the relay runs, nothing that is told later may pass it.
    async fn settle_all(self: &Arc<Self>, conversations: Vec<Conversation>, failing: &mut bool) {
        let settling = conversations.into_iter().map(|conversation| {
            let span = trace_span::of(conversation.business, Some(conversation));
            self.settle_taken(conversation).instrument(span)
        });
        let mut settled = futures_util::stream::iter(settling).buffer_unordered(SETTLED_AT_ONCE);
        let had_failed = std::mem::take(failing);
        while let Some(outcome) = settled.next().await {
            let Err(error) = outcome else { continue };
            if !std::mem::replace(failing, true) && !had_failed {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "events that the business has taken stay; it is tried again");
            }
            if error.failure_scope() == FailureScope::Relay {
                // The store is dead: whoever needs it next says so, and the relay stops.
                return;
            }
        }
    }

    /// Removes what was taken of a conversation, in a record of its own.
    pub(super) async fn settle_taken(self: &Arc<Self>, conversation: Conversation) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if self.acknowledged_events.of(conversation).is_empty() {
                return Ok(());
            }
            let transaction = self.transaction(conversation).await?;
            if self.commit(transaction).await? {
                return Ok(());
            }
        }
    }

    /// Which of the events that were taken still stand there, and their removal does not meet another queue.
    pub(super) async fn still_taken(&self, conversation: Conversation) -> Result<Vec<QueuedRow>, StoreError> {
        let mut taken = Vec::new();
        for read in self.acknowledged_events.of(conversation) {
            if self.is_still(conversation.user, &read).await? {
                taken.push(read);
            } else {
                self.acknowledged_events.settled(conversation, std::slice::from_ref(&read));
            }
        }
        Ok(taken)
    }
}
