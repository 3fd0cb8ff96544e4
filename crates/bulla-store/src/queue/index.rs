use bulla_base::{Day, Timestamp};

use super::{DAMAGED, Queue, Queued};
use crate::limits::{MAX_QUEUE_DAYS, MAX_QUEUE_GAPS};
use crate::{MAX_RETENTION, Scan, Store, StoreError};

/// The first number of the stored form.
const FORM: u64 = 2;

/// Which places a queue has, and on which day each of them stands.
///
/// A queue's records are dated, so that a day of them can be dropped as a whole, and are read in the order of
/// their places, whatever the clock said when they were appended: a clock that is ahead for a moment puts
/// nothing where a reader does not come any more. What was removed is never looked at again: the engine may
/// keep what is deleted for long, and to walk over it costs more with every message.
///
/// It belongs into the record that a queue's owner writes in the same batch as what is appended or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueIndex {
    /// The first place that is still there; one more than `last` when none is.
    first: u64,
    /// The last place that was given out.
    last: u64,
    /// Removed between the two, in order, never adjacent.
    gaps: Vec<Gap>,
    /// In order. The first holds `first`; there is none when nothing is there.
    days: Vec<Run>,
}

/// The places from `first` to that before the next run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    day: Day,
}

/// The places from `first` to `last`, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    first: u64,
    last: u64,
}

impl Default for QueueIndex {
    fn default() -> Self {
        Self { first: 1, last: 0, gaps: Vec::new(), days: Vec::new() }
    }
}

impl QueueIndex {
    /// That of a queue in which nothing was ever put.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// That of a queue whose records stand on these days at these places: for an owner whose own is lost. The
    /// next place is behind all of them.
    #[must_use]
    pub fn of(mut records: Vec<(Day, u64)>) -> Self {
        // No queue gives out others: they are somebody's mistake, and the last would leave no place behind
        // it.
        records.retain(|(_, place)| (1..u64::MAX).contains(place));
        records.sort_unstable_by_key(|(_, place)| *place);
        let mut index = Self::new();
        for (day, place) in records {
            if index.is_empty() {
                index.first = place;
            }
            index.last = place - 1;
            index.append(day);
        }
        index
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is not what that writes.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes = &mut bytes;
        if take(bytes)? != FORM {
            return Err(DAMAGED);
        }
        let (last, first, gaps) = (take(bytes)?, take(bytes)?, take(bytes)?);
        let mut index = Self { first, last, gaps: Vec::new(), days: Vec::new() };
        let one_more = last.checked_add(1).ok_or(DAMAGED)?;
        if first == 0 || first > one_more || gaps > MAX_QUEUE_GAPS as u64 {
            return Err(DAMAGED);
        }
        let mut before = first;
        for at in 0..gaps {
            let (after, more) = (take(bytes)?, take(bytes)?);
            let from = before.checked_add(after).ok_or(DAMAGED)?;
            let to = from.checked_add(more).filter(|to| *to <= last).ok_or(DAMAGED)?;
            if after == 0 || (at > 0 && after == 1) {
                return Err(DAMAGED);
            }
            index.gaps.push(Gap { first: from, last: to });
            before = to;
        }
        index.days = days(bytes, first, last)?;
        Ok(index)
    }

    /// Whether everything that was appended is removed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first > self.last
    }

    /// The first place that is still there; one more than [`last`](Self::last) when the queue is empty.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The last place that was given out, 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Gives out the next place: on which day it stands, and its number.
    pub fn append(&mut self, today: Day) -> (Day, u64) {
        self.last += 1;
        if self.days.last().is_none_or(|run| run.day != today) {
            // Bounded also against a clock that goes to and fro: the oldest go, which are the next to be
            // over anyway.
            if self.days.len() == MAX_QUEUE_DAYS {
                let next = self.days[1].first;
                self.remove_through(next - 1);
            }
            self.days.push(Run { first: self.last, day: today });
        }
        (today, self.last)
    }

    /// On which day `place` stands, unless it was never given out or is removed.
    #[must_use]
    pub fn day_of(&self, place: u64) -> Option<Day> {
        let is_there = (self.first..=self.last).contains(&place) && self.gap_of(place).is_none();
        // From the newest on: what is asked for stands there nearly always.
        let run = self.days.iter().rev().find(|run| run.first <= place);
        run.filter(|_| is_there).map(|run| run.day)
    }

    /// Takes `place` out; the day on which its record stands, which is to be deleted in the same batch.
    /// Nothing when it is not there.
    pub fn remove(&mut self, place: u64) -> Option<Day> {
        let day = self.day_of(place)?;
        if place == self.first {
            self.remove_through(place);
        } else {
            self.open_gap(place);
        }
        Some(day)
    }

    /// Takes out all places up to `place`, which itself goes, too.
    pub fn remove_through(&mut self, place: u64) {
        // Never beyond what was given out, or a place that is yet to come would count as removed.
        self.first = self.first.max(place.min(self.last) + 1);
        while let Some(gap) = self.gaps.first().copied().filter(|gap| gap.first <= self.first) {
            self.first = self.first.max(gap.last + 1);
            self.gaps.remove(0);
        }
        let over = self.days.iter().rposition(|run| run.first <= self.first);
        self.days.drain(..if self.is_empty() { self.days.len() } else { over.unwrap_or(0) });
    }

    /// Remembers that `place`, which is there and not the first, is there no longer.
    fn open_gap(&mut self, place: u64) {
        let next = self.gaps.partition_point(|gap| gap.last < place);
        let joins_before = next > 0 && self.gaps[next - 1].last + 1 == place;
        let joins_next = self.gaps.get(next).is_some_and(|gap| gap.first == place + 1);
        match (joins_before, joins_next) {
            (true, true) => self.gaps[next - 1].last = self.gaps.remove(next).last,
            (true, false) => self.gaps[next - 1].last = place,
            (false, true) => self.gaps[next].first = place,
            (false, false) => self.gaps.insert(next, Gap { first: place, last: place }),
        }
        if self.gaps.len() > MAX_QUEUE_GAPS {
            // The shortest is the cheapest to walk over, which is all that forgetting one costs.
            let lengths = self.gaps.iter().enumerate().map(|(at, gap)| (gap.last - gap.first, at));
            if let Some((_, shortest)) = lengths.min() {
                self.gaps.remove(shortest);
            }
        }
    }

    fn gap_of(&self, place: u64) -> Option<&Gap> {
        self.gaps.iter().find(|gap| (gap.first..=gap.last).contains(&place))
    }

    /// The places after `after` that are there: runs of them, each of one day.
    fn runs_after(&self, after: u64) -> Vec<(Day, Gap)> {
        let mut runs = Vec::new();
        for (at, run) in self.days.iter().enumerate() {
            let end = self.days.get(at + 1).map_or(self.last, |next| next.first - 1);
            let mut from = run.first.max(self.first).max(after.saturating_add(1));
            for gap in &self.gaps {
                if gap.last < from || gap.first > end {
                    continue;
                }
                if from < gap.first {
                    runs.push((run.day, Gap { first: from, last: gap.first - 1 }));
                }
                from = gap.last + 1;
            }
            if from <= end {
                runs.push((run.day, Gap { first: from, last: end }));
            }
        }
        runs
    }

    /// The records of `queue` after the place `after`, in the order of their places, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// One scan for each day on which something was appended that is still there, and for each gap; each of
    /// them begins at a record that is there.
    pub async fn read<S: Store>(
        &self,
        store: &S,
        queue: &Queue,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Queued>, StoreError> {
        // What was appended on a day is over when its last moment is as long past as anything is kept; a day
        // more, as those leave it who sweep.
        let oldest = now.before(MAX_RETENTION).day().minus(1);
        let mut found = Vec::new();
        for (day, run) in self.runs_after(after) {
            if day < oldest {
                continue;
            }
            // No more than there are: a scan that looks for one more walks over what was deleted behind them.
            let length = usize::try_from(run.last - run.first).unwrap_or(usize::MAX).saturating_add(1);
            let scan = Scan::dated(queue.space, day..=day).prefix(queue.prefix.clone());
            let scan = scan.after(queue.key(day, run.first - 1)).limit(length.min(limit - found.len()));
            for (key, record) in store.scan(queue.partition, &scan, now).await? {
                let place = queue.place(&key)?;
                // Where one was erased, the scan comes to those of another run on the same day. They come in
                // their turn.
                if place <= run.last {
                    found.push(Queued { place, key, record });
                }
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// The stored form.
    ///
    /// ```text
    /// form, last place, first place, number of gaps;
    /// for each gap: how far it begins after the end of the one before (the first: after the first place),
    ///     and its last place less its first;
    /// for each run of days, oldest first: how much its first place is above that of the one before, and its day.
    /// All are variable-length integers: seven bits a byte, the lowest first, the highest bit set in all bytes but
    /// the last.
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(6 + 4 * self.gaps.len() + 6 * self.days.len());
        for number in [FORM, self.last, self.first, self.gaps.len() as u64] {
            put(&mut out, number);
        }
        let mut before = self.first;
        for gap in &self.gaps {
            put(&mut out, gap.first - before);
            put(&mut out, gap.last - gap.first);
            before = gap.last;
        }
        before = 0;
        for run in &self.days {
            put(&mut out, run.first - before);
            put(&mut out, u64::from(run.day.number()));
            before = run.first;
        }
        out
    }
}

/// The runs of days of a queue whose first and last places these are.
fn days(bytes: &mut &[u8], first: u64, last: u64) -> Result<Vec<Run>, StoreError> {
    let (mut days, mut before) = (Vec::<Run>::new(), 0_u64);
    while !bytes.is_empty() {
        let (more, day) = (take(bytes)?, take(bytes)?);
        let begin = before.checked_add(more).ok_or(DAMAGED)?;
        let day = Day::from_number(u32::try_from(day).map_err(|_| DAMAGED)?);
        // The first holds the first place; all others come after that.
        let comes_too_early = !days.is_empty() && begin <= first;
        if more == 0 || begin > last || comes_too_early || days.len() == MAX_QUEUE_DAYS {
            return Err(DAMAGED);
        }
        days.push(Run { first: begin, day });
        before = begin;
    }
    let holds_first = days.first().is_some_and(|run| run.first <= first);
    if (first <= last) == holds_first && (first <= last || days.is_empty()) { Ok(days) } else { Err(DAMAGED) }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push((number & 0x7f).to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Result<u64, StoreError> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(DAMAGED)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DAMAGED)
}

#[cfg(test)]
mod tests;
