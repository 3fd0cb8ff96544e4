use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{DeviceId, Partition, Timestamp};
use bulla_envelope::Envelope;
use bulla_store::{Expiry, QueueIndex, QueueTail, Space, TailRead, Watch, Watchers};

use crate::limits::{MAX_RECENT_ENVELOPES, MAX_RECENT_PER_QUEUE, MAX_RECENT_SEALED_BYTES};

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
        let begin = || Tail { first: index.first(), newest: newest() };
        self.held().tails.entry((partition, device)).or_insert_with(begin);
    }

    /// At which places something may stand in the queue of a device, if it is known here.
    pub(crate) fn places(&self, partition: Partition, device: DeviceId) -> Option<RangeInclusive<u64>> {
        let held = self.held();
        held.tails.get(&(partition, device)).map(|tail| tail.first..=tail.newest.last())
    }

    /// Takes `envelope` in, which is durable at `place` of the queue of its recipient.
    pub(crate) fn push(&self, partition: Partition, place: u64, envelope: Envelope, expiry: Expiry) {
        let mut held = self.held();
        if held.envelopes >= MAX_RECENT_ENVELOPES {
            *held = Held::default();
        }
        let device = envelope.to().device();
        // Of what is taken out again already, its reader has heard before this has.
        let is_gone = held.tails.get(&(partition, device)).is_some_and(|tail| place < tail.first);
        held.change((partition, device), |tail| {
            if is_gone || envelope.sealed().len() > MAX_RECENT_SEALED_BYTES {
                tail.skip(place);
            } else {
                tail.push(place, Waiting { envelope, expiry });
            }
        });
        drop(held);
        self.arrived.notify_spaces(partition, [Space::new(device.number())]);
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
        let held = self.held();
        Some(match held.tails.get(&(partition, device))?.newest.read(after, limit) {
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
    /// Changes a tail, if there is one, and counts what is in memory then.
    fn change(&mut self, of: (Partition, DeviceId), change: impl FnOnce(&mut QueueTail<Waiting>)) {
        let Some(tail) = self.tails.get_mut(&of) else { return };
        let before = tail.newest.len();
        change(&mut tail.newest);
        self.envelopes = self.envelopes + tail.newest.len() - before;
    }
}
