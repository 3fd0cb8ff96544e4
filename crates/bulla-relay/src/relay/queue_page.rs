use bulla_base::Partition;
use bulla_store::{Key, Queued, Retention, Store, StoreError, Version};
use bulla_transport::Transport;

use super::Inner;
use super::active_workers::{Next, Seen, Waiting, Worker};
use super::conversation::Conversation;
use crate::EventSink;
use crate::row::QueueIndexes;
use crate::store_layout::{self, HEAD};

/// A record that was read to be taken out, and when: after so many erasures.
#[derive(Debug, Clone)]
pub(super) struct QueuedRow {
    pub(super) place: u64,
    pub(super) key: Key,
    pub(super) version: Version,
    pub(super) begun: u64,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// What waits next in the queue of a worker, at most `limit`. What the business has taken does not wait.
    pub(super) async fn page(
        &self,
        conversation: Conversation,
        worker: Worker,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Seen), StoreError> {
        loop {
            let (mut page, seen) = self.every_page(conversation, worker, limit).await?;
            let last = page.last().map(|waiting| waiting.read.place);
            if worker == Worker::Events {
                self.acknowledged_events.retain_others(conversation, &mut page);
                self.forwarded_messages.retain_others(conversation, &mut page);
            }
            match last {
                // All of the page was taken: the worker is done with it, and looks behind it.
                Some(last) if page.is_empty() => self.workers.pass(conversation, worker, last, seen),
                _ => return Ok((page, seen)),
            }
        }
    }

    async fn every_page(
        &self,
        conversation: Conversation,
        worker: Worker,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Seen), StoreError> {
        let (Conversation { business, user }, now) = (conversation, self.clock.now());
        // Before anything is looked at: what is in memory is let go when its user is erased, so it is as
        // it was then.
        let begun = self.erasures.begun();
        let (next, seen) = self.workers.next(conversation, worker, limit, now);
        let after = match next {
            Next::Here(mut waiting) => {
                waiting.iter_mut().for_each(|waiting| waiting.read.begun = begun);
                return Ok((waiting, seen));
            }
            Next::Nothing => return Ok((Vec::new(), seen)),
            Next::InStore(after) => after,
        };
        let head = self.store.get(user, &Key::undated(HEAD, store_layout::of(business)), now).await?;
        let head = head.map_or(Ok(QueueIndexes::default()), |record| QueueIndexes::read(&record.value))?;
        let index = worker.index(&head);
        let queue = store_layout::queue(worker.space(), business, user);
        let found = index.read(&self.store, &queue, after, limit, now).await?;
        // From now on what is put into the queue is known from memory: nothing older can be missed.
        if found.is_empty() {
            self.workers.found_nothing(conversation, worker, index.last(), seen);
        }
        let waiting = |Queued { place, key, record, .. }: Queued| Waiting {
            read: QueuedRow { place, key, version: record.version, begun },
            value: record.value,
            expiry: record.expiry.unwrap_or_else(|| Retention::LONGEST.from(now)),
        };
        Ok((found.into_iter().map(waiting).collect(), seen))
    }

    /// Whether what was read still stands there. Under the lock.
    ///
    /// After an erasure another record can stand in its place: the new conversation counts from the
    /// beginning.
    pub(super) async fn is_still(&self, user: Partition, read: &QueuedRow) -> Result<bool, StoreError> {
        // Only an erasure takes something out that is not ours to take out; nearly always there was none.
        if self.erasures.begun() == read.begun {
            return Ok(true);
        }
        let found = self.store.get(user, &read.key, self.clock.now()).await?;
        Ok(found.is_some_and(|record| record.version == read.version))
    }
}
