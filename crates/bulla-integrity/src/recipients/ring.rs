//! Users in the order of their times: a doubly linked list in one vector, from which any can be taken.

use crate::limits::GROWTH_SHARE;

/// No place.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) tag: u64,
    /// When the user was written to last or, if never, reserved last.
    pub(super) at: u32,
    older: u32,
    newer: u32,
    /// How many messages are under way.
    pub(super) pending: u16,
    pub(super) is_committed: bool,
}

impl Entry {
    pub(super) const fn committed(tag: u64, at: u32) -> Self {
        Self { tag, at, older: NONE, newer: NONE, pending: 0, is_committed: true }
    }

    pub(super) const fn reserved(tag: u64, at: u32) -> Self {
        Self { tag, at, older: NONE, newer: NONE, pending: 1, is_committed: false }
    }

    /// One message less is under way. Of more than can be counted nobody knows how many are left: then the
    /// user counts until they have lapsed.
    const fn settle_one(&mut self) {
        if self.pending < u16::MAX {
            self.pending = self.pending.saturating_sub(1);
        }
    }
}

pub(super) struct Ring {
    entries: Vec<Entry>,
    oldest: u32,
    newest: u32,
    /// The first of the places that are free, linked by `newer`.
    free: u32,
    len: usize,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), oldest: NONE, newest: NONE, free: NONE, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    pub(super) fn tag(&self, place: u32) -> Option<u64> {
        self.at(place).map(|entry| entry.tag)
    }

    pub(super) fn moment(&self, place: u32) -> Option<u32> {
        self.at(place).map(|entry| entry.at)
    }

    pub(super) fn newest_moment(&self) -> Option<u32> {
        self.moment(self.newest)
    }

    pub(super) fn first(&self) -> Option<(u32, Entry)> {
        Some((self.oldest, *self.at(self.oldest)?))
    }

    /// From the oldest to the newest.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        std::iter::successors(self.at(self.oldest), |entry| self.at(entry.newer))
    }

    /// Where everybody stands, with their tags.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut place = self.oldest;
        self.iter().map(move |entry| (std::mem::replace(&mut place, entry.newer), entry.tag))
    }

    /// Puts `entry` behind all others.
    pub(super) fn push(&mut self, entry: Entry) -> u32 {
        let place = match self.at(self.free).map(|free| free.newer) {
            Some(next) => std::mem::replace(&mut self.free, next),
            None => {
                // Vectors double by themselves, and half of one would be empty.
                if self.entries.len() == self.entries.capacity() {
                    self.entries.reserve_exact(self.entries.len() / GROWTH_SHARE + 4);
                }
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(slot) = self.at_mut(place) {
            *slot = entry;
        }
        self.link(place);
        self.len += 1;
        place
    }

    pub(super) fn remove(&mut self, place: u32) {
        self.unlink(place);
        let free = self.free;
        if let Some(entry) = self.at_mut(place) {
            *entry = Entry { newer: free, ..Entry::committed(0, 0) };
            self.free = place;
            self.len -= 1;
        }
    }

    pub(super) fn retag(&mut self, place: u32, tag: u64) {
        if let Some(entry) = self.at_mut(place) {
            entry.tag = tag;
        }
    }

    /// Another message is under way. Who was never written to counts from now.
    pub(super) fn reserve(&mut self, place: u32, at: u32) {
        let Some(entry) = self.at_mut(place) else { return };
        entry.pending = entry.pending.saturating_add(1);
        if !entry.is_committed {
            self.move_last(place, at);
        }
    }

    pub(super) fn commit(&mut self, place: u32, at: u32) {
        let Some(entry) = self.at_mut(place) else { return };
        entry.settle_one();
        entry.is_committed = true;
        self.move_last(place, at);
    }

    /// The user counts from `at`.
    pub(super) fn count_again(&mut self, place: u32, at: u32) {
        if let Some(entry) = self.at_mut(place) {
            entry.is_committed = true;
            self.move_last(place, at);
        }
    }

    /// Returns whether the user does not count any more.
    pub(super) fn release(&mut self, place: u32) -> bool {
        let Some(entry) = self.at_mut(place) else { return false };
        entry.settle_one();
        entry.pending == 0 && !entry.is_committed
    }

    /// Who was written to a day ago, and is about to be again, counts for what is under way alone.
    pub(super) fn renew(&mut self, place: u32, at: u32) {
        if let Some(entry) = self.at_mut(place) {
            entry.is_committed = false;
            self.move_last(place, at);
        }
    }

    pub(super) fn is_settled(&self, place: u32) -> bool {
        self.at(place).is_some_and(|entry| entry.pending == 0)
    }

    /// Moments are counted from so much later.
    pub(super) fn shift(&mut self, moved: u32) {
        self.entries.iter_mut().for_each(|entry| entry.at = entry.at.saturating_sub(moved));
    }

    fn move_last(&mut self, place: u32, at: u32) {
        self.unlink(place);
        if let Some(entry) = self.at_mut(place) {
            entry.at = at;
        }
        self.link(place);
    }

    fn link(&mut self, place: u32) {
        let newest = self.newest;
        if let Some(entry) = self.at_mut(place) {
            (entry.older, entry.newer) = (newest, NONE);
            match self.at_mut(newest) {
                Some(before) => before.newer = place,
                None => self.oldest = place,
            }
            self.newest = place;
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some(Entry { older, newer, .. }) = self.at(place).copied() else { return };
        match self.at_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.at_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }

    fn at(&self, place: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(place).ok()?)
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(place).ok()?)
    }
}
