use std::collections::{HashMap, HashSet};

use bulla_base::Partition;
use bytes::Bytes;

use crate::batch::Put;
use crate::limits::{CACHED_ROW_OVERHEAD_BYTES, MAX_UNHEARD};
use crate::{Expiry, Key, Record, Version};

type Name = (Partition, Key);

/// Rows of some partitions, in two generations: what was not asked for while the younger one filled up, or
/// between two calls of [`age`](Shard::age), is let go of with the older.
#[derive(Debug)]
pub(super) struct Shard {
    young: Generation,
    old: Generation,
    /// How many bytes of rows a generation takes.
    room: usize,
    /// Changes with everything that may make wrong what is being read beside it.
    moment: u64,
    /// Rows that are being written.
    committing: HashMap<Name, Committing>,
    /// Rows of batches of which nobody heard what became of them. They may be written at any time, so they
    /// are not remembered any more.
    unheard: HashSet<Name>,
    /// How many erasures go on. Meanwhile nothing is remembered.
    erasing: usize,
}

#[derive(Debug, Default)]
struct Generation {
    rows: HashMap<Name, Record>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Committing {
    batches: usize,
    /// Whether more than one batch writes it at the same time: nobody here knows which of them was the last.
    is_contended: bool,
}

/// What a batch makes of a row.
#[derive(Debug, Clone)]
pub(super) enum Row {
    Put(Bytes, Option<Expiry>),
    Deleted,
}

/// When something began to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Row {
    pub(super) fn of(put: &Put) -> Self {
        Self::Put(put.value.clone(), put.expiry)
    }
}

impl Shard {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            room: bytes / 2,
            moment: 0,
            committing: HashMap::new(),
            unheard: HashSet::new(),
            erasing: 0,
        }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    pub(super) const fn moment(&self) -> Moment {
        Moment(self.moment)
    }

    pub(super) fn find(&mut self, partition: Partition, key: &Key) -> Option<Record> {
        let name = (partition, key.clone());
        if let Some(record) = self.young.rows.get(&name) {
            return Some(record.clone());
        }
        // It moves to the younger: what is in use outlives the next change of generations.
        let record = self.old.remove(&name)?;
        self.remember(name, record.clone());
        Some(record)
    }

    /// Remembers what was read of the store beneath, unless something happened since.
    pub(super) fn read(&mut self, partition: Partition, key: &Key, record: &Record, since: Moment) {
        let name = (partition, key.clone());
        // Of a row that is being written nobody can tell whether this was read before or after.
        if since == self.moment() && !self.committing.contains_key(&name) {
            self.remember(name, record.clone());
        }
    }

    /// Forgets `rows`, which begin to be written.
    pub(super) fn begin(&mut self, partition: Partition, rows: &[(Key, Row)]) {
        self.moment += 1;
        for (key, _) in rows {
            let name = (partition, key.clone());
            self.young.remove(&name);
            self.old.remove(&name);
            let committing = self.committing.entry(name).or_default();
            committing.batches += 1;
            // Once contended, always, until both have ended: which of them was the last is known to the
            // store beneath alone.
            committing.is_contended |= committing.batches > 1;
        }
    }

    /// Takes note that nobody waits to hear what becomes of `rows`.
    pub(super) fn leave(&mut self, partition: Partition, rows: Vec<(Key, Row)>) {
        if self.unheard.len() < MAX_UNHEARD {
            self.unheard.extend(rows.iter().map(|(key, _)| (partition, key.clone())));
        } else {
            // Without a whole list of them any row may be one, so none is remembered: there is no room.
            self.room = 0;
            self.clear();
        }
        self.end(partition, rows, None);
    }

    /// Takes note that `rows` are not being written any more, and remembers them if they are durable with
    /// `version`.
    pub(super) fn end(&mut self, partition: Partition, rows: Vec<(Key, Row)>, version: Option<Version>) {
        self.moment += 1;
        for (key, row) in rows {
            let name = (partition, key);
            let Some(committing) = self.committing.get_mut(&name) else { continue };
            committing.batches -= 1;
            let is_contended = committing.is_contended;
            if committing.batches == 0 {
                self.committing.remove(&name);
            }
            if let (Some(version), Row::Put(value, expiry), false) = (version, row, is_contended) {
                self.remember(name, Record::new(version, expiry, value));
            }
        }
    }

    pub(super) fn begin_erasing(&mut self, partition: Partition) {
        self.erasing += 1;
        self.forget_partition(partition);
    }

    pub(super) fn end_erasing(&mut self, partition: Partition) {
        // Forgotten once more, as that moves the moment on: what was read meanwhile is not remembered.
        self.erasing -= 1;
        self.forget_partition(partition);
    }

    pub(super) fn forget(&mut self, partition: Partition, key: Key) {
        self.moment += 1;
        let name = (partition, key);
        self.young.remove(&name);
        self.old.remove(&name);
    }

    pub(super) fn clear(&mut self) {
        self.forget_all(|_| true);
    }

    /// Lets go of the older generation, and begins a younger one. What is let go of was right: nothing that
    /// is being read beside it becomes wrong, so the moment stays.
    pub(super) fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
        // Both have grown with the most that were written at once.
        self.committing.shrink_to_fit();
        self.unheard.shrink_to_fit();
    }

    fn forget_partition(&mut self, partition: Partition) {
        self.forget_all(|(of, _)| *of == partition);
    }

    fn forget_all(&mut self, is_over: impl Fn(&Name) -> bool) {
        self.moment += 1;
        for generation in [&mut self.young, &mut self.old] {
            generation.rows.retain(|name, _| !is_over(name));
            generation.bytes = generation.rows.iter().map(|(name, record)| size(name, record)).sum();
        }
    }

    fn remember(&mut self, name: Name, record: Record) {
        let bytes = size(&name, &record);
        if self.erasing > 0 || bytes > self.room || self.unheard.contains(&name) {
            return;
        }
        // A whole generation at once, so that no order of the rows by their last use has to be kept.
        if self.young.bytes + bytes > self.room {
            self.age();
        }
        // What it was before goes first, or its bytes would be counted for ever.
        self.old.remove(&name);
        self.young.remove(&name);
        self.young.bytes += bytes;
        self.young.rows.insert(name, record);
    }
}

impl Generation {
    fn remove(&mut self, name: &Name) -> Option<Record> {
        let record = self.rows.remove(name)?;
        self.bytes -= size(name, &record);
        Some(record)
    }
}

fn size((_, key): &Name, record: &Record) -> usize {
    CACHED_ROW_OVERHEAD_BYTES + key.name().len() + record.value.len()
}
