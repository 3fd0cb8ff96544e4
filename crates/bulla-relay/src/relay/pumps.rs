use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{PhoneNumberId, Timestamp};

use super::conversation::Conversation;
use crate::metrics::OLDEST;

/// What a pump moves out of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pump {
    /// Envelopes, to the carrier.
    Outbox,
    /// Events, to the sink.
    Events,
}

/// Which conversations are being pumped. At most one pump of a kind works on a conversation, which is what keeps its order.
#[derive(Debug, Default)]
pub(super) struct Pumps(Mutex<AtWork>);

#[derive(Debug, Default)]
struct AtWork {
    pumps: HashMap<(Conversation, Pump), Work>,
    /// Since when they work, and how many since then: which works for longest is known without a look at all.
    since: BTreeMap<Timestamp, usize>,
}

/// A pump that works.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Since when there is something that the pump may not have seen.
    unseen: Option<Timestamp>,
    since: Timestamp,
}

impl Pumps {
    /// Says that there is something to pump. True when a pump has to be started for it.
    pub(super) fn wake(&self, conversation: Conversation, pump: Pump, now: Timestamp) -> bool {
        let mut working = self.working();
        // A pump that is new looks at everything; one that works looks again when it believes to be done.
        match working.pumps.entry((conversation, pump)) {
            Entry::Occupied(mut work) => {
                work.get_mut().unseen.get_or_insert(now);
                false
            }
            Entry::Vacant(none) => {
                none.insert(Work { unseen: Some(now), since: now });
                working.begin(now);
                true
            }
        }
    }

    /// How many pumps work, and since when the one that has for longest.
    pub(super) fn at_work(&self) -> (usize, Option<Timestamp>) {
        let working = self.working();
        (working.pumps.len(), working.oldest())
    }

    /// Says that the pump has found nothing more. True when it may end; false when something was added meanwhile.
    pub(super) fn rest(&self, conversation: Conversation, pump: Pump) -> bool {
        let mut working = self.working();
        let Some(work) = working.pumps.get_mut(&(conversation, pump)) else { return true };
        let since = work.since;
        match work.unseen.take() {
            // What it began with is done: it works since the first of what was added.
            Some(unseen) => {
                work.since = unseen;
                working.begin(unseen);
                working.end(since);
                false
            }
            None => {
                working.remove(conversation, pump);
                true
            }
        }
    }

    /// Says that the pump has ended without being done. The next that is woken begins anew.
    pub(super) fn stop(&self, conversation: Conversation, pump: Pump) {
        self.working().remove(conversation, pump);
    }

    /// Forgets the pumps of a business, all of which have ended.
    pub(super) fn forget(&self, business: PhoneNumberId) {
        let mut working = self.working();
        let is_its = |(conversation, _): &(Conversation, Pump)| conversation.business == business;
        let ended: Vec<_> = working.pumps.keys().copied().filter(is_its).collect();
        ended.into_iter().for_each(|(conversation, pump)| working.remove(conversation, pump));
    }

    fn working(&self) -> MutexGuard<'_, AtWork> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    fn oldest(&self) -> Option<Timestamp> {
        self.since.first_key_value().map(|(since, _)| *since)
    }

    fn remove(&mut self, conversation: Conversation, pump: Pump) {
        if let Some(work) = self.pumps.remove(&(conversation, pump)) {
            self.end(work.since);
        }
    }

    /// A pump works since `since`.
    fn begin(&mut self, since: Timestamp) {
        let before = self.oldest();
        *self.since.entry(since).or_default() += 1;
        self.tell(before);
    }

    /// One that worked since `since` does no longer.
    fn end(&mut self, since: Timestamp) {
        let before = self.oldest();
        if let Some(count) = self.since.get_mut(&since) {
            *count -= 1;
            if *count == 0 {
                self.since.remove(&since);
            }
        }
        self.tell(before);
    }

    /// Sets the gauge, if it is not as it was `before`. It says a time and no age: an age would have to be set again and again.
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

    use super::*;

    const SHOP: PhoneNumberId = PhoneNumberId::new(1);

    fn with(user: u8, business: PhoneNumberId) -> Conversation {
        Conversation { business, user: Partition::from_bytes([user; 16]) }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn the_oldest_is_known_whichever_pump_begins_and_ends() {
        let pumps = Pumps::default();
        assert_eq!(pumps.at_work(), (0, None));
        for (user, second) in [(1, 5), (2, 3), (3, 3), (4, 9)] {
            assert!(pumps.wake(with(user, SHOP), Pump::Outbox, at(second)));
        }
        assert_eq!(pumps.at_work(), (4, Some(at(3))));
        pumps.stop(with(2, SHOP), Pump::Outbox);
        assert_eq!(pumps.at_work(), (3, Some(at(3))), "another began in the same moment");
        pumps.stop(with(3, SHOP), Pump::Outbox);
        pumps.stop(with(3, SHOP), Pump::Outbox);
        assert_eq!(pumps.at_work(), (2, Some(at(5))));
        pumps.wake(with(1, PhoneNumberId::new(2)), Pump::Events, at(1));
        pumps.forget(SHOP);
        assert_eq!(pumps.at_work(), (1, Some(at(1))));
    }

    #[test]
    fn a_pump_that_is_never_idle_is_as_old_as_the_first_that_it_has_not_seen() {
        let (pumps, conversation) = (Pumps::default(), with(1, SHOP));
        assert!(pumps.wake(conversation, Pump::Events, at(10)));
        assert!(!pumps.rest(conversation, Pump::Events), "it has not looked yet");
        for second in [20, 30] {
            assert!(!pumps.wake(conversation, Pump::Events, at(second)));
        }
        assert_eq!(pumps.at_work(), (1, Some(at(10))), "it has not said that the first is done");
        assert!(!pumps.rest(conversation, Pump::Events));
        assert_eq!(pumps.at_work(), (1, Some(at(20))));
        assert!(pumps.rest(conversation, Pump::Events));
        assert_eq!(pumps.at_work(), (0, None));
    }
}
