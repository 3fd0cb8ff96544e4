use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::PhoneNumberId;

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
pub(super) struct Pumps(Mutex<HashMap<(Conversation, Pump), Fresh>>);

/// Whether something was added that the pump may not have seen.
type Fresh = bool;

impl Pumps {
    /// Says that there is something to pump. True when a pump has to be started for it.
    pub(super) fn wake(&self, conversation: Conversation, pump: Pump) -> bool {
        // A pump that is new looks at everything; one that works looks again when it believes to be done.
        self.working().insert((conversation, pump), true).is_none()
    }

    /// Says that the pump has found nothing more. True when it may end; false when something was added meanwhile.
    pub(super) fn rest(&self, conversation: Conversation, pump: Pump) -> bool {
        let mut working = self.working();
        match working.get_mut(&(conversation, pump)) {
            Some(fresh @ true) => {
                *fresh = false;
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

    fn working(&self) -> MutexGuard<'_, HashMap<(Conversation, Pump), Fresh>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
