//! How many calls of businesses are being carried out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::conversation::Conversation;
use crate::SubmitError;
use crate::limits::{MAX_CALLS, MAX_CALLS_PER_CONVERSATION};

/// The calls that are being carried out. A call goes on when its caller does not wait for it any more, so
/// without a bound whoever asks and hangs up, again and again, could fill the memory.
#[derive(Debug, Default)]
pub(super) struct CallsInFlight(Mutex<InFlight>);

#[derive(Debug, Default)]
struct InFlight {
    in_all: usize,
    of: HashMap<Conversation, usize>,
}

/// A call, which is over when this is dropped.
#[derive(Debug)]
pub(super) struct Call {
    calls: Arc<CallsInFlight>,
    conversation: Conversation,
}

impl CallsInFlight {
    /// Begins one more, about `conversation`: who has many under way about one leaves room for the others.
    pub(super) fn begin(self: &Arc<Self>, conversation: Conversation) -> Result<Call, SubmitError> {
        let mut in_flight = self.in_flight();
        let InFlight { in_all, of } = &mut *in_flight;
        if *in_all >= MAX_CALLS {
            return Err(SubmitError::Busy { limit: MAX_CALLS });
        }
        let of_it = of.entry(conversation).or_default();
        if *of_it >= MAX_CALLS_PER_CONVERSATION {
            return Err(SubmitError::Busy { limit: MAX_CALLS_PER_CONVERSATION });
        }
        (*in_all, *of_it) = (*in_all + 1, *of_it + 1);
        drop(in_flight);
        Ok(Call { calls: Arc::clone(self), conversation })
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut in_flight = self.calls.in_flight();
        in_flight.in_all -= 1;
        if let Some(of_it) = in_flight.of.get_mut(&self.conversation) {
            *of_it -= 1;
            if *of_it == 0 {
                in_flight.of.remove(&self.conversation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Partition, PhoneNumberId};

    use super::*;

    fn with(user: usize) -> Conversation {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&user.to_be_bytes());
        Conversation { business: PhoneNumberId::new(7), user: Partition::from_bytes(bytes) }
    }

    #[test]
    fn as_many_calls_as_may_be_are_under_way_and_one_conversation_leaves_room_for_others() {
        let calls = Arc::new(CallsInFlight::default());
        let mut under_way: Vec<Call> =
            (0..MAX_CALLS_PER_CONVERSATION).map(|_| calls.begin(with(0)).unwrap()).collect();
        let limit = MAX_CALLS_PER_CONVERSATION;
        assert!(matches!(calls.begin(with(0)), Err(SubmitError::Busy { limit: told }) if told == limit));
        under_way.extend((under_way.len()..MAX_CALLS).map(|user| calls.begin(with(user)).unwrap()));
        assert!(matches!(calls.begin(with(1)), Err(SubmitError::Busy { limit: MAX_CALLS })));
        under_way.pop();
        under_way.push(calls.begin(with(1)).unwrap());
        under_way.clear();
        let left = calls.in_flight();
        assert_eq!((left.in_all, left.of.len()), (0, 0));
    }
}
