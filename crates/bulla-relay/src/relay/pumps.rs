use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{PhoneNumberId, Timestamp};

use super::conversation::Conversation;

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
pub(super) struct Pumps(Mutex<HashMap<(Conversation, Pump), Work>>);

/// A pump that works.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Whether something was added that the pump may not have seen.
    is_fresh: bool,
    since: Timestamp,
}

impl Pumps {
    /// Says that there is something to pump. True when a pump has to be started for it.
    pub(super) fn wake(&self, conversation: Conversation, pump: Pump, now: Timestamp) -> bool {
        // A pump that is new looks at everything; one that works looks again when it believes to be done.
        match self.working().entry((conversation, pump)) {
            Entry::Occupied(mut work) => {
                work.get_mut().is_fresh = true;
                false
            }
            Entry::Vacant(none) => {
                none.insert(Work { is_fresh: true, since: now });
                true
            }
        }
    }

    /// How many pumps work, and since when the one that has for longest.
    pub(super) fn at_work(&self) -> (usize, Option<Timestamp>) {
        let working = self.working();
        (working.len(), working.values().map(|work| work.since).min())
    }

    /// Says that the pump has found nothing more. True when it may end; false when something was added meanwhile.
    pub(super) fn rest(&self, conversation: Conversation, pump: Pump) -> bool {
        let mut working = self.working();
        match working.get_mut(&(conversation, pump)) {
            Some(work) if work.is_fresh => {
                work.is_fresh = false;
                false
            }
            _ => {
                working.remove(&(conversation, pump));
                true
            }
        }
    }

    /// Says that the pump has ended without being done. The next that is woken begins anew.
    pub(super) fn stop(&self, conversation: Conversation, pump: Pump) {
        self.working().remove(&(conversation, pump));
    }

    /// Forgets the pumps of a business, all of which have ended.
    pub(super) fn forget(&self, business: PhoneNumberId) {
        self.working().retain(|(conversation, _), _| conversation.business != business);
    }

    fn working(&self) -> MutexGuard<'_, HashMap<(Conversation, Pump), Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
