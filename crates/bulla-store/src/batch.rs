use std::collections::HashMap;

use bulla_base::Partition;
use bytes::Bytes;

use crate::limits::UNINDEXED_BATCH_ROWS;
use crate::{
    Counter, Expiry, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_NAME_BYTES, MAX_VALUE_BYTES,
    SEAL_ROOM_BATCH_BYTES, SEAL_ROOM_BYTES, SEAL_ROOM_ROWS, StoreError, Version,
};

/// What must hold of a key for a batch to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// There is no record.
    Absent,
    /// There is a record, and this commit wrote it.
    Version(Version),
}

impl Expectation {
    /// Whether it holds of a key under which a record of this version was found, or none; for engines.
    #[must_use]
    pub fn holds_of(self, found: Option<Version>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Version(version) => found == Some(version),
        }
    }
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Put {
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: Bytes,
    /// When it ceases to be readable, if ever.
    pub expiry: Option<Expiry>,
}

/// What one commit does to one partition: all of it or nothing.
///
/// A key is put or deleted at most once in a batch; the last word counts.
#[derive(Debug, Clone)]
pub struct Batch {
    partition: Partition,
    /// How many wrappers have sealed its values.
    seals: u8,
    expectations: Vec<(Key, Expectation)>,
    puts: Vec<Put>,
    deletes: Vec<Key>,
    adds: Vec<(Counter, u64)>,
    removes: Vec<Counter>,
    /// Where each key stands among the puts or the deletes, once there are too many to look through.
    places: Option<HashMap<Key, usize>>,
}

impl Batch {
    /// An empty batch on `partition`.
    #[must_use]
    pub const fn new(partition: Partition) -> Self {
        Self {
            partition,
            seals: 0,
            expectations: Vec::new(),
            puts: Vec::new(),
            deletes: Vec::new(),
            adds: Vec::new(),
            removes: Vec::new(),
            places: None,
        }
    }

    /// Seals its values: each becomes what `seal` makes of it, in its place, and nothing else of the batch
    /// changes.
    ///
    /// For wrappers that make values longer. The batch then has [`SEAL_ROOM_BYTES`](crate::SEAL_ROOM_BYTES) a
    /// value, [`SEAL_ROOM_ROWS`](crate::SEAL_ROOM_ROWS) and
    /// [`SEAL_ROOM_BATCH_BYTES`](crate::SEAL_ROOM_BATCH_BYTES) more room than it had, so that whoever keeps
    /// to a store's bounds keeps to those of a sealed store. `seal` meets each key once.
    ///
    /// # Errors
    /// The first that `seal` returns.
    pub fn try_seal<E>(mut self, mut seal: impl FnMut(&Put) -> Result<Bytes, E>) -> Result<Self, E> {
        for put in &mut self.puts {
            put.value = seal(put)?;
        }
        self.seals = self.seals.saturating_add(1);
        Ok(self)
    }

    /// The same batch with other keys and values in the place of each, as long as they were.
    #[cfg(feature = "conformance")]
    pub(crate) fn map_rows(mut self, key: impl Fn(&Key) -> Key, value: impl Fn(&Bytes) -> Bytes) -> Self {
        self.expectations.iter_mut().for_each(|(of, _)| *of = key(of));
        self.deletes.iter_mut().for_each(|of| *of = key(of));
        for put in &mut self.puts {
            (put.key, put.value) = (key(&put.key), value(&put.value));
        }
        self
    }

    /// Commits only if there is no record under `key`. An expired record that is still on disk counts as a
    /// record: a duplicate guard must not open by the clock.
    pub fn expect_absent(&mut self, key: Key) {
        self.expectations.push((key, Expectation::Absent));
    }

    /// Commits only if the record under `key` is the one that was read as `version`.
    pub fn expect_version(&mut self, key: Key, version: Version) {
        self.expectations.push((key, Expectation::Version(version)));
    }

    /// Expects what was read: the version of a record, or that there was none.
    pub fn expect(&mut self, key: Key, read: Option<Version>) {
        match read {
            Some(version) => self.expect_version(key, version),
            None => self.expect_absent(key),
        }
    }

    /// Writes a record that lives until it is deleted or its day is dropped.
    pub fn put(&mut self, key: Key, value: impl Into<Bytes>) {
        self.write(key, value.into(), None);
    }

    /// Writes a record that is no longer read from `expiry` on.
    pub fn put_until(&mut self, key: Key, value: impl Into<Bytes>, expiry: Expiry) {
        self.write(key, value.into(), Some(expiry));
    }

    /// Removes the record under `key`, if there is one.
    pub fn delete(&mut self, key: Key) {
        self.forget(&key);
        self.note(&key, self.deletes.len());
        self.deletes.push(key);
    }

    /// Adds `count` to `counter`.
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.adds.push((counter, count));
    }

    /// Removes `counter`, whatever it has come to: it begins anew. What the batch adds to it counts from
    /// there, wherever in the batch it was added.
    pub fn remove_counter(&mut self, counter: Counter) {
        self.removes.push(counter);
    }

    fn write(&mut self, key: Key, value: Bytes, expiry: Option<Expiry>) {
        self.forget(&key);
        self.note(&key, self.puts.len());
        self.puts.push(Put { key, value, expiry });
    }

    /// Takes back what was said of a key.
    fn forget(&mut self, key: &Key) {
        let Some(places) = &mut self.places else {
            // So few that looking through them costs less than an index would.
            self.puts.retain(|put| put.key != *key);
            self.deletes.retain(|delete| delete != key);
            return;
        };
        let Some(place) = places.remove(key) else { return };
        // The last takes its place.
        if self.puts.get(place).is_some_and(|put| put.key == *key) {
            self.puts.swap_remove(place);
            self.puts.get(place).map(|put| places.insert(put.key.clone(), place));
        } else {
            self.deletes.swap_remove(place);
            self.deletes.get(place).map(|moved| places.insert(moved.clone(), place));
        }
    }

    /// Notes where a key is about to stand.
    fn note(&mut self, key: &Key, place: usize) {
        if self.places.is_none() && self.puts.len() + self.deletes.len() >= UNINDEXED_BATCH_ROWS {
            let puts = self.puts.iter().map(|put| &put.key).zip(0..);
            let all = puts.chain(self.deletes.iter().zip(0..));
            self.places = Some(all.map(|(key, place)| (key.clone(), place)).collect());
        }
        if let Some(places) = &mut self.places {
            places.insert(key.clone(), place);
        }
    }

    /// The partition the batch is on.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// What must hold; for engines.
    #[must_use]
    pub fn expectations(&self) -> &[(Key, Expectation)] {
        &self.expectations
    }

    /// What is written; for engines.
    #[must_use]
    pub fn puts(&self) -> &[Put] {
        &self.puts
    }

    /// What is removed; for engines.
    #[must_use]
    pub fn deletes(&self) -> &[Key] {
        &self.deletes
    }

    /// What is counted; for engines.
    #[must_use]
    pub fn adds(&self) -> &[(Counter, u64)] {
        &self.adds
    }

    /// Which counters are removed, before anything is added; for engines.
    #[must_use]
    pub fn removes(&self) -> &[Counter] {
        &self.removes
    }

    /// Whether it puts, deletes or counts anything; for engines.
    #[must_use]
    pub const fn writes(&self) -> bool {
        !self.puts.is_empty() || !self.deletes.is_empty() || !self.adds.is_empty() || !self.removes.is_empty()
    }

    /// The first key of which what is expected does not hold, by the versions that `version_of` finds; for
    /// engines.
    ///
    /// What it finds has to stand until the batch is carried out. Expired records are found too.
    pub fn conflict(&self, version_of: impl Fn(&Key) -> Option<Version>) -> Option<&Key> {
        let fails = |(key, expected): &&(Key, Expectation)| !expected.holds_of(version_of(key));
        self.expectations.iter().find(fails).map(|(key, _)| key)
    }

    /// How many bytes its names and values have; for engines.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.names().map(Bytes::len).chain(self.puts.iter().map(|put| put.value.len())).sum()
    }

    /// Checks every bound; engines call it before anything else, and have no bounds but these.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] with the first bound that is broken.
    pub fn check(&self) -> Result<(), StoreError> {
        let at_most = |what, limit, actual| {
            if actual > limit { Err(StoreError::TooLarge { what, actual, limit }) } else { Ok(()) }
        };
        let seals = usize::from(self.seals);
        let counted = self.adds.len() + self.removes.len();
        let rows = self.expectations.len() + self.puts.len() + self.deletes.len() + counted;
        // The number of rows first: to look at every name and value of what is too much would be work for
        // nothing.
        at_most("batch (rows)", MAX_BATCH_ROWS + seals * SEAL_ROOM_ROWS, rows)?;
        for name in self.names() {
            at_most("name (bytes)", MAX_NAME_BYTES, name.len())?;
        }
        for put in &self.puts {
            at_most("value (bytes)", MAX_VALUE_BYTES + seals * SEAL_ROOM_BYTES, put.value.len())?;
        }
        at_most("batch (bytes)", MAX_BATCH_BYTES + seals * SEAL_ROOM_BATCH_BYTES, self.bytes())
    }

    fn names(&self) -> impl Iterator<Item = &Bytes> {
        (self.expectations.iter().map(|(key, _)| key.name()))
            .chain(self.puts.iter().map(|put| put.key.name()))
            .chain(self.deletes.iter().map(Key::name))
            .chain(self.adds.iter().map(|(counter, _)| counter.name()))
            .chain(self.removes.iter().map(Counter::name))
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a conflict means that nothing was stored"]
pub enum Commit {
    /// It is durable, and its records have this version. A batch that writes nothing has the version of the
    /// last one that did.
    Committed(Version),
    /// An expectation did not hold, that of this key; nothing was stored.
    Conflict(Key),
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bulla_base::Timestamp;

    use super::*;
    use crate::{Retention, Space};

    /// As many as are looked through, and far more.
    #[test]
    fn the_last_word_on_a_key_counts_however_many_there_are() {
        for keys in [UNINDEXED_BATCH_ROWS / 4, 10 * UNINDEXED_BATCH_ROWS] {
            let key = |number: usize| Key::undated(Space::new(1), number.to_be_bytes().to_vec());
            let mut batch = Batch::new(Partition::from_bytes([0; 16]));
            let mut expected = std::collections::BTreeMap::new();
            for step in 0..20 * keys {
                // Every key is hit often, in an order without a pattern.
                let number = step * 7919 % 104_729 % keys;
                if step * 31 % 97 < 50 {
                    batch.put(key(number), step.to_be_bytes().to_vec());
                    expected.insert(key(number), Some(Bytes::copy_from_slice(&step.to_be_bytes())));
                } else {
                    batch.delete(key(number));
                    expected.insert(key(number), None);
                }
            }
            let puts = batch.puts().iter().map(|put| (put.key.clone(), Some(put.value.clone())));
            let all: Vec<_> = puts.chain(batch.deletes().iter().map(|key| (key.clone(), None))).collect();
            assert_eq!(all.len(), expected.len(), "a key stands there twice");
            assert_eq!(all.into_iter().collect::<std::collections::BTreeMap<_, _>>(), expected);
            // Of many it is known where each stands: to look through all for each takes minutes.
            assert_eq!(
                batch.places.map(|places| places.len()),
                (keys > UNINDEXED_BATCH_ROWS).then_some(keys)
            );
        }
    }

    #[test]
    fn sealing_changes_the_values_and_nothing_else() {
        let key = |number: u8| Key::undated(Space::new(1), vec![number]);
        let mut batch = Batch::new(Partition::from_bytes([1; 16]));
        batch.expect_absent(key(1));
        (0..100).for_each(|number| batch.put(key(number), vec![number]));
        batch.delete(key(7));
        batch.put_until(key(9), &b"nine"[..], Retention::LONGEST.from(Timestamp::from_millis(0)));
        batch.add(Counter::new(Space::new(1), "counter"), 3);

        let mut expected = batch.clone();
        expected.puts.iter_mut().for_each(|put| put.value = [&put.value[..], b"!"].concat().into());
        let sealed = |put: &Put| Ok::<_, Infallible>([&put.value[..], b"!"].concat().into());
        let mut sealed = batch.clone().try_seal(sealed).unwrap();
        assert_eq!((sealed.seals, sealed.partition), (1, batch.partition));
        assert_eq!((&sealed.puts, &sealed.deletes), (&expected.puts, &expected.deletes));
        assert_eq!((&sealed.expectations, &sealed.adds), (&expected.expectations, &expected.adds));
        // It goes on as the batch would have.
        for batch in [&mut sealed, &mut expected] {
            batch.delete(key(9));
            batch.put(key(50), &b"fifty"[..]);
        }
        assert_eq!((&sealed.puts, &sealed.deletes), (&expected.puts, &expected.deletes));

        let mut met = 0;
        let refused = batch.try_seal(|put| {
            met += 1;
            if put.key == key(3) { Err("refused") } else { Ok(Bytes::new()) }
        });
        assert_eq!((refused.map(|_| ()), met), (Err("refused"), 4));
    }
}
