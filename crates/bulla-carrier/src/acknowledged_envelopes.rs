use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{DeviceId, Partition};
use tokio::sync::Notify;

use crate::limits::{MAX_UNSETTLED, MAX_UNSETTLED_PER_QUEUE};

/// Places in the queues of a party's devices.
pub(crate) type Places = BTreeMap<DeviceId, BTreeSet<u64>>;

/// Envelopes that their recipients have acknowledged and that still stand in the store.
///
/// To take each out in a record of its own would cost as much as to queue it. What follows it mostly comes
/// soon: the next envelope for the same party.
#[derive(Debug, Default)]
pub(crate) struct AcknowledgedEnvelopes {
    noted: Mutex<Noted>,
    /// Told when the first was noted.
    some: Notify,
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noting {
    /// How many of the places were not acknowledged before.
    pub(crate) new: usize,
    /// Whether they are noted. If not, there is no room, and they have to be taken out at once.
    pub(crate) is_noted: bool,
}

#[derive(Debug, Default)]
struct Noted {
    /// In order: whatever is done with them is done in the same order again.
    queues: BTreeMap<(Partition, DeviceId), Acknowledged>,
    /// Places in all of them.
    count: usize,
    /// Grows each time it is asked what is due.
    round: u64,
    is_closed: bool,
}

/// What was acknowledged in one queue.
#[derive(Debug, Default)]
struct Acknowledged {
    places: BTreeSet<u64>,
    /// The round in which the first of them was noted.
    round: u64,
}

impl AcknowledgedEnvelopes {
    /// Takes note that what stands at `places` of the queue of a device was acknowledged.
    pub(crate) fn note(&self, partition: Partition, device: DeviceId, places: &[u64]) -> Noting {
        let mut noted = self.noted();
        let held = noted.queues.get(&(partition, device)).map(|queue| &queue.places);
        let fresh: BTreeSet<u64> =
            places.iter().copied().filter(|place| held.is_none_or(|held| !held.contains(place))).collect();
        let (new, of_queue) = (fresh.len(), held.map_or(0, BTreeSet::len));
        let has_room = of_queue + new <= MAX_UNSETTLED_PER_QUEUE && noted.count + new <= MAX_UNSETTLED;
        if new == 0 || noted.is_closed || !has_room {
            return Noting { new, is_noted: new == 0 };
        }
        let (round, is_first) = (noted.round, noted.count == 0);
        noted.count += new;
        let empty = || Acknowledged { places: BTreeSet::new(), round };
        noted.queues.entry((partition, device)).or_insert_with(empty).places.extend(fresh);
        drop(noted);
        if is_first {
            self.some.notify_one();
        }
        Noting { new, is_noted: true }
    }

    /// What is noted of a party.
    pub(crate) fn of(&self, partition: Partition) -> Places {
        let noted = self.noted();
        noted.of(partition).map(|(device, queue)| (device, queue.places.clone())).collect()
    }

    /// What is noted of one device.
    pub(crate) fn of_device(&self, partition: Partition, device: DeviceId) -> BTreeSet<u64> {
        let noted = self.noted();
        noted.queues.get(&(partition, device)).map_or_else(BTreeSet::new, |queue| queue.places.clone())
    }

    /// Whether what stands at `place` of the queue of a device is noted.
    pub(crate) fn has(&self, partition: Partition, device: DeviceId, place: u64) -> bool {
        let noted = self.noted();
        noted.queues.get(&(partition, device)).is_some_and(|queue| queue.places.contains(&place))
    }

    /// Forgets those that are durably out of the store.
    pub(crate) fn settled(&self, partition: Partition, settled: &Places) {
        let mut noted = self.noted();
        for (device, places) in settled {
            noted.retain((partition, *device), |place| !places.contains(&place));
        }
    }

    /// Forgets those of a device whose queue is removed.
    pub(crate) fn forget_device(&self, partition: Partition, device: DeviceId) {
        self.noted().retain((partition, device), |_| false);
    }

    /// Forgets those of a party that is erased: its places begin anew.
    pub(crate) fn forget(&self, partition: Partition) {
        let mut noted = self.noted();
        let devices: Vec<_> = noted.of(partition).map(|(device, _)| device).collect();
        devices.into_iter().for_each(|device| noted.retain((partition, device), |_| false));
    }

    /// Waits until something is noted.
    pub(crate) async fn some(&self) {
        self.some.notified().await;
    }

    /// The parties of which something was noted before this was last called, and whether there is anything
    /// else.
    pub(crate) fn due(&self) -> (Vec<Partition>, bool) {
        let mut noted = self.noted();
        let is_due = |(_, queue): &(_, &Acknowledged)| queue.round < noted.round;
        let due = parties(noted.queues.iter().filter(is_due).map(|(of, _)| of));
        noted.round += 1;
        (due, !noted.queues.is_empty())
    }

    /// From here on nothing is noted any more. The parties of which something is.
    pub(crate) fn close(&self) -> Vec<Partition> {
        let mut noted = self.noted();
        noted.is_closed = true;
        parties(noted.queues.keys())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn of(&self, partition: Partition) -> impl Iterator<Item = (DeviceId, &Acknowledged)> {
        let queues = self.queues.range((partition, DeviceId::PRIMARY)..);
        let of_party = queues.take_while(move |((of, _), _)| *of == partition);
        of_party.map(|((_, device), queue)| (*device, queue))
    }

    fn retain(&mut self, of: (Partition, DeviceId), mut stays: impl FnMut(u64) -> bool) {
        let Some(queue) = self.queues.get_mut(&of) else { return };
        let before = queue.places.len();
        queue.places.retain(|place| stays(*place));
        self.count -= before - queue.places.len();
        // What stays was noted since.
        queue.round = self.round;
        if queue.places.is_empty() {
            self.queues.remove(&of);
        }
    }
}

/// Each party once.
fn parties<'a>(queues: impl Iterator<Item = &'a (Partition, DeviceId)>) -> Vec<Partition> {
    let mut parties: Vec<_> = queues.map(|(partition, _)| *partition).collect();
    parties.dedup();
    parties
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Partition = Partition::from_bytes([1; 16]);
    const OTHER: Partition = Partition::from_bytes([2; 16]);
    const PHONE: DeviceId = DeviceId::PRIMARY;

    fn through(last: usize) -> Vec<u64> {
        (1..=last as u64).collect()
    }

    fn noted(new: usize) -> Noting {
        Noting { new, is_noted: true }
    }

    fn refused(new: usize) -> Noting {
        Noting { new, is_noted: false }
    }

    #[test]
    fn a_queue_has_room_for_so_many_and_no_more() {
        let held = AcknowledgedEnvelopes::default();
        let most = through(MAX_UNSETTLED_PER_QUEUE);
        assert_eq!(held.note(ONE, PHONE, &most), noted(MAX_UNSETTLED_PER_QUEUE));
        assert_eq!(held.note(ONE, PHONE, &[1, 2]), noted(0), "they are already");
        let next = MAX_UNSETTLED_PER_QUEUE as u64 + 1;
        assert_eq!(held.note(ONE, PHONE, &[1, next]), refused(1));
        assert_eq!(held.of_device(ONE, PHONE).len(), MAX_UNSETTLED_PER_QUEUE);
        assert_eq!(held.note(OTHER, PHONE, &[next]), noted(1), "each has its own");
    }

    #[test]
    fn all_queues_have_room_for_so_many_and_no_more() {
        let held = AcknowledgedEnvelopes::default();
        let most = through(MAX_UNSETTLED_PER_QUEUE);
        let queues = u32::try_from(MAX_UNSETTLED / MAX_UNSETTLED_PER_QUEUE).unwrap();
        let party = |number: u32| Partition::from_bytes(u128::from(number).to_be_bytes());
        for number in 0..queues {
            assert!(held.note(party(number), PHONE, &most).is_noted, "{number}");
        }
        assert_eq!(held.note(party(queues), PHONE, &[1]), refused(1));
        held.settled(party(3), &Places::from([(PHONE, BTreeSet::from([7]))]));
        assert_eq!(held.note(party(queues), PHONE, &[1]), noted(1));
        assert_eq!(held.note(party(queues), PHONE, &[2]), refused(1));
        assert_eq!(held.noted().count, MAX_UNSETTLED);
    }

    #[test]
    fn what_was_noted_meanwhile_stays_when_the_others_are_settled() {
        let held = AcknowledgedEnvelopes::default();
        let two = DeviceId::new(2).unwrap();
        held.note(ONE, PHONE, &[1, 2]);
        held.note(ONE, two, &[1]);
        let taken = held.of(ONE);
        held.note(ONE, PHONE, &[3]);
        held.settled(ONE, &taken);
        assert_eq!(held.of(ONE), Places::from([(PHONE, BTreeSet::from([3]))]));
        held.forget_device(ONE, PHONE);
        assert_eq!((held.of(ONE), held.noted().count), (Places::new(), 0));
    }

    #[test]
    fn what_is_noted_is_due_after_the_next_round_and_goes_with_its_party() {
        let held = AcknowledgedEnvelopes::default();
        assert_eq!(held.due(), (vec![], false));
        held.note(ONE, PHONE, &[1]);
        held.note(ONE, DeviceId::new(2).unwrap(), &[1]);
        assert_eq!(held.due(), (vec![], true), "a record may come that it goes with");
        held.note(OTHER, PHONE, &[1]);
        assert_eq!(held.due(), (vec![ONE], true));
        held.forget(ONE);
        assert_eq!(held.due(), (vec![OTHER], true));
        held.forget(OTHER);
        assert_eq!(held.due(), (vec![], false));
    }

    #[test]
    fn nothing_is_noted_after_the_end() {
        let held = AcknowledgedEnvelopes::default();
        held.note(ONE, PHONE, &[1]);
        assert_eq!(held.close(), [ONE]);
        assert_eq!(held.note(ONE, PHONE, &[1, 2]), refused(1));
    }
}
