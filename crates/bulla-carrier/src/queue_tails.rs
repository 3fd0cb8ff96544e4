use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{DeviceId, DeviceSet, Partition, Timestamp};
use bulla_envelope::Envelope;
use bulla_store::{Expiry, QueueIndex, QueueTail, Space, TailRead, Watch, Watchers};

use crate::limits::{MAX_RECENT_ENVELOPES, MAX_RECENT_PER_QUEUE, MAX_RECENT_QUEUES, MAX_RECENT_SEALED_BYTES};

/// The ends of the queues that are being read, in memory: what has just become durable is handed on without a
/// look into the store.
///
/// What begins a tail and what adds to it is called under the lock of the queue's partition.
#[derive(Debug, Default)]
pub(crate) struct QueueTails {
    held: Mutex<Held>,
    /// Told when something was taken in, and not before: the store tells its watches earlier. A device has
    /// one of its own, in the space with its number: what is for another does not wake it.
    arrived: Watchers,
}

#[derive(Debug, Default)]
struct Held {
    tails: HashMap<(Partition, DeviceId), Tail>,
    envelopes: usize,
}

/// The end of one queue.
#[derive(Debug)]
struct Tail {
    /// Before it nothing is there any more.
    first: u64,
    newest: QueueTail<Waiting>,
    /// Whether somebody has read it since idle ones were last let go of.
    was_read: bool,
}

/// An envelope that waits, and until when it may.
#[derive(Debug, Clone)]
struct Waiting {
    envelope: Envelope,
    expiry: Expiry,
}

impl QueueTails {
    /// Begins to hand on what is queued for a device behind what stands in `index`.
    pub(crate) fn begin(&self, partition: Partition, device: DeviceId, index: &QueueIndex) {
        let newest = || QueueTail::after(index.last(), MAX_RECENT_PER_QUEUE);
        let begin = || Tail { first: index.first(), newest: newest(), was_read: true };
        let mut held = self.held();
        if held.tails.len() >= MAX_RECENT_QUEUES {
            *held = Held::default();
        }
        held.tails.entry((partition, device)).or_insert_with(begin);
    }

    /// At which places something may stand in the queue of a device, if it is known here.
    pub(crate) fn places(&self, partition: Partition, device: DeviceId) -> Option<RangeInclusive<u64>> {
        let held = self.held();
        held.tails.get(&(partition, device)).map(|tail| tail.first..=tail.newest.last())
    }

    /// Takes in what one record has made durable for the devices of a party, in the order of its places, and
    /// tells their readers once: who were told of each would read one by one.
    pub(crate) fn push_all(&self, partition: Partition, placed: Vec<(u64, Envelope, Expiry)>) {
        let mut devices = DeviceSet::EMPTY;
        let mut held = self.held();
        for (place, envelope, expiry) in placed {
            devices = devices.with(envelope.to().device());
            held.push(partition, place, envelope, expiry);
        }
        drop(held);
        self.arrived.notify_spaces(partition, devices.iter().map(|device| Space::new(device.number())));
    }

    /// A watch on what is taken in for a device.
    pub(crate) fn watch(&self, partition: Partition, device: DeviceId) -> Watch {
        self.arrived.watch(partition, Space::new(device.number()))
    }

    /// What is queued for a device after the place `after`, at most `limit`, unless it is only known to the
    /// store, or not known here at all.
    pub(crate) fn read(
        &self,
        partition: Partition,
        device: DeviceId,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Option<TailRead<Envelope>> {
        let mut held = self.held();
        let tail = held.tails.get_mut(&(partition, device))?;
        tail.was_read = true;
        Some(match tail.newest.read(after, limit) {
            TailRead::Here(waiting) => {
                let live = waiting.into_iter().filter(|(_, waiting)| !waiting.expiry.has_come(now));
                let live: Vec<_> = live.map(|(place, waiting)| (place, waiting.envelope)).collect();
                // Behind those that are over there may be more.
                if live.is_empty() { TailRead::InStore } else { TailRead::Here(live) }
            }
            TailRead::InStore => TailRead::InStore,
            TailRead::Nothing => TailRead::Nothing,
        })
    }

    /// Lets go of everything up to `place`: its reader has come so far. What is not acknowledged of it is
    /// read in the store, if somebody reads it again.
    pub(crate) fn forget_through(&self, partition: Partition, device: DeviceId, place: u64) {
        self.held().change((partition, device), |tail| tail.forget_through(place));
    }

    /// Takes note of the `firsts` that stand in the queues of a party's devices now.
    pub(crate) fn settled(&self, partition: Partition, firsts: &[(DeviceId, u64)]) {
        let mut held = self.held();
        for (device, first) in firsts {
            if let Some(tail) = held.tails.get_mut(&(partition, *device)) {
                tail.first = tail.first.max(*first);
            }
        }
    }

    /// Lets go of the queues that nobody has read since this was called last, whatever was put into them: for
    /// somebody to call from time to time. Who reads one begins anew, with a look into the store.
    pub(crate) fn evict_idle(&self) {
        let mut held = self.held();
        held.tails.retain(|_, tail| std::mem::take(&mut tail.was_read));
        held.tails.shrink_to_fit();
        held.envelopes = held.tails.values().map(|tail| tail.newest.len()).sum();
    }

    /// Lets go of the queue of one device.
    pub(crate) fn forget_device(&self, partition: Partition, device: DeviceId) {
        let mut held = self.held();
        if let Some(tail) = held.tails.remove(&(partition, device)) {
            held.envelopes -= tail.newest.len();
        }
    }

    /// Lets go of all queues of a party. Who reads one begins anew.
    pub(crate) fn forget(&self, partition: Partition) {
        let mut held = self.held();
        held.tails.retain(|(of, _), _| *of != partition);
        held.envelopes = held.tails.values().map(|tail| tail.newest.len()).sum();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn push(&mut self, partition: Partition, place: u64, envelope: Envelope, expiry: Expiry) {
        if self.envelopes >= MAX_RECENT_ENVELOPES {
            *self = Self::default();
        }
        let of = (partition, envelope.to().device());
        // Of what is taken out again already, its reader has heard before this has.
        let is_gone = self.tails.get(&of).is_some_and(|tail| place < tail.first);
        self.change(of, |tail| {
            if is_gone || envelope.sealed().len() > MAX_RECENT_SEALED_BYTES {
                tail.skip(place);
            } else {
                tail.push(place, Waiting { envelope, expiry });
            }
        });
    }

    /// Changes a tail, if there is one, and counts what is in memory then.
    fn change(&mut self, of: (Partition, DeviceId), change: impl FnOnce(&mut QueueTail<Waiting>)) {
        let Some(tail) = self.tails.get_mut(&of) else { return };
        let before = tail.newest.len();
        change(&mut tail.newest);
        self.envelopes = self.envelopes + tail.newest.len() - before;
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId};
    use bulla_envelope::{Form, FrankingTag, Kind};
    use bulla_store::Retention;

    use super::*;

    const PHONE: DeviceId = DeviceId::PRIMARY;
    const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

    fn party(number: usize) -> Partition {
        Partition::from_bytes((number as u128).to_be_bytes())
    }

    fn envelope() -> Envelope {
        let (id, to) =
            (MessageId::parse("01900000000070008000000000000000").unwrap(), Number::parse("16505551234"));
        let (from, to) = (Address::business(PhoneNumberId::new(1)), Address::user(to.unwrap()));
        let (kind, franking) = (Kind::Message(Category::Service), FrankingTag::from_bytes([0; 32]));
        Envelope::new(id, from, to, kind, franking, Form::Signal, vec![7; 300]).unwrap()
    }

    fn push(tails: &QueueTails, number: usize, place: u64) {
        tails.push_all(party(number), vec![(place, envelope(), Retention::LONGEST.from(NOW))]);
    }

    fn read(tails: &QueueTails, number: usize, after: u64) -> Option<TailRead<Envelope>> {
        tails.read(party(number), PHONE, after, 16, NOW)
    }

    #[test]
    fn queues_that_nobody_has_read_between_two_looks_are_let_go_of_whatever_waits_in_them() {
        let tails = QueueTails::default();
        (0..100).for_each(|number| tails.begin(party(number), PHONE, &QueueIndex::new()));
        tails.evict_idle();
        for place in 1..=3 {
            (0..100).for_each(|number| push(&tails, number, place));
        }
        assert_eq!(tails.held().envelopes, 300);
        assert!(matches!(read(&tails, 7, 1), Some(TailRead::Here(waiting)) if waiting.len() == 2));
        tails.evict_idle();
        assert_eq!(read(&tails, 8, 0), None, "its reader begins anew");
        assert!(matches!(read(&tails, 7, 0), Some(TailRead::Here(waiting)) if waiting.len() == 3));
        {
            let held = tails.held();
            assert_eq!((held.tails.len(), held.envelopes), (1, 3));
            assert!(held.tails.capacity() < 8, "room for {}", held.tails.capacity());
        }
        // What comes to a queue that was let go of is left in the store.
        push(&tails, 8, 4);
        tails.forget_through(party(8), PHONE, 4);
        assert_eq!((read(&tails, 8, 3), tails.held().envelopes), (None, 3));
        (0..2).for_each(|_| tails.evict_idle());
        let held = tails.held();
        assert_eq!((held.tails.capacity(), held.envelopes), (0, 0));
    }

    #[test]
    fn as_many_queues_are_known_as_may_be_and_all_are_let_go_of_beyond_it() {
        let (tails, empty) = (QueueTails::default(), QueueIndex::new());
        (0..MAX_RECENT_QUEUES).for_each(|number| tails.begin(party(number), PHONE, &empty));
        assert_eq!(read(&tails, 0, 0), Some(TailRead::Nothing));
        tails.begin(party(MAX_RECENT_QUEUES), PHONE, &empty);
        assert_eq!((read(&tails, 0, 0), tails.held().tails.len()), (None, 1));
        assert_eq!(read(&tails, MAX_RECENT_QUEUES, 0), Some(TailRead::Nothing));
    }
}
