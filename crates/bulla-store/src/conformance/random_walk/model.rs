//! The port, read as a list.

use bulla_base::{Day, Partition, Timestamp};
use bytes::Bytes;

use super::step::{Draft, Write};
use crate::{Commit, Counter, Expiry, Key, MAX_SCAN_ROWS, Record, Scan, Space, Version};

/// Everything a store keeps, in the order it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    version: u64,
    rows: Vec<Row>,
    sums: Vec<(Space, Vec<u8>, u64)>,
}

#[derive(Debug, Clone)]
struct Row {
    partition: Partition,
    key: Key,
    record: Record,
}

/// What the port allows a commit to be answered with.
#[derive(Debug)]
pub(super) enum Answer {
    Committed(u64),
    /// Any of these keys.
    Conflict(Vec<Key>),
}

impl Answer {
    pub(super) fn allows(&self, answer: &Commit) -> bool {
        match (self, answer) {
            (Self::Committed(version), Commit::Committed(found)) => found.number() == *version,
            (Self::Conflict(keys), Commit::Conflict(found)) => keys.contains(found),
            _ => false,
        }
    }
}

/// Whether a watch is to be woken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    #[default]
    None,
    /// Something was deleted that was not there.
    Perhaps,
    Some,
}

impl Model {
    pub(super) const fn last_version(&self) -> u64 {
        self.version
    }

    /// Counts on from `version`.
    pub(super) const fn begin(&mut self, version: u64) {
        self.version = version;
    }

    pub(super) fn version_of(&self, partition: Partition, key: &Key) -> Option<Version> {
        self.find(partition, key).map(|place| self.rows[place].record.version)
    }

    /// `found` is the version with which it was answered, if it was committed. The port says that it is
    /// larger than all before it and not that none is left out: a wrapper may commit something of its own in
    /// between.
    pub(super) fn commit(
        &mut self,
        draft: &Draft,
        expectations: &[(Key, Option<Version>)],
        found: Option<Version>,
    ) -> (Answer, Vec<(Partition, Space, Change)>) {
        let fails =
            |(key, version): &&(Key, Option<Version>)| self.version_of(draft.partition, key) != *version;
        let failed: Vec<Key> = expectations.iter().filter(fails).map(|(key, _)| key.clone()).collect();
        if !failed.is_empty() {
            return (Answer::Conflict(failed), Vec::new());
        }
        let mut changes = Vec::new();
        let least = self.version + u64::from(!draft.writes.is_empty());
        self.version = found.map_or(least, |found| found.number().max(least));
        // What a batch adds counts from where it removes, whatever stands first in it.
        for write in &draft.writes {
            if let Write::Remove(space, name) = write {
                self.sums.retain(|(of, known, _)| of != space || known != name);
            }
        }
        for write in &draft.writes {
            changes.extend(self.write(draft.partition, write));
        }
        (Answer::Committed(self.version), changes)
    }

    fn write(&mut self, partition: Partition, write: &Write) -> Option<(Partition, Space, Change)> {
        match write {
            Write::Put { key, value, expiry } => {
                self.remove(partition, key);
                let record = Record::new(Version::new(self.version), *expiry, value.clone());
                self.rows.push(Row { partition, key: key.clone(), record });
                Some((partition, key.space(), Change::Some))
            }
            Write::Delete(key) => {
                // The port leaves it to engines whether they look if there is anything to delete.
                let change = if self.remove(partition, key) { Change::Some } else { Change::Perhaps };
                Some((partition, key.space(), change))
            }
            Write::Remove(..) | Write::Add(_, _, 0) => None,
            Write::Add(space, name, count) => {
                match self.sums.iter_mut().find(|(of, known, _)| of == space && known == name) {
                    Some((_, _, sum)) => *sum = sum.checked_add(*count).unwrap_or(u64::MAX),
                    None => self.sums.push((*space, name.clone(), *count)),
                }
                None
            }
        }
    }

    pub(super) fn get(&self, partition: Partition, key: &Key, now: Timestamp) -> Option<Record> {
        let record = &self.rows[self.find(partition, key)?].record;
        is_read(record.expiry, now).then(|| record.clone())
    }

    pub(super) fn scan(&self, partition: Partition, scan: &Scan, now: Timestamp) -> Vec<(Key, Record)> {
        let (first, last) = (*scan.day_range().start(), *scan.day_range().end());
        let wanted = |row: &&Row| {
            row.partition == partition
                && row.key.space() == scan.space()
                && (first..=last).contains(&row.key.day())
                && row.key.name().starts_with(scan.name_prefix())
                && scan.begin_after().is_none_or(|after| in_bytes(&row.key) > in_bytes(after))
                && scan.end_before().is_none_or(|before| in_bytes(&row.key) < in_bytes(before))
                && is_read(row.record.expiry, now)
        };
        let mut found: Vec<_> =
            self.rows.iter().filter(wanted).map(|row| (row.key.clone(), row.record.clone())).collect();
        found.sort_by_key(|(key, _)| in_bytes(key));
        if scan.end_before().is_some() {
            found.reverse();
        }
        found.truncate(scan.row_limit());
        found
    }

    pub(super) fn counters(&self, space: Space, prefix: &[u8], after: Option<&[u8]>) -> Vec<(Counter, u64)> {
        let wanted = |(of, name, _): &&(Space, Vec<u8>, u64)| {
            *of == space && name.starts_with(prefix) && after.is_none_or(|after| &name[..] > after)
        };
        let mut found: Vec<_> = self.sums.iter().filter(wanted).collect();
        found.sort();
        found.truncate(MAX_SCAN_ROWS);
        found.into_iter().map(|(space, name, sum)| (Counter::new(*space, name.clone()), *sum)).collect()
    }

    pub(super) fn drop_days_before(&mut self, day: Day) {
        self.rows.retain(|row| row.key.day().number() == 0 || row.key.day().number() >= day.number());
    }

    fn find(&self, partition: Partition, key: &Key) -> Option<usize> {
        self.rows.iter().position(|row| row.partition == partition && row.key == *key)
    }

    fn remove(&mut self, partition: Partition, key: &Key) -> bool {
        self.find(partition, key).map(|place| self.rows.remove(place)).is_some()
    }
}

/// The order of the port, in which keys are bytes.
fn in_bytes(key: &Key) -> Vec<u8> {
    let space: &[u8] = &[key.space().number()];
    let (day, name): (_, &Bytes) = (key.day().number().to_be_bytes(), key.name());
    [space, &day, name].concat()
}

fn is_read(expiry: Option<Expiry>, now: Timestamp) -> bool {
    expiry.is_none_or(|expiry| now.as_millis() < expiry.at().as_millis())
}
