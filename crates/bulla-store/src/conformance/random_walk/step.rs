//! What can be asked, as bytes say.

use std::iter::repeat_with;
use std::time::Duration;

use bulla_base::{Day, Partition};
use bytes::Bytes;

use super::super::assertions::NOW;
use crate::{Batch, Counter, Expiry, Key, Retention, Scan, Space};

/// So few of each that they meet; the first and the last, since those are where ranges end.
pub(super) const PARTITIONS: [Partition; 2] =
    [Partition::from_bytes([0; 16]), Partition::from_bytes([255; 16])];
pub(super) const SPACES: [Space; 3] = [Space::new(0), Space::new(1), Space::new(255)];
const DAYS: usize = 3;
const NAMES: [&[u8]; 6] = [b"a", b"", b"a\x00", b"aa", b"\xff", b"\xff\xff"];
const LENGTHS: [usize; 8] = [0, 1, 40, 1007, 1008, 1023, 1024, 70_000];

/// How far the clock and expiries go, in milliseconds.
const SOON: usize = 5;
const MAX_BATCHES: usize = 3;
const MAX_EXPECTATIONS: usize = 2;
const MAX_WRITES: usize = 4;

#[derive(Debug)]
pub(super) enum Step {
    /// Several at once.
    Commit(Vec<Draft>),
    Get {
        partition: Partition,
        key: Key,
        after: u64,
    },
    Scan {
        partition: Partition,
        scan: Scan,
        after: u64,
    },
    Counters {
        space: Space,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
    },
    DropDaysBefore(Day),
    /// Asks every watch whether it was woken.
    Listen,
    Reopen,
}

/// A batch before it is known what is in the store.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) partition: Partition,
    pub(super) expectations: Vec<(Key, Expected)>,
    pub(super) writes: Vec<Write>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// What is there.
    Current,
    Absent,
    /// What a look found last, if it found anything.
    Remembered,
    /// The version the next commit will have.
    Future,
}

#[derive(Debug)]
pub(super) enum Write {
    Put { key: Key, value: Bytes, expiry: Option<Expiry> },
    Delete(Key),
    Add(Space, Vec<u8>, u64),
    Remove(Space, Vec<u8>),
}

impl Write {
    pub(super) fn onto(&self, batch: &mut Batch) {
        match self {
            Self::Put { key, value, expiry: None } => batch.put(key.clone(), value.clone()),
            Self::Put { key, value, expiry: Some(expiry) } => {
                batch.put_until(key.clone(), value.clone(), *expiry);
            }
            Self::Delete(key) => batch.delete(key.clone()),
            Self::Add(space, name, count) => batch.add(Counter::new(*space, name.clone()), *count),
            Self::Remove(space, name) => batch.remove_counter(Counter::new(*space, name.clone())),
        }
    }
}

impl Step {
    /// Any bytes are a step. The smaller they are, the simpler it is.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut from = Bytewise(bytes);
        match from.below(16) {
            0..6 => {
                let count = [1, 1, 2, MAX_BATCHES][from.below(4)];
                Self::Commit(repeat_with(|| from.draft()).take(count).collect())
            }
            6..9 => Self::Get { partition: from.partition(), key: from.key(), after: from.millis() },
            9..12 => Self::Scan { partition: from.partition(), scan: from.scan(), after: from.millis() },
            12 => Self::Counters {
                space: from.space(),
                prefix: from.name(),
                after: from.perhaps(Bytewise::name),
            },
            13 => Self::DropDaysBefore(NOW.day().minus(u32::from(from.byte() % 4))),
            14 => Self::Listen,
            _ => Self::Reopen,
        }
    }
}

/// Choices, a byte each.
struct Bytewise<'a>(&'a [u8]);

impl Bytewise<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn perhaps<T>(&mut self, choice: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 1).then(|| choice(self))
    }

    // Most of the time the same, or too few keys would meet.

    fn partition(&mut self) -> Partition {
        PARTITIONS[usize::from(self.below(4) == 3)]
    }

    fn space(&mut self) -> Space {
        SPACES[[1, 1, 1, 1, 0, 2][self.below(6)]]
    }

    fn day(&mut self) -> Day {
        match self.below(DAYS + 1) {
            0 => Key::UNDATED,
            1 => NOW.day(),
            2 => NOW.day().minus(1),
            _ => NOW.day().minus(2),
        }
    }

    fn name(&mut self) -> Vec<u8> {
        NAMES[self.below(NAMES.len())].to_vec()
    }

    fn key(&mut self) -> Key {
        Key::dated(self.space(), self.day(), self.name())
    }

    fn millis(&mut self) -> u64 {
        self.below(SOON) as u64
    }

    fn scan(&mut self) -> Scan {
        let space = self.space();
        let days = match self.below(3) {
            0 => Key::UNDATED..=NOW.day(),
            1 => NOW.day().minus(2)..=NOW.day(),
            _ => self.day()..=self.day(),
        };
        let prefix = if self.below(2) == 0 { Vec::new() } else { self.name() };
        let scan = Scan::dated(space, days).prefix(prefix);
        let scan = match self.perhaps(Self::key) {
            Some(after) => scan.after(after),
            None => scan,
        };
        let scan = match self.below(3) {
            0 => scan.before(self.key()),
            _ => scan,
        };
        match self.below(6) {
            0 | 1 => scan,
            limit => scan.limit(limit - 2),
        }
    }

    fn draft(&mut self) -> Draft {
        let partition = self.partition();
        let writes = self.below(MAX_WRITES + 1);
        let expectations = self.below(MAX_EXPECTATIONS + 1);
        Draft {
            partition,
            writes: repeat_with(|| self.write()).take(writes).collect(),
            expectations: repeat_with(|| (self.key(), self.expected())).take(expectations).collect(),
        }
    }

    fn expected(&mut self) -> Expected {
        match self.below(8) {
            0..4 => Expected::Current,
            4 | 5 => Expected::Absent,
            6 => Expected::Remembered,
            _ => Expected::Future,
        }
    }

    fn write(&mut self) -> Write {
        match self.below(8) {
            0..5 => {
                let key = self.key();
                let value = vec![self.byte(); LENGTHS[self.below(LENGTHS.len())]].into();
                let expiry = self.perhaps(Self::millis).map(|millis| {
                    Retention::new(Duration::from_millis(millis)).unwrap_or(Retention::LONGEST).from(NOW)
                });
                Write::Put { key, value, expiry }
            }
            5 | 6 => Write::Delete(self.key()),
            _ => {
                let (space, name) = (self.space(), self.name());
                match [Some(1), Some(0), Some(2), Some(u64::MAX), None][self.below(5)] {
                    Some(count) => Write::Add(space, name, count),
                    None => Write::Remove(space, name),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn days_are_dropped_before_today_and_the_three_before_it() {
        let days = (0..=u8::MAX).map(|byte| match Step::read(&[13, byte]) {
            Step::DropDaysBefore(day) => day,
            step => unreachable!("{step:?}"),
        });
        let expected: BTreeSet<_> = (0..4).map(|days| NOW.day().minus(days)).collect();
        assert_eq!(days.collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn batches_have_up_to_as_many_writes_and_expectations_as_they_may() {
        let sizes = |at: usize| {
            let sizes = (0..=u8::MAX).map(|byte| {
                let mut bytes = [0; 5];
                bytes[at] = byte;
                match Step::read(&bytes) {
                    Step::Commit(drafts) => (drafts[0].writes.len(), drafts[0].expectations.len()),
                    step => unreachable!("{step:?}"),
                }
            });
            sizes.collect::<BTreeSet<_>>()
        };
        assert_eq!(sizes(3), (0..=MAX_WRITES).map(|writes| (writes, 0)).collect());
        assert_eq!(sizes(4), (0..=MAX_EXPECTATIONS).map(|expectations| (0, expectations)).collect());
    }
}
