use bulla_base::{Day, Partition, Timestamp};
use bytes::Bytes;

use crate::{Key, MAX_RETENTION, Record, Scan, Space, Store, StoreError};

/// The most segments a queue remembers. Beyond it the oldest is forgotten, with what is still unread in it.
///
/// In thirty days there are thirty-one, and two more each time the clock goes to another day and back: what was queued a month ago can be lost
/// after it has done so five times.
pub const MAX_SEGMENTS: usize = 40;

/// On which day each place of a queue stands: runs of places that were appended on one day.
///
/// A queue's records are dated, so that a day of them can be dropped as a whole, and are read in the order of their places, whatever the clock
/// said when they were appended: a clock that is ahead for a moment puts nothing where a reader does not come any more.
///
/// It belongs into the record that a queue's owner writes in the same batch as the envelope or notice appended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segments {
    last: u64,
    runs: Vec<Run>,
}

/// The places from `first` to that before the next run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    day: Day,
}

/// A queue: where its records stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    partition: Partition,
    space: Space,
    prefix: Bytes,
}

impl Queue {
    /// The queue whose records stand in `space` of `partition`, with names that begin with `prefix`.
    pub fn new(partition: Partition, space: Space, prefix: impl Into<Bytes>) -> Self {
        Self { partition, space, prefix: prefix.into() }
    }

    /// The key of the record at `place`, which was appended on `day`.
    #[must_use]
    pub fn key(&self, day: Day, place: u64) -> Key {
        Key::dated(self.space, day, [&self.prefix[..], &place.to_be_bytes()].concat())
    }

    fn place(&self, key: &Key) -> Result<u64, StoreError> {
        let number = key.name().get(self.prefix.len()..).and_then(|bytes| bytes.try_into().ok());
        number.map(u64::from_be_bytes).ok_or(DAMAGED)
    }
}

/// A record of a queue, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Its place.
    pub place: u64,
    /// Its key.
    pub key: Key,
    /// The record.
    pub record: Record,
}

const DAMAGED: StoreError = StoreError::Damaged { what: "queue" };

impl Segments {
    /// Those of a queue in which nothing was ever put.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The last place that was given out, 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Gives out the next place: on which day it stands, and its number.
    pub fn append(&mut self, today: Day) -> (Day, u64) {
        self.last += 1;
        if self.runs.last().is_none_or(|run| run.day != today) {
            if self.runs.len() == MAX_SEGMENTS {
                self.runs.remove(0);
            }
            self.runs.push(Run { first: self.last, day: today });
        }
        (today, self.last)
    }

    /// The day on which `place` stands, unless it was never given out or is forgotten.
    #[must_use]
    pub fn day_of(&self, place: u64) -> Option<Day> {
        let run = self.runs.iter().rev().find(|run| run.first <= place);
        run.filter(|_| place <= self.last).map(|run| run.day)
    }

    /// The records of `queue` after the place `after`, in the order of their places, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// One scan for each day on which something was appended that can still be there.
    pub async fn read<S: Store>(
        &self,
        store: &S,
        queue: &Queue,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Queued>, StoreError> {
        // What was appended on a day is over when its last moment is as long past as anything is kept.
        let oldest = now.before(MAX_RETENTION).day().minus(1);
        let mut found = Vec::new();
        for (place, run) in self.runs.iter().enumerate() {
            let last = self.runs.get(place + 1).map_or(self.last, |next| next.first - 1);
            if last <= after || run.day < oldest {
                continue;
            }
            let from = after.max(run.first - 1);
            let scan = Scan::dated(queue.space, run.day..=run.day).prefix(queue.prefix.clone());
            let scan = scan.after(queue.key(run.day, from)).limit(limit - found.len());
            for (key, record) in store.scan(queue.partition, &scan, now).await? {
                let place = queue.place(&key)?;
                // Another run on the same day comes in its turn.
                if place <= last {
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
    /// last place, then for each run, oldest first: how much its first place is above that of the one before, and its day.
    /// All of them are variable-length integers: seven bits a byte, the lowest first, the highest bit set in all bytes but the last.
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + 6 * self.runs.len());
        put(&mut out, self.last);
        let mut before = 0;
        for run in &self.runs {
            put(&mut out, run.first - before);
            put(&mut out, u64::from(run.day.number()));
            before = run.first;
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is not what that writes.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, StoreError> {
        let (mut segments, mut before) = (Self { last: take(&mut bytes)?, runs: Vec::new() }, 0_u64);
        while !bytes.is_empty() {
            let (more, day) = (take(&mut bytes)?, take(&mut bytes)?);
            let first = before.checked_add(more).ok_or(DAMAGED)?;
            let day = Day::from_number(u32::try_from(day).map_err(|_| DAMAGED)?);
            if more == 0 || first > segments.last || segments.runs.len() == MAX_SEGMENTS {
                return Err(DAMAGED);
            }
            segments.runs.push(Run { first, day });
            before = first;
        }
        Ok(segments)
    }
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
