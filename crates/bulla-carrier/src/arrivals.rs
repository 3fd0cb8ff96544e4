use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use bulla_envelope::Envelope;
use bulla_transport::{MAX_DELIVERIES, Sent};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// The most envelopes for one party that are queued in one record.
pub(crate) const MOST_AT_ONCE: usize = 64;

const _: () = assert!(MAX_DELIVERIES <= MOST_AT_ONCE, "what is sent together is not queued together");

/// Envelopes that wait for the lock of their recipient: whoever gets it next queues all of them in one
/// record.
///
/// A recipient's places are given out one after the other. If each envelope were a commit of its own, a
/// business would get no more of them in a second than the disk makes syncs one after the other.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<HashMap<Partition, Vec<Arrival>>>);

/// Envelopes of one sender that wait to be queued, in their order, and who waits to hear what became of it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) envelopes: Vec<Envelope>,
    outcome: oneshot::Sender<Sent>,
}

impl Arrival {
    pub(crate) fn tell(self, outcome: Sent) {
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
    arrivals: &'a Arrivals,
    partition: Partition,
    outcome: oneshot::Receiver<Sent>,
}

impl Waiting<'_> {
    /// What became of the envelopes, once somebody was at them.
    pub(crate) fn outcome(&mut self) -> Result<Sent, TryRecvError> {
        self.outcome.try_recv()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.outcome.close();
        let mut waiting = self.arrivals.waiting();
        if let Entry::Occupied(mut arrivals) = waiting.entry(self.partition) {
            arrivals.get_mut().retain(|arrival| !arrival.is_abandoned());
            if arrivals.get().is_empty() {
                arrivals.remove();
            }
        }
    }
}

impl Arrivals {
    /// Lets `envelopes`, at most [`MOST_AT_ONCE`], wait with the others for the party of `partition`.
    pub(crate) fn add(&self, partition: Partition, envelopes: Vec<Envelope>) -> Waiting<'_> {
        let (outcome, waiting) = oneshot::channel();
        self.waiting().entry(partition).or_default().push(Arrival { envelopes, outcome });
        Waiting { arrivals: self, partition, outcome: waiting }
    }

    /// Those who wait for the party of `partition`, at most [`MOST_AT_ONCE`], in the order in which they
    /// came.
    pub(crate) fn take(&self, partition: Partition) -> Vec<Arrival> {
        let mut waiting = self.waiting();
        let Entry::Occupied(mut arrivals) = waiting.entry(partition) else { return Vec::new() };
        let mut envelopes = 0;
        let fit = arrivals.get().iter().take_while(|arrival| {
            envelopes += arrival.envelopes.len();
            envelopes <= MOST_AT_ONCE
        });
        let count = fit.count();
        if count < arrivals.get().len() {
            return arrivals.get_mut().drain(..count.max(1)).collect();
        }
        arrivals.remove()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Partition, Vec<Arrival>>> {
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
    fn those_who_came_are_taken_in_order_and_so_many_at_once() {
        let arrivals = Arrivals::default();
        let most = u8::try_from(MOST_AT_ONCE).unwrap();
        let _waiting: Vec<_> =
            (0..=most).map(|number| arrivals.add(BUSINESS, vec![envelope(number)])).collect();
        let sealed = |taken: Vec<Arrival>| -> Vec<u8> {
            taken.iter().flat_map(|arrival| &arrival.envelopes).map(|envelope| envelope.sealed()[0]).collect()
        };
        assert_eq!(sealed(arrivals.take(BUSINESS)), (0..most).collect::<Vec<_>>());
        assert_eq!(sealed(arrivals.take(BUSINESS)), [most]);
        assert!(arrivals.take(BUSINESS).is_empty());
    }

    #[test]
    fn what_was_sent_together_is_taken_together() {
        let arrivals = Arrivals::default();
        let most = u8::try_from(MOST_AT_ONCE).unwrap();
        let _one = arrivals.add(BUSINESS, vec![envelope(0)]);
        let _many = arrivals.add(BUSINESS, (0..most).map(envelope).collect());
        let counts = |taken: Vec<Arrival>| taken.iter().map(|arrival| arrival.envelopes.len()).sum::<usize>();
        assert_eq!(counts(arrivals.take(BUSINESS)), 1);
        assert_eq!(counts(arrivals.take(BUSINESS)), MOST_AT_ONCE);
        assert!(arrivals.take(BUSINESS).is_empty());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let arrivals = Arrivals::default();
        let mut stays = arrivals.add(BUSINESS, vec![envelope(1)]);
        drop(arrivals.add(BUSINESS, vec![envelope(2)]));
        let mut taken = arrivals.take(BUSINESS);
        assert_eq!(taken.len(), 1);
        assert!(matches!(stays.outcome(), Err(TryRecvError::Empty)));
        taken.remove(0).tell(Sent { taken: 1, error: None });
        assert!(matches!(stays.outcome(), Ok(Sent { taken: 1, error: None })));
        drop(arrivals.add(BUSINESS, vec![envelope(3)]));
        assert!(arrivals.waiting().is_empty());
    }

    #[test]
    fn who_waits_hears_that_whoever_was_at_it_has_left() {
        let arrivals = Arrivals::default();
        let mut waits = arrivals.add(BUSINESS, vec![envelope(1)]);
        drop(arrivals.take(BUSINESS));
        assert!(matches!(waits.outcome(), Err(TryRecvError::Closed)));
    }
}
