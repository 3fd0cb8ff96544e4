//! Where a tag stands in the ring: an open table of places. Tags are as good as random, so that they need no
//! hash.

use super::ring::Ring;

/// A free slot, and one whose tag is gone.
const FREE: u32 = u32::MAX;
const GONE: u32 = u32::MAX - 1;

pub(super) struct TagIndex {
    slots: Vec<u32>,
    /// How many slots are not free.
    used: usize,
}

impl TagIndex {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), used: 0 }
    }

    pub(super) const fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    pub(super) fn find(&self, tag: u64, ring: &Ring) -> Option<u32> {
        let found = self.walk(tag).take_while(|(_, place)| *place != FREE);
        found.map(|(_, place)| place).find(|place| *place != GONE && ring.tag(*place) == Some(tag))
    }

    /// Notes that `tag`, which is not there, stands at `place`.
    pub(super) fn insert(&mut self, tag: u64, place: u32, ring: &Ring) {
        // Seven of eight slots are used at most.
        if (self.used + 1) * 8 > self.slots.len() * 7 {
            self.rebuild(ring);
            // The entry is in the ring already, and so in the table now.
            if self.find(tag, ring).is_some() {
                return;
            }
        }
        let slot = self.walk(tag).find(|(_, place)| *place >= GONE).map(|(slot, at)| (slot, at == FREE));
        if let Some((slot, was_free)) = slot
            && let Some(entry) = self.slots.get_mut(slot)
        {
            *entry = place;
            self.used += usize::from(was_free);
        }
    }

    /// Forgets the tag that stands at `place`, before the ring does.
    pub(super) fn remove(&mut self, place: u32, ring: &Ring) {
        let Some(tag) = ring.tag(place) else { return };
        let found = self.walk(tag).take_while(|(_, at)| *at != FREE).find(|(_, at)| *at == place);
        if let Some(entry) = found.and_then(|(slot, _)| self.slots.get_mut(slot)) {
            *entry = GONE;
        }
    }

    /// A table of as many as there are, without those that are gone.
    fn rebuild(&mut self, ring: &Ring) {
        let slots = (ring.len().max(4) * 3 / 2).next_power_of_two();
        self.slots = vec![FREE; slots];
        self.used = 0;
        for (place, tag) in ring.places() {
            let free = self.walk(tag).find(|(_, at)| *at == FREE).map(|(slot, _)| slot);
            if let Some(slot) = free
                && let Some(entry) = self.slots.get_mut(slot)
            {
                *entry = place;
                self.used += 1;
            }
        }
    }

    /// The slots at which `tag` may stand, with what is in them.
    fn walk(&self, tag: u64) -> impl Iterator<Item = (usize, u32)> {
        let count = self.slots.len();
        let mask = count.wrapping_sub(1);
        let first = usize::try_from(tag & u64::from(u32::MAX)).unwrap_or_default();
        (0..count).filter_map(move |step| {
            let slot = first.wrapping_add(step) & mask;
            Some((slot, *self.slots.get(slot)?))
        })
    }
}
