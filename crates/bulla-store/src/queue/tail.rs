use std::collections::VecDeque;

use crate::limits::MIN_SHRUNK_ROOM;

/// The newest of a queue in memory: what has just become durable is handed on to whoever reads the queue,
/// without a look into the store.
///
/// Bounded: beyond it the oldest is dropped, and whoever has not read that yet reads it from the store. So it
/// is after a start, when nothing is in memory: places up to the last are then in the store.
///
/// # Example
/// ```
/// use bulla_store::{QueueTail, TailRead};
///
/// // Five were there before. The next is put, made durable, and handed on.
/// let mut tail = QueueTail::after(5, 16);
/// tail.push(6, "six");
/// assert_eq!(tail.read(5, 10), TailRead::Here(vec![(6, "six")]));
/// assert_eq!(tail.read(6, 10), TailRead::Nothing);
/// assert_eq!(tail.read(4, 10), TailRead::InStore);
/// ```
#[derive(Debug, Clone)]
pub struct QueueTail<T> {
    /// The place of the newest, whether or not it is here.
    last: u64,
    items: VecDeque<T>,
    most: usize,
}

/// What a [`QueueTail`] says of the places after one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever reads must do something in each of the three cases")]
pub enum TailRead<T> {
    /// The next places, and what is there.
    Here(Vec<(u64, T)>),
    /// The next is not in memory (any more): read the store.
    InStore,
    /// Nothing was put after it.
    Nothing,
}

impl<T: Clone> QueueTail<T> {
    /// The tail of a queue whose last place is `last`; it holds at most `most`.
    #[must_use]
    pub const fn after(last: u64, most: usize) -> Self {
        Self { last, items: VecDeque::new(), most }
    }

    /// The place of the newest.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Takes `item` in, which is durable at `place`. To be called in the order of the places; if one was left
    /// out, what was before it is in the store only.
    pub fn push(&mut self, place: u64, item: T) {
        if self.note(place) && self.most > 0 {
            if self.items.len() == self.most {
                self.items.pop_front();
            }
            self.items.push_back(item);
        }
    }

    /// Takes note that something is durable at `place`, and leaves it in the store.
    pub fn skip(&mut self, place: u64) {
        let _ = self.note(place);
        self.clear();
    }

    /// Whether it comes in its turn, or one that was left out went before it.
    fn note(&mut self, place: u64) -> bool {
        // What is in memory has no gaps, so that a place is found by counting: one that was left out parts
        // it from all before.
        if place != self.last.wrapping_add(1) {
            self.clear();
        }
        let is_new = place > self.last;
        self.last = self.last.max(place);
        is_new
    }

    /// What stands after the place `after`, at most `limit`.
    #[must_use]
    pub fn read(&self, after: u64, limit: usize) -> TailRead<T> {
        if after >= self.last {
            return TailRead::Nothing;
        }
        let here = self.items.len() as u64;
        let (first, next) = (self.last - here + 1, after + 1);
        if next < first {
            return TailRead::InStore;
        }
        let from = usize::try_from(next - first).unwrap_or(usize::MAX);
        TailRead::Here((next..).zip(self.items.iter().skip(from).take(limit).cloned()).collect())
    }

    /// Lets go of everything up to `place`, which nobody reads any more.
    pub fn forget_through(&mut self, place: u64) {
        let first = self.last - self.items.len() as u64 + 1;
        let gone = usize::try_from((place + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.items.drain(..gone.min(self.items.len()));
        self.give_back_room();
    }

    fn clear(&mut self) {
        self.items.clear();
        self.give_back_room();
    }

    /// Gives back the room of what is gone. One that was long once would else take its room for ever; one
    /// that is short keeps what it needs for the next few.
    fn give_back_room(&mut self) {
        let room = self.items.capacity();
        if room > MIN_SHRUNK_ROOM && self.items.len() <= room / 4 {
            self.items.shrink_to(room / 2);
        }
    }

    /// How many are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_read_in_order_and_no_further_than_asked() {
        let mut tail = QueueTail::after(0, 8);
        for place in 1..=5 {
            tail.push(place, place * 10);
        }
        assert_eq!(tail.read(0, 2), TailRead::Here(vec![(1, 10), (2, 20)]));
        assert_eq!(tail.read(2, 9), TailRead::Here(vec![(3, 30), (4, 40), (5, 50)]));
        assert_eq!(tail.read(5, 9), TailRead::Nothing);
        assert_eq!(tail.read(6, 9), TailRead::Nothing);
    }

    #[test]
    fn oldest_beyond_the_bound_of_a_tail_is_read_from_the_store() {
        let mut tail = QueueTail::after(7, 3);
        for place in 8..=10 {
            tail.push(place, place);
        }
        assert_eq!(tail.read(7, 9), TailRead::Here(vec![(8, 8), (9, 9), (10, 10)]));
        tail.push(11, 11);
        assert_eq!(tail.read(7, 9), TailRead::InStore);
        assert_eq!(tail.read(8, 9), TailRead::Here(vec![(9, 9), (10, 10), (11, 11)]));
        assert_eq!(tail.len(), 3);
    }

    #[test]
    fn row_left_out_of_a_tail_is_read_from_the_store_with_all_before_it() {
        let mut tail = QueueTail::after(0, 8);
        tail.push(1, 1);
        tail.push(3, 3);
        assert_eq!(tail.read(0, 9), TailRead::InStore);
        assert_eq!(tail.read(1, 9), TailRead::InStore);
        assert_eq!(tail.read(2, 9), TailRead::Here(vec![(3, 3)]));
        tail.skip(4);
        assert_eq!((tail.read(2, 9), tail.read(3, 9)), (TailRead::InStore, TailRead::InStore));
        assert_eq!((tail.read(4, 9), tail.last()), (TailRead::Nothing, 4));
        tail.push(5, 5);
        assert_eq!(tail.read(4, 9), TailRead::Here(vec![(5, 5)]));
    }

    #[test]
    fn late_row_is_read_from_the_store_and_what_came_before_it_is_not_forgotten() {
        let mut tail = QueueTail::after(1, 8);
        tail.push(3, 3);
        tail.push(2, 2);
        assert_eq!(
            (tail.last(), tail.read(1, 9), tail.read(2, 9)),
            (3, TailRead::InStore, TailRead::InStore)
        );
        tail.push(4, 4);
        assert_eq!(tail.read(3, 9), TailRead::Here(vec![(4, 4)]));
    }

    #[test]
    fn tail_that_nobody_reads_any_more_is_let_go() {
        let mut tail = QueueTail::after(0, 8);
        for place in 1..=5 {
            tail.push(place, place);
        }
        tail.forget_through(3);
        assert_eq!((tail.len(), tail.read(3, 9)), (2, TailRead::Here(vec![(4, 4), (5, 5)])));
        assert_eq!(tail.read(2, 9), TailRead::InStore);
        tail.forget_through(2);
        assert_eq!(tail.len(), 2);
        tail.forget_through(99);
        assert!(tail.is_empty());
        assert_eq!(tail.read(5, 9), TailRead::Nothing);
    }

    #[test]
    fn a_tail_that_was_long_gives_back_its_room() {
        let mut tail = QueueTail::after(0, 1024);
        for place in 1..=1024 {
            tail.push(place, place);
        }
        for place in 1..=1024 {
            tail.forget_through(place);
            assert!(tail.items.capacity() <= MIN_SHRUNK_ROOM.max(4 * tail.len().max(1)), "after {place}");
        }
        for place in 1025..=1100 {
            tail.push(place, place);
        }
        tail.skip(1101);
        assert!(tail.items.capacity() <= 64, "{}", tail.items.capacity());
    }

    #[test]
    fn a_tail_without_room_leaves_everything_in_the_store() {
        let mut tail = QueueTail::after(0, 0);
        tail.push(1, 1);
        assert_eq!((tail.read(0, 9), tail.read(1, 9)), (TailRead::InStore, TailRead::Nothing));
    }
}
