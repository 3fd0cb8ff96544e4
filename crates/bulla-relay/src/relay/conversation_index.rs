//! Which conversations there are, which were busy on a day, and which may have work.

use std::collections::{BTreeSet, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Day, Partition, PhoneNumberId, Timestamp};
use bulla_store::{BEFORE_ALL, Batch, Key, Retention, Scan, Store, StoreError};
use bulla_transport::Transport;
use bytes::Bytes;
use futures_util::StreamExt;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::conversation::Conversation;
use super::erase_business::user;
use crate::limits::{MAX_BUSY_IN_MEMORY, UNMARK_ROUNDS, UNMARKED_AT_ONCE, UNMARKED_LOTS_AT_ONCE};
use crate::store_layout::{BUSY, CONVERSATION, WAITING};
use crate::{EventSink, RelayError};

/// What a lot of conversations is being looked at in: those whose locks were held.
type Unmarking<'a> = Pin<Box<dyn Future<Output = Result<Vec<Conversation>, RelayError>> + Send + 'a>>;

/// The marks that this relay knows to be in the store.
#[derive(Debug, Default)]
pub(super) struct ConversationIndex(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    today: Day,
    /// Marked as busy today.
    busy: HashSet<Conversation>,
    /// Marked as having work; it may be done. In an order, since a sweep goes through them.
    waiting: BTreeSet<Conversation>,
}

impl ConversationIndex {
    fn is_marked(&self, conversation: Conversation, today: Day) -> bool {
        let known = self.known();
        known.today == today && known.busy.contains(&conversation) && known.waiting.contains(&conversation)
    }

    fn mark(&self, conversation: Conversation, today: Day) {
        let mut known = self.known();
        // Beyond the bound all are marked once more, which does no harm.
        if known.today != today || known.busy.len() >= MAX_BUSY_IN_MEMORY {
            (known.today, known.busy) = (today, HashSet::new());
        }
        known.busy.insert(conversation);
        known.waiting.insert(conversation);
    }

    fn note_waiting(&self, conversation: Conversation) {
        self.known().waiting.insert(conversation);
    }

    /// Forgets that the conversation is marked as having work.
    fn forget_waiting(&self, conversation: Conversation) {
        self.known().waiting.remove(&conversation);
    }

    fn waiting(&self) -> Vec<Conversation> {
        self.known().waiting.iter().copied().collect()
    }

    /// Forgets what was marked of `user`.
    pub(super) fn forget(&self, user: Partition) {
        self.retain(|conversation| conversation.user != user);
    }

    /// Forgets what was marked of `business`.
    pub(super) fn forget_business(&self, business: PhoneNumberId) {
        self.retain(|conversation| conversation.business != business);
    }

    /// Forgets everything that was marked.
    pub(super) fn forget_all(&self) {
        self.retain(|_| false);
    }

    /// Gives back the room of those that are forgotten.
    pub(super) fn give_back_room(&self) {
        self.known().busy.shrink_to_fit();
    }

    fn retain(&self, stays: impl Fn(&Conversation) -> bool) {
        let mut known = self.known();
        known.busy.retain(&stays);
        known.waiting.retain(&stays);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Marks the conversation, before anything is written of it: were the mark lost, nobody would look for
    /// its work after a crash, nor for the conversation when it is over. Alone it does no harm.
    ///
    /// One that `is_new` has no head: what is known of its marks may be of before it was erased, perhaps by
    /// the relay that takes over from this one. To be called under its lock.
    pub(super) async fn mark(
        &self,
        conversation: Conversation,
        is_new: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !is_new && self.index.is_marked(conversation, now.day()) {
            return Ok(());
        }
        let mut batch = Batch::new(self.home(conversation.business));
        let name = Bytes::copy_from_slice(conversation.user.as_bytes());
        batch.put(Key::undated(CONVERSATION, name.clone()), Bytes::new());
        batch.put(Key::undated(WAITING, name.clone()), Bytes::new());
        batch.put_until(Key::dated(BUSY, now.day(), name), Bytes::new(), Retention::LONGEST.from(now));
        // It expects nothing, so nothing can be in the way.
        let _ = self.store.commit(batch).await?;
        self.index.mark(conversation, now.day());
        Ok(())
    }

    /// Wakes the workers of every conversation of `business` that may have work.
    pub(super) async fn resume_marked(self: &Arc<Self>, business: PhoneNumberId) -> Result<(), StoreError> {
        let (home, mut scan) = (self.home(business), Scan::undated(WAITING));
        loop {
            let page = self.store.keys(home, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(()) };
            scan = Scan::undated(WAITING).after(last.clone());
            for key in page {
                let conversation = Conversation { business, user: user(&key)? };
                self.index.note_waiting(conversation);
                self.wake_all(conversation);
            }
        }
    }

    /// Takes the marks from the conversations that have no work any more: a start does not look at them.
    pub(super) async fn unmark_idle(self: &Arc<Self>) -> Result<(), RelayError> {
        let mut waiting = self.index.waiting();
        for _ in 0..UNMARK_ROUNDS {
            let of_businesses = waiting.chunk_by(|one, other| one.business == other.business);
            let lots: Vec<_> = of_businesses.flat_map(spread).collect();
            let mut unmarking = futures_util::stream::iter(lots)
                .map(|lot| self.unmark_lot(lot))
                .buffer_unordered(UNMARKED_LOTS_AT_ONCE);
            let mut locked = Vec::new();
            while let Some(of_these) = unmarking.next().await {
                locked.extend(of_these?);
            }
            drop(unmarking);
            locked.sort_unstable();
            waiting = locked;
        }
        Ok(())
    }

    /// As [`unmark_idle_of`](Self::unmark_idle_of), unless nobody speaks for the business of `some`.
    fn unmark_lot(self: &Arc<Self>, some: Vec<Conversation>) -> Unmarking<'_> {
        Box::pin(async move {
            let first = some.first();
            let Some(tenant) = first.and_then(|first| self.businesses.tenant(first.business)) else {
                return Ok(Vec::new());
            };
            let unmarked = self.unmark_idle_of(&tenant, &some).await;
            unmarked.or_else(|error| self.contain(&tenant, None, error).map(|()| Vec::new()))
        })
    }

    /// Takes the marks from those of `some` of a business's conversations that have no work, in one record.
    /// Those it has not looked at, because their locks were held, perhaps by this.
    async fn unmark_idle_of(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        some: &[Conversation],
    ) -> Result<Vec<Conversation>, RelayError> {
        let mut batch = Batch::new(self.home(tenant.business()));
        let (mut locks, mut locked) = (Vec::new(), Vec::new());
        for conversation in some.iter().copied() {
            // It is not waited for while others are held. Whoever has it is at work on the conversation, or
            // on one that shares the lock.
            let Some(lock) = self.keyed_mutex.try_lock(conversation.user) else {
                locked.push(conversation);
                continue;
            };
            if self.suspensions.of(conversation).is_some() || self.erasures.is_under_way(conversation.user) {
                continue;
            }
            match self.transaction(conversation).await {
                Ok(transaction) if transaction.has_nothing_queued() => {
                    batch.delete(Key::undated(WAITING, conversation.user.as_bytes().to_vec()));
                    // First, so that what is put next is marked again if this is cut short.
                    self.index.forget_waiting(conversation);
                    // Until the record is made nothing is added.
                    locks.push(lock);
                }
                Ok(_) => {}
                Err(error) => self.contain(tenant, Some(conversation), error.into())?,
            }
        }
        if !batch.deletes().is_empty() {
            // It expects nothing, so nothing can be in the way.
            let _ = self.store.commit(batch).await?;
        }
        Ok(locked)
    }
}

/// The conversations of a business, in their order, as lots to be looked at together. Those that stand beside
/// each other share a lock: they are in different lots, and those are not next to each other.
fn spread(of_business: &[Conversation]) -> impl Iterator<Item = Vec<Conversation>> {
    let lots = of_business.len().div_ceil(UNMARKED_AT_ONCE);
    let between = lots.div_ceil(UNMARKED_LOTS_AT_ONCE).max(1);
    let order = (0..between).flat_map(move |first| (first..lots).step_by(between));
    order.map(move |lot| of_business.iter().skip(lot).step_by(lots).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million conversations share 4,096 locks, those beside each other mostly one: a sweep that took them
    /// in their order got a twelfth of the locks it tried.
    #[test]
    fn what_is_looked_at_together_is_spread_over_all_that_there_is() {
        for count in [0, 1, UNMARKED_AT_ONCE, UNMARKED_AT_ONCE + 1, 100_000] {
            let all: Vec<_> = (0..count).map(with).collect();
            let lots: Vec<_> = spread(&all).collect();
            assert!(lots.iter().all(|lot| (1..=UNMARKED_AT_ONCE).contains(&lot.len())));
            let mut sorted = lots.concat();
            sorted.sort_unstable();
            assert_eq!(sorted, all, "each is in one lot");
            let together = lots.chunks(UNMARKED_LOTS_AT_ONCE).next().unwrap_or_default().concat();
            let mut places: Vec<_> = together.iter().map(|one| all.binary_search(one).unwrap()).collect();
            places.sort_unstable();
            let closest = places.windows(2).map(|pair| pair[1] - pair[0]).min();
            assert!(count < 100_000 || closest.unwrap() > 100, "{closest:?}");
        }
    }

    fn with(user: usize) -> Conversation {
        Conversation {
            business: PhoneNumberId::new(7),
            user: Partition::from_bytes((user as u128).to_be_bytes()),
        }
    }

    #[test]
    fn as_many_are_known_to_be_busy_as_may_be_and_all_are_marked_anew_beyond_it() {
        let (index, today) = (ConversationIndex::default(), Day::from_number(20_000));
        for user in 0..MAX_BUSY_IN_MEMORY {
            index.mark(with(user), today);
        }
        assert!(index.is_marked(with(0), today), "there is room for it");
        index.mark(with(MAX_BUSY_IN_MEMORY), today);
        assert!(index.is_marked(with(MAX_BUSY_IN_MEMORY), today));
        assert!(!index.is_marked(with(0), today), "it is marked again");
        assert_eq!(index.known().busy.len(), 1);
        // That it may have work is never forgotten: the sweeps look for its end.
        assert_eq!(index.waiting().len(), MAX_BUSY_IN_MEMORY + 1);
    }
}
