use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use bulla_envelope::Envelope;
use bulla_transport::{MAX_DELIVERIES, SendOutcome};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::limits::MAX_ENVELOPES_A_RECORD;

const _: () =
    assert!(MAX_DELIVERIES <= MAX_ENVELOPES_A_RECORD, "what is sent together is not queued together");

/// Envelopes that wait for the lock of their recipient: whoever gets it next queues all of them in one
/// record.
///
/// A recipient's places are given out one after the other. If each envelope were a commit of its own, a
/// business would get no more of them in a second than the disk makes syncs one after the other.
#[derive(Debug, Default)]
pub(crate) struct PendingSends(Mutex<HashMap<Partition, Vec<PendingSend>>>);

/// Envelopes of one sender that wait to be queued, in their order, and who waits to hear what became of it.
#[derive(Debug)]
pub(crate) struct PendingSend {
    pub(crate) envelopes: Vec<Envelope>,
    outcome: oneshot::Sender<SendOutcome>,
}

impl PendingSend {
    pub(crate) fn tell(self, outcome: SendOutcome) {
        // Who does not wait any more asks again, and finds it done.
        let _ = self.outcome.send(outcome);
    }

    /// Whether nobody waits any more: the sender may be shut out by now.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.outcome.is_closed()
    }
}

/// Somebody who waits for an envelope to be queued. When it is dropped, the envelope does not wait any
/// longer.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    pending: &'a PendingSends,
    partition: Partition,
    outcome: oneshot::Receiver<SendOutcome>,
}

impl Waiting<'_> {
    /// What became of the envelopes, once somebody was at them.
    pub(crate) fn outcome(&mut self) -> Result<SendOutcome, TryRecvError> {
        self.outcome.try_recv()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.outcome.close();
        let mut waiting = self.pending.waiting();
        if let Entry::Occupied(mut pending) = waiting.entry(self.partition) {
            pending.get_mut().retain(|send| !send.is_abandoned());
            if pending.get().is_empty() {
                pending.remove();
            }
        }
    }
}

impl PendingSends {
    /// Lets `envelopes`, at most [`MAX_ENVELOPES_A_RECORD`], wait with the others for the party of
    /// `partition`.
    pub(crate) fn add(&self, partition: Partition, envelopes: Vec<Envelope>) -> Waiting<'_> {
        let (outcome, waiting) = oneshot::channel();
        self.waiting().entry(partition).or_default().push(PendingSend { envelopes, outcome });
        Waiting { pending: self, partition, outcome: waiting }
    }

    /// Those who wait for the party of `partition`, at most [`MAX_ENVELOPES_A_RECORD`], in the order in which
    /// they came.
    pub(crate) fn take(&self, partition: Partition) -> Vec<PendingSend> {
        let mut waiting = self.waiting();
        let Entry::Occupied(mut pending) = waiting.entry(partition) else { return Vec::new() };
        let mut envelopes = 0;
        let fit = pending.get().iter().take_while(|send| {
            envelopes += send.envelopes.len();
            envelopes <= MAX_ENVELOPES_A_RECORD
        });
        let count = fit.count();
        if count < pending.get().len() {
            // At least one: callers send no more together than fit, but if one did and none were taken, all
            // behind it would wait for ever.
            return pending.get_mut().drain(..count.max(1)).collect();
        }
        pending.remove()
    }

    /// Gives back the room of those that wait no more.
    pub(crate) fn give_back_room(&self) {
        self.waiting().shrink_to_fit();
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Partition, Vec<PendingSend>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId};
    use bulla_envelope::{Form, FrankingTag, Kind};

    use super::*;

    const BUSINESS: Partition = Partition::from_bytes([1; 16]);

    fn envelope(number: u8) -> Envelope {
        let user = Address::user(Number::parse("16505551234").unwrap());
        let id = MessageId::parse("01900000000070008000000000000000").unwrap();
        let (to, kind) = (Address::business(PhoneNumberId::new(1)), Kind::Message(Category::Service));
        let franking = FrankingTag::from_bytes([0; 32]);
        Envelope::new(id, user, to, kind, franking, Form::Signal, vec![number]).unwrap()
    }

    #[test]
    fn sends_are_taken_in_order_and_so_many_at_once() {
        let pending = PendingSends::default();
        let most = u8::try_from(MAX_ENVELOPES_A_RECORD).unwrap();
        let _waiting: Vec<_> =
            (0..=most).map(|number| pending.add(BUSINESS, vec![envelope(number)])).collect();
        let sealed = |taken: Vec<PendingSend>| -> Vec<u8> {
            taken.iter().flat_map(|send| &send.envelopes).map(|envelope| envelope.sealed()[0]).collect()
        };
        assert_eq!(sealed(pending.take(BUSINESS)), (0..most).collect::<Vec<_>>());
        assert_eq!(sealed(pending.take(BUSINESS)), [most]);
        assert!(pending.take(BUSINESS).is_empty());
    }

    #[test]
    fn what_was_sent_together_is_taken_together() {
        let pending = PendingSends::default();
        let most = u8::try_from(MAX_ENVELOPES_A_RECORD).unwrap();
        let _one = pending.add(BUSINESS, vec![envelope(0)]);
        let _many = pending.add(BUSINESS, (0..most).map(envelope).collect());
        let counts = |taken: Vec<PendingSend>| taken.iter().map(|send| send.envelopes.len()).sum::<usize>();
        assert_eq!(counts(pending.take(BUSINESS)), 1);
        assert_eq!(counts(pending.take(BUSINESS)), MAX_ENVELOPES_A_RECORD);
        assert!(pending.take(BUSINESS).is_empty());
    }

    #[test]
    fn sends_of_those_who_left_are_not_kept() {
        let pending = PendingSends::default();
        let mut stays = pending.add(BUSINESS, vec![envelope(1)]);
        drop(pending.add(BUSINESS, vec![envelope(2)]));
        let mut taken = pending.take(BUSINESS);
        assert_eq!(taken.len(), 1);
        assert!(matches!(stays.outcome(), Err(TryRecvError::Empty)));
        taken.remove(0).tell(SendOutcome { taken: 1, error: None });
        assert!(matches!(stays.outcome(), Ok(SendOutcome { taken: 1, error: None })));
        drop(pending.add(BUSINESS, vec![envelope(3)]));
        assert!(pending.waiting().is_empty());
    }

    #[test]
    fn who_waits_hears_that_whoever_was_at_it_has_left() {
        let pending = PendingSends::default();
        let mut waits = pending.add(BUSINESS, vec![envelope(1)]);
        drop(pending.take(BUSINESS));
        assert!(matches!(waits.outcome(), Err(TryRecvError::Closed)));
    }
}
