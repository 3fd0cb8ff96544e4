use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{PhoneNumberId, Timestamp};
use bulla_store::{Expiry, QueueIndex, QueueTail, Space, TailRead};
use bytes::Bytes;
use tokio::sync::Notify;

use super::conversation::Conversation;
use super::queue_page::QueuedRow;
use crate::limits::{MAX_QUEUED_IN_MEMORY, MAX_QUEUED_IN_MEMORY_BYTES, MAX_QUEUED_IN_MEMORY_PER_QUEUE};
use crate::metrics::OLDEST;
use crate::row::QueueIndexes;
use crate::store_layout::{DEFERRED, EVENTS, OUTBOX};

/// What a worker moves out of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Worker {
    /// Envelopes, to the carrier.
    Outbox,
    /// Events, to the sink.
    Events,
    /// Messages that a rule has kept back, into the outbox.
    Deferred,
}

impl Worker {
    /// Where its queue stands.
    pub(super) const fn space(self) -> Space {
        match self {
            Self::Outbox => OUTBOX,
            Self::Events => EVENTS,
            Self::Deferred => DEFERRED,
        }
    }

    /// Which places of its queue there are.
    pub(super) const fn index(self, head: &QueueIndexes) -> &QueueIndex {
        match self {
            Self::Outbox => &head.outbox,
            Self::Events => &head.events,
            Self::Deferred => &head.deferred,
        }
    }
}

/// Which conversations are being worked on. At most one worker of a kind works on a conversation, which is
/// what keeps its order.
#[derive(Debug, Default)]
pub(super) struct ActiveWorkers(Mutex<AtWork>);

#[derive(Debug, Default)]
struct AtWork {
    workers: HashMap<(Conversation, Worker), Work>,
    /// How many there are of each kind, in all.
    of_kind: [usize; 3],
    /// How many there are of each kind of a business that has some.
    of_business: HashMap<(PhoneNumberId, Worker), usize>,
    /// How much of their queues is in memory.
    in_memory: usize,
    /// How often queues were removed.
    resets: u64,
    /// Since when they work, and how many since then: which works for longest is known without a look at all.
    since: BTreeMap<Timestamp, usize>,
}

/// A worker that works.
#[derive(Debug)]
struct Work {
    /// Since when there is something that the worker may not have seen.
    unseen: Option<Timestamp>,
    since: Timestamp,
    /// The last place that it is done with.
    after: u64,
    /// What was put into its queue since it was woken; nothing when it is not known yet where that begins.
    tail: Option<QueueTail<Waiting>>,
    /// What was read before so many resets says nothing about the queue as it is.
    resets: u64,
    /// Told when the user writes, of a worker that may wait for that.
    written: Option<Arc<Notify>>,
}

/// Something that waits in a queue, and how it is taken out.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) read: QueuedRow,
    pub(super) value: Bytes,
    pub(super) expiry: Expiry,
}

/// What a worker has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// These wait next.
    Here(Vec<Waiting>),
    /// What comes after this place is in the store.
    InStore(u64),
    /// Nothing waits.
    Nothing,
}

/// Of so many resets a worker knew when it looked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen(u64);

impl ActiveWorkers {
    /// Says that there is something to do: `added`, if it is known, which is durable now; the first place
    /// that is there of the queue then is `first`. True when a worker has to be started for it.
    ///
    /// To be called under the conversation's lock, if something is added.
    pub(super) fn wake(
        &self,
        conversation: Conversation,
        worker: Worker,
        now: Timestamp,
        first: u64,
        added: Vec<Waiting>,
    ) -> bool {
        let mut working = self.working();
        let resets = working.resets;
        // A worker that is new looks at everything; one that works looks again when it believes to be done.
        let (mut work, is_new) = match working.workers.remove(&(conversation, worker)) {
            Some(work) => (work, false),
            None => {
                // If nothing older waits, all there is is at hand.
                let after = added.first().map_or(0, |added| added.read.place - 1);
                let after = if first == after + 1 { after } else { 0 };
                working.begin(worker, now);
                working.of_kind[worker as usize] += 1;
                *working.of_business.entry((conversation.business, worker)).or_default() += 1;
                (Work { unseen: None, since: now, after, tail: None, resets, written: None }, true)
            }
        };
        work.unseen.get_or_insert(now);
        let before = work.in_memory();
        let has_room = working.in_memory < MAX_QUEUED_IN_MEMORY;
        added.into_iter().for_each(|added| work.add(added, has_room));
        working.in_memory = working.in_memory + work.in_memory() - before;
        working.workers.insert((conversation, worker), work);
        is_new
    }

    /// That another worker of a kind may begin for `business`.
    ///
    /// # Errors
    /// The bound that is reached.
    pub(super) fn have_room(
        &self,
        business: PhoneNumberId,
        worker: Worker,
        (in_all, per_business): (usize, usize),
    ) -> Result<(), usize> {
        let working = self.working();
        if working.of_kind[worker as usize] >= in_all {
            return Err(in_all);
        }
        match working.of_business.get(&(business, worker)) {
            Some(count) if *count >= per_business => Err(per_business),
            _ => Ok(()),
        }
    }

    /// Whether such a worker works on the conversation.
    pub(super) fn work_on(&self, conversation: Conversation, worker: Worker) -> bool {
        self.working().workers.contains_key(&(conversation, worker))
    }

    /// What tells a worker that its user has written, from now on.
    pub(super) fn written(&self, conversation: Conversation, worker: Worker) -> Arc<Notify> {
        let mut working = self.working();
        let work = working.workers.get_mut(&(conversation, worker));
        work.map(|work| Arc::clone(work.written.get_or_insert_default())).unwrap_or_default()
    }

    /// Says that the user has written.
    pub(super) fn has_written(&self, conversation: Conversation, worker: Worker) {
        let working = self.working();
        let work = working.workers.get(&(conversation, worker));
        work.and_then(|work| work.written.as_ref()).into_iter().for_each(|written| written.notify_one());
    }

    /// What the worker has to do next, at most `limit` at a time.
    pub(super) fn next(
        &self,
        conversation: Conversation,
        worker: Worker,
        limit: usize,
        now: Timestamp,
    ) -> (Next, Seen) {
        let working = self.working();
        let seen = Seen(working.resets);
        let Some(work) = working.workers.get(&(conversation, worker)) else {
            return (Next::InStore(0), seen);
        };
        let next = match work.tail.as_ref().map(|tail| tail.read(work.after, limit)) {
            None | Some(TailRead::InStore) => Next::InStore(work.after),
            Some(TailRead::Nothing) => Next::Nothing,
            Some(TailRead::Here(waiting)) => {
                let live = waiting.into_iter().map(|(_, waiting)| waiting);
                let live: Vec<_> = live.filter(|waiting| !waiting.expiry.has_come(now)).collect();
                // Behind those that are over there may be more.
                if live.is_empty() { Next::InStore(work.after) } else { Next::Here(live) }
            }
        };
        (next, seen)
    }

    /// Says that the worker is done with everything up to `place`.
    pub(super) fn pass(&self, conversation: Conversation, worker: Worker, place: u64, seen: Seen) {
        self.working().change(conversation, worker, |work| {
            if work.resets <= seen.0 {
                work.after = work.after.max(place);
                if let Some(tail) = &mut work.tail {
                    tail.forget_through(place);
                }
            }
        });
    }

    /// Says that nothing was in the store after the last place that the worker is done with, when `last` was
    /// the last that was given out.
    pub(super) fn found_nothing(&self, conversation: Conversation, worker: Worker, last: u64, seen: Seen) {
        self.working().change(conversation, worker, |work| {
            if work.resets <= seen.0 {
                work.after = work.after.max(last);
                work.tail.get_or_insert_with(|| QueueTail::after(last, MAX_QUEUED_IN_MEMORY_PER_QUEUE));
            }
        });
    }

    /// Lets go of what is in memory for the worker: it will be read from the store.
    pub(super) fn let_go(&self, conversation: Conversation, worker: Worker) {
        self.working().change(conversation, worker, |work| {
            if let Some(tail) = &mut work.tail {
                tail.forget_through(tail.last());
            }
        });
    }

    /// Says that the queues of these conversations were removed and begin anew, if ever they do. To be called
    /// when nothing is put into them.
    pub(super) fn reset(&self, is_of: impl Fn(&Conversation) -> bool) {
        let mut working = self.working();
        working.resets += 1;
        let resets = working.resets;
        for (_, work) in working.workers.iter_mut().filter(|((conversation, _), _)| is_of(conversation)) {
            (work.after, work.tail, work.resets) = (0, None, resets);
        }
        working.in_memory = working.workers.values().map(Work::in_memory).sum();
    }

    /// How many workers work, and since when the one that has for longest; but for those that wait for a
    /// rule.
    pub(super) fn at_work(&self) -> (usize, Option<Timestamp>) {
        let working = self.working();
        let at_work = working.workers.keys().filter(|(_, worker)| *worker != Worker::Deferred);
        (at_work.count(), working.oldest())
    }

    /// Says that the worker has found nothing more. True when it may end; false when something was added
    /// meanwhile.
    pub(super) fn rest(&self, conversation: Conversation, worker: Worker) -> bool {
        let mut working = self.working();
        let Some(work) = working.workers.get_mut(&(conversation, worker)) else { return true };
        let since = work.since;
        match work.unseen.take() {
            // What it began with is done: it works since the first of what was added.
            Some(unseen) => {
                work.since = unseen;
                working.begin(worker, unseen);
                working.end(worker, since);
                false
            }
            None => {
                working.remove(conversation, worker);
                true
            }
        }
    }

    /// Says that the worker has ended without being done. The next that is woken begins anew.
    pub(super) fn stop(&self, conversation: Conversation, worker: Worker) {
        self.working().remove(conversation, worker);
    }

    /// Forgets the workers of a business, all of which have ended.
    pub(super) fn forget(&self, business: PhoneNumberId) {
        let mut working = self.working();
        let is_its = |(conversation, _): &(Conversation, Worker)| conversation.business == business;
        let ended: Vec<_> = working.workers.keys().copied().filter(is_its).collect();
        ended.into_iter().for_each(|(conversation, worker)| working.remove(conversation, worker));
    }

    /// Gives back the room of those that have ended: after an outage there were as many as conversations
    /// waited.
    pub(super) fn give_back_room(&self) {
        let mut working = self.working();
        working.workers.shrink_to_fit();
        working.of_business.shrink_to_fit();
    }

    fn working(&self) -> MutexGuard<'_, AtWork> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    fn in_memory(&self) -> usize {
        self.tail.as_ref().map_or(0, QueueTail::len)
    }

    fn add(&mut self, added: Waiting, has_room: bool) {
        let place = added.read.place;
        if place <= self.after {
            // Somebody else had it look, and it has read this in the store before it was told of it. It may
            // be gone there: what is left is read once more.
            (self.after, self.tail) = (0, None);
            return;
        }
        let tail =
            self.tail.get_or_insert_with(|| QueueTail::after(place - 1, MAX_QUEUED_IN_MEMORY_PER_QUEUE));
        if has_room && added.value.len() <= MAX_QUEUED_IN_MEMORY_BYTES {
            tail.push(place, added);
        } else {
            tail.skip(place);
        }
    }
}

impl AtWork {
    fn oldest(&self) -> Option<Timestamp> {
        self.since.first_key_value().map(|(since, _)| *since)
    }

    fn remove(&mut self, conversation: Conversation, worker: Worker) {
        if let Some(work) = self.workers.remove(&(conversation, worker)) {
            self.of_kind[worker as usize] -= 1;
            let its = (conversation.business, worker);
            if let Some(count) = self.of_business.get_mut(&its) {
                *count -= 1;
                if *count == 0 {
                    self.of_business.remove(&its);
                }
            }
            self.in_memory -= work.in_memory();
            self.end(worker, work.since);
        }
    }

    fn change(&mut self, conversation: Conversation, worker: Worker, change: impl FnOnce(&mut Work)) {
        let Some(work) = self.workers.get_mut(&(conversation, worker)) else { return };
        let before = work.in_memory();
        change(work);
        self.in_memory = self.in_memory + work.in_memory() - before;
    }

    /// A worker works since `since`.
    fn begin(&mut self, worker: Worker, since: Timestamp) {
        if worker == Worker::Deferred {
            // What a rule keeps back is as it should be.
            return;
        }
        let before = self.oldest();
        *self.since.entry(since).or_default() += 1;
        self.tell(before);
    }

    /// One that worked since `since` does no longer.
    fn end(&mut self, worker: Worker, since: Timestamp) {
        if worker == Worker::Deferred {
            return;
        }
        let before = self.oldest();
        if let Some(count) = self.since.get_mut(&since) {
            *count -= 1;
            if *count == 0 {
                self.since.remove(&since);
            }
        }
        self.tell(before);
    }

    /// Sets the gauge, if it is not as it was `before`. It says a time and no age: an age would have to be
    /// set again and again.
    fn tell(&self, before: Option<Timestamp>) {
        let oldest = self.oldest();
        if oldest != before {
            let seconds = oldest.map_or(0, Timestamp::as_secs);
            #[expect(clippy::cast_precision_loss, reason = "seconds fit, for as long as there are clocks")]
            metrics::gauge!(OLDEST).set(seconds as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::Partition;
    use bulla_store::{Key, Retention, Version};

    use super::*;

    const SHOP: PhoneNumberId = PhoneNumberId::new(1);

    fn with(user: u8, business: PhoneNumberId) -> Conversation {
        Conversation { business, user: Partition::from_bytes([user; 16]) }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn the_oldest_is_known_whichever_worker_begins_and_ends() {
        let workers = ActiveWorkers::default();
        assert_eq!(workers.at_work(), (0, None));
        for (user, second) in [(1, 5), (2, 3), (3, 3), (4, 9)] {
            assert!(workers.wake(with(user, SHOP), Worker::Outbox, at(second), 1, Vec::new()));
        }
        assert_eq!(workers.at_work(), (4, Some(at(3))));
        workers.stop(with(2, SHOP), Worker::Outbox);
        assert_eq!(workers.at_work(), (3, Some(at(3))), "another began in the same moment");
        workers.stop(with(3, SHOP), Worker::Outbox);
        workers.stop(with(3, SHOP), Worker::Outbox);
        assert_eq!(workers.at_work(), (2, Some(at(5))));
        workers.wake(with(1, PhoneNumberId::new(2)), Worker::Events, at(1), 1, Vec::new());
        workers.forget(SHOP);
        assert_eq!(workers.at_work(), (1, Some(at(1))));
    }

    #[test]
    fn a_worker_that_is_never_idle_is_as_old_as_the_first_that_it_has_not_seen() {
        let (workers, conversation) = (ActiveWorkers::default(), with(1, SHOP));
        assert!(workers.wake(conversation, Worker::Events, at(10), 1, Vec::new()));
        assert!(!workers.rest(conversation, Worker::Events), "it has not looked yet");
        for second in [20, 30] {
            assert!(!workers.wake(conversation, Worker::Events, at(second), 1, Vec::new()));
        }
        assert_eq!(workers.at_work(), (1, Some(at(10))), "it has not said that the first is done");
        assert!(!workers.rest(conversation, Worker::Events));
        assert_eq!(workers.at_work(), (1, Some(at(20))));
        assert!(workers.rest(conversation, Worker::Events));
        assert_eq!(workers.at_work(), (0, None));
    }

    #[test]
    fn as_many_work_as_may_of_each_kind_in_all_and_of_one_business() {
        let (workers, other) = (ActiveWorkers::default(), PhoneNumberId::new(2));
        let wake = |user, business, worker| workers.wake(with(user, business), worker, at(1), 0, Vec::new());
        let room = || [SHOP, other].map(|business| workers.have_room(business, Worker::Outbox, (3, 2)));
        assert!(wake(1, SHOP, Worker::Outbox) && wake(2, SHOP, Worker::Outbox));
        assert!(!wake(2, SHOP, Worker::Outbox), "it counts once");
        assert_eq!(room(), [Err(2), Ok(())]);
        assert_eq!(workers.have_room(SHOP, Worker::Events, (3, 2)), Ok(()), "that is another kind");
        assert!(workers.work_on(with(2, SHOP), Worker::Outbox));
        assert!(!workers.work_on(with(2, SHOP), Worker::Events));
        assert!(wake(2, SHOP, Worker::Deferred) && wake(2, other, Worker::Outbox));
        assert_eq!(room(), [Err(3); 2]);
        workers.stop(with(2, SHOP), Worker::Outbox);
        workers.stop(with(2, SHOP), Worker::Outbox);
        assert_eq!(room(), [Ok(()); 2]);
        workers.forget(SHOP);
        workers.stop(with(2, other), Worker::Outbox);
        let working = workers.working();
        assert_eq!((working.of_kind, working.of_business.len()), ([0; 3], 0));
    }

    fn waiting(place: u64) -> Waiting {
        let key = Key::dated(Space::new(1), at(1).day(), place.to_be_bytes().to_vec());
        let read = QueuedRow { place, key, version: Version::new(place), begun: 0 };
        Waiting { read, value: Bytes::new(), expiry: Retention::LONGEST.from(at(1)) }
    }

    fn all(places: std::ops::RangeInclusive<u64>) -> Vec<Waiting> {
        places.map(waiting).collect()
    }

    /// The places that are at hand, or after which the store is to be read; nothing when nothing waits.
    fn next(workers: &ActiveWorkers, conversation: Conversation) -> Result<Vec<u64>, u64> {
        match workers.next(conversation, Worker::Outbox, 3, at(2)).0 {
            Next::Here(found) => Ok(found.iter().map(|waiting| waiting.read.place).collect()),
            Next::InStore(after) => Err(after),
            Next::Nothing => Ok(Vec::new()),
        }
    }

    #[test]
    fn what_is_added_is_at_hand_if_nothing_older_waits() {
        let (workers, one) = (ActiveWorkers::default(), with(1, SHOP));
        assert!(workers.wake(one, Worker::Outbox, at(1), 7, all(7..=8)));
        assert!(!workers.wake(one, Worker::Outbox, at(1), 7, all(9..=12)));
        assert_eq!(next(&workers, one), Ok(vec![7, 8, 9]));
        let seen = workers.next(one, Worker::Outbox, 1, at(2)).1;
        (7..=12).for_each(|place| workers.pass(one, Worker::Outbox, place, seen));
        assert_eq!(next(&workers, one), Ok(vec![]));
        assert_eq!(workers.working().in_memory, 0);

        let two = with(2, SHOP);
        assert!(workers.wake(two, Worker::Outbox, at(1), 3, all(7..=8)));
        assert_eq!(next(&workers, two), Err(0), "older ones wait, in the store");
        let seen = workers.next(two, Worker::Outbox, 1, at(2)).1;
        (3..=6).for_each(|place| workers.pass(two, Worker::Outbox, place, seen));
        assert_eq!(next(&workers, two), Ok(vec![7, 8]));
    }

    #[test]
    fn who_is_woken_for_what_is_not_known_reads_the_store_to_its_end() {
        let (workers, one) = (ActiveWorkers::default(), with(1, SHOP));
        assert!(workers.wake(one, Worker::Outbox, at(1), 0, Vec::new()));
        let seen = workers.next(one, Worker::Outbox, 1, at(2)).1;
        workers.pass(one, Worker::Outbox, 4, seen);
        assert_eq!(next(&workers, one), Err(4));
        workers.found_nothing(one, Worker::Outbox, 5, seen);
        assert_eq!(next(&workers, one), Ok(vec![]));
        assert!(!workers.wake(one, Worker::Outbox, at(1), 6, all(6..=6)));
        assert_eq!(next(&workers, one), Ok(vec![6]));
        // Something was put while the store was being read: what was found then is not the end.
        workers.found_nothing(one, Worker::Outbox, 5, seen);
        assert_eq!(next(&workers, one), Ok(vec![6]));
    }

    /// What the worker had done with already was at hand, and an event was told twice.
    #[test]
    fn what_was_read_in_the_store_before_it_is_added_is_not_at_hand() {
        let (workers, one) = (ActiveWorkers::default(), with(1, SHOP));
        assert!(workers.wake(one, Worker::Outbox, at(1), 0, Vec::new()));
        let seen = workers.next(one, Worker::Outbox, 1, at(2)).1;
        workers.pass(one, Worker::Outbox, 1, seen);
        assert!(!workers.wake(one, Worker::Outbox, at(1), 1, all(1..=1)));
        assert_eq!(next(&workers, one), Err(0), "what is left of it is in the store");
        assert!(!workers.wake(one, Worker::Outbox, at(1), 1, all(2..=2)));
        assert_eq!(next(&workers, one), Err(0));
        workers.pass(one, Worker::Outbox, 1, seen);
        assert_eq!(next(&workers, one), Ok(vec![2]));
    }

    #[test]
    fn what_is_let_go_or_over_or_too_large_is_read_from_the_store() {
        let (workers, one) = (ActiveWorkers::default(), with(1, SHOP));
        workers.wake(one, Worker::Outbox, at(1), 1, all(1..=2));
        workers.let_go(one, Worker::Outbox);
        assert_eq!(next(&workers, one), Err(0));
        let two = with(2, SHOP);
        workers.wake(two, Worker::Outbox, at(1), 1, all(1..=2));
        let too_late = Retention::LONGEST.from(at(1)).at();
        assert!(matches!(workers.next(two, Worker::Outbox, 3, too_late).0, Next::InStore(0)));
        let (three, large) =
            (with(3, SHOP), Waiting { value: vec![0; MAX_QUEUED_IN_MEMORY_BYTES + 1].into(), ..waiting(1) });
        workers.wake(three, Worker::Outbox, at(1), 1, vec![large]);
        assert_eq!(next(&workers, three), Err(0));
        assert_eq!(workers.working().in_memory, 2);
    }

    #[test]
    fn what_was_read_of_a_queue_that_was_removed_says_nothing_of_the_one_that_begins_anew() {
        let (workers, one, two) = (ActiveWorkers::default(), with(1, SHOP), with(2, SHOP));
        for conversation in [one, two] {
            workers.wake(conversation, Worker::Outbox, at(1), 57, all(57..=58));
        }
        let seen = workers.next(one, Worker::Outbox, 1, at(2)).1;
        workers.reset(|conversation| *conversation == one);
        workers.pass(one, Worker::Outbox, 57, seen);
        workers.found_nothing(one, Worker::Outbox, 58, seen);
        assert_eq!((next(&workers, one), next(&workers, two)), (Err(0), Ok(vec![57, 58])));
        workers.wake(one, Worker::Outbox, at(1), 1, all(1..=1));
        assert_eq!(next(&workers, one), Ok(vec![1]));
        assert_eq!(workers.working().in_memory, 3);
    }

    #[test]
    fn the_bounds_of_what_is_in_memory_hold_and_nothing_is_passed_over() {
        let workers = ActiveWorkers::default();
        let most = u64::try_from(MAX_QUEUED_IN_MEMORY_PER_QUEUE).unwrap();
        for user in 0..200 {
            workers.wake(with(user, SHOP), Worker::Outbox, at(1), 1, all(1..=most + 1));
            assert_eq!(next(&workers, with(user, SHOP)), Err(0), "the first is only in the store");
        }
        assert!(workers.working().in_memory <= MAX_QUEUED_IN_MEMORY + MAX_QUEUED_IN_MEMORY_PER_QUEUE);
        for user in 0..200 {
            workers.stop(with(user, SHOP), Worker::Outbox);
        }
        assert_eq!(workers.working().in_memory, 0);
    }
}
