//! Secrets of messages that later ones overtook.
//!
//! For `bulla-session`, which keeps the message keys of its chains in the same way; nobody else should need
//! it.

use std::ops::Range;

use crate::secret::Secret;
use crate::wiped_bytes::{Wiped, wipe};

/// How far behind the newest message of its chain one may be whose secret is kept.
const WINDOW: u32 = crate::limits::MAX_SKIPPED_KEYS;

/// Those within the window behind the newest message of one chain, by ascending index.
///
/// They are kept in one run of bytes, so that copying them is one copy, and all shuffling happens inside a
/// buffer that is wiped. Each may also be a record of its own in the caller's store, which is then read only
/// when its message comes: what stands there and what is different here is remembered, too.
///
/// Nearly always there is nothing, or nothing loaded: so it is small then, and moved about at no cost.
#[derive(Debug, Default)]
pub struct Skipped {
    /// The indices between which secrets stand in the store, unless they were used up; what is newer is here
    /// alone.
    stored: Range<u32>,
    here: Option<Box<Here>>,
}

/// What is in memory of them.
#[derive(Debug, Default)]
struct Here {
    bytes: Wiped,
    /// All that there are in the store have been loaded.
    whole: bool,
    /// Of those in the store, the ones asked for, whether they were there or not, by ascending index.
    asked: Vec<u32>,
    /// Of those in the store, the ones used up or outside the window since they were loaded.
    gone: Vec<Range<u32>>,
}

/// What is kept under an index.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else a look-up can come to")]
pub enum Found {
    /// This.
    Secret(Secret<32>),
    /// Nothing, or nothing any more.
    Nothing,
    /// It has to be looked up in the store.
    NotLoaded,
}

/// A row of the store to be written, or to be deleted.
pub type Row<'a> = (u32, Option<&'a [u8; 32]>);

impl Skipped {
    /// Each is its index, four bytes big-endian, and the secret.
    pub const ENTRY: usize = 4 + 32;

    /// Room for so many, or for as many as are ever kept.
    #[must_use]
    pub fn with_capacity(secrets: u32) -> Self {
        let secrets = usize::try_from(secrets.min(WINDOW)).unwrap_or(0);
        if secrets == 0 { Self::default() } else { Self::of(Wiped::with_capacity(secrets * Self::ENTRY)) }
    }

    fn of(bytes: Wiped) -> Self {
        Self { stored: 0..0, here: Some(Box::new(Here { bytes, ..Here::default() })) }
    }

    /// Takes over secrets as they stand in a whole record, unless they are out of order or outside `bounds`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], bounds: &Range<u32>) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<{ Self::ENTRY }>();
        let ascending = entries.is_sorted_by(|a, b| index_of(a) < index_of(b));
        let above = entries.first().is_none_or(|first| index_of(first) >= bounds.start);
        let below = entries.last().is_none_or(|last| index_of(last) < bounds.end);
        if !rest.is_empty() || !ascending || !above || !below {
            return None;
        }
        Some(if bytes.is_empty() { Self::default() } else { Self::of(Wiped::from(bytes.to_vec())) })
    }

    /// Those that stand in the store between two indices, none of them loaded yet.
    #[must_use]
    pub fn in_store(stored: Range<u32>) -> Self {
        Self { stored, here: None }
    }

    /// Takes over what stands in the store, by ascending index, beside what is here already; says how many
    /// were taken. What was used up or left behind since, and what cannot be there, is passed over. From here
    /// on nothing is left that is not loaded.
    ///
    /// # Cost
    ///
    /// One copy of what is there, however many they are.
    pub fn load_all<'a>(&mut self, rows: impl ExactSizeIterator<Item = (u32, &'a [u8; 32])>) -> usize {
        if self.stored.is_empty() {
            return 0;
        }
        let mut all = Wiped::with_capacity(self.as_bytes().len() + rows.len() * Self::ENTRY);
        let mut here = self.entries().iter().peekable();
        let (mut least, mut taken) = (self.stored.start, 0);
        for (index, secret) in rows {
            // It may have been used up meanwhile, of which the store knows nothing yet.
            if index < least || self.is_known(index) {
                continue;
            }
            while let Some(entry) = here.next_if(|entry| index_of(entry) < index) {
                all.extend_from_slice(entry);
            }
            all.extend_from_slice(&index.to_be_bytes());
            all.extend_from_slice(secret);
            least = index + 1;
            taken += 1;
        }
        here.for_each(|entry| all.extend_from_slice(entry));
        let here = self.here_mut();
        here.bytes = all;
        here.whole = true;
        taken
    }

    /// Takes over what stands in the store under an index that [was not loaded](Found::NotLoaded).
    pub fn load(&mut self, index: u32, secret: Option<&[u8; 32]>) {
        if self.is_known(index) {
            return;
        }
        let place = self.entries().partition_point(|entry| index_of(entry) < index) * Self::ENTRY;
        let here = self.here_mut();
        let slot = here.asked.partition_point(|asked| *asked < index);
        // Whether there is one or not: it need not be asked for again.
        here.asked.insert(slot, index);
        let Some(secret) = secret else { return };
        let mut all = Wiped::with_capacity(here.bytes.len() + Self::ENTRY);
        all.extend_from_slice(&here.bytes[..place]);
        all.extend_from_slice(&index.to_be_bytes());
        all.extend_from_slice(secret);
        all.extend_from_slice(&here.bytes[place..]);
        here.bytes = all;
    }

    /// What is loaded, as it stands in a whole record.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.here.as_ref().map_or(&[], |here| &here.bytes)
    }

    /// How many are loaded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len() / Self::ENTRY
    }

    /// Whether none is loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Whether there is none that is not loaded.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.stored.is_empty() || self.all_loaded()
    }

    /// Between which indices there are any, once what [`changes`](Self::changes) says has been stored.
    #[must_use]
    pub fn bounds(&self) -> Range<u32> {
        let first = self.entries().first().map(index_of);
        let last = self.entries().last().map(|entry| index_of(entry).saturating_add(1));
        match (first, last) {
            (Some(first), Some(last)) if self.is_whole() => first..last,
            (Some(first), Some(last)) => first.min(self.stored.start)..last.max(self.stored.end),
            _ if self.is_whole() => 0..0,
            _ => self.stored.clone(),
        }
    }

    /// The rows that make the store hold what is here.
    pub fn changes(&self) -> impl Iterator<Item = Row<'_>> {
        let gone = self.gone().map(|index| (index, None));
        gone.chain(self.secrets(self.stored.end).map(|(index, secret)| (index, Some(secret))))
    }

    /// Says that what [`changes`](Self::changes) says has been done.
    pub fn note_stored(&mut self) {
        let bounds = self.bounds();
        let Some(here) = &mut self.here else { return };
        here.gone.clear();
        if here.bytes.is_empty() && bounds.is_empty() {
            *self = Self::default();
            return;
        }
        // All that is in the store now was loaded, or made, here: or else it has to be asked for as before.
        if self.stored.is_empty() {
            here.whole = true;
        }
        if !here.whole {
            let end = self.stored.end;
            let entries: &[[u8; Self::ENTRY]] = here.bytes.as_chunks().0;
            here.asked.extend(entries.iter().map(index_of).filter(|index| *index >= end));
        }
        self.stored = bounds;
    }

    /// The rows to delete when the whole chain is given up, be they loaded or not.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        let whole = self.all_loaded();
        let left = if whole { 0..0 } else { self.stored.clone() };
        let loaded =
            self.entries().iter().map(index_of).filter(move |index| whole && *index < self.stored.end);
        self.gone().chain(left).chain(loaded)
    }

    /// What is kept under an index.
    #[must_use]
    pub fn find(&self, index: u32) -> Found {
        let entries = self.entries();
        match entries.binary_search_by_key(&index, index_of).ok().and_then(|slot| entries.get(slot)) {
            Some(entry) => Found::Secret(Secret::copied(&entry[4..])),
            None if self.is_known(index) => Found::Nothing,
            None => Found::NotLoaded,
        }
    }

    /// Gives up what is used up.
    pub fn remove(&mut self, index: u32) {
        if let Ok(slot) = self.entries().binary_search_by_key(&index, index_of) {
            self.cut(slot * Self::ENTRY, Self::ENTRY);
            // What the store never had need not be deleted there.
            if self.stored.contains(&index) {
                self.here_mut().gone.push(index..index + 1);
            }
        }
    }

    /// Adds one with a higher index than any here. There must be room for it.
    pub fn push(&mut self, index: u32, secret: &[u8; 32]) {
        let bytes = &mut self.here_mut().bytes;
        debug_assert!(bytes.capacity() - bytes.len() >= Self::ENTRY, "the buffer would move");
        bytes.extend_from_slice(&index.to_be_bytes());
        bytes.extend_from_slice(secret);
    }

    /// Adds those with higher indices than any here, of a chain whose newest message is `newest`; what it has
    /// left behind too far is given up.
    pub fn append(&mut self, newer: Self, newest: u32) {
        let floor = newest.saturating_sub(WINDOW);
        if self.stored.start < floor && !self.stored.is_empty() {
            let end = floor.min(self.stored.end);
            let left_behind = self.stored.start..end;
            // As a range: what stands there is deleted without being read.
            self.here_mut().gone.push(left_behind);
            self.stored.start = end;
        }
        let surplus = self.entries().partition_point(|entry| index_of(entry) < floor);
        if surplus != 0 {
            self.cut(0, surplus * Self::ENTRY);
        }
        let Some(newer) = newer.here.filter(|newer| !newer.bytes.is_empty()) else { return };
        let bytes = &mut self.here_mut().bytes;
        if bytes.is_empty() {
            // Nearly always there was none: the buffer is taken over, and nothing is copied.
            *bytes = newer.bytes;
            return;
        }
        let mut all = Wiped::with_capacity(bytes.len() + newer.bytes.len());
        all.extend_from_slice(bytes);
        all.extend_from_slice(&newer.bytes);
        *bytes = all;
    }

    /// Those from an index on.
    fn secrets(&self, from: u32) -> impl Iterator<Item = (u32, &[u8; 32])> {
        let entries = self.entries();
        let first = entries.partition_point(|entry| index_of(entry) < from);
        entries[first..].iter().filter_map(|entry| Some((index_of(entry), entry.last_chunk()?)))
    }

    fn is_known(&self, index: u32) -> bool {
        !self.stored.contains(&index)
            || self.here.as_ref().is_some_and(|here| here.whole || here.asked.binary_search(&index).is_ok())
    }

    fn all_loaded(&self) -> bool {
        self.here.as_ref().is_some_and(|here| here.whole)
    }

    fn gone(&self) -> impl Iterator<Item = u32> {
        self.here.iter().flat_map(|here| here.gone.iter().cloned().flatten())
    }

    fn here_mut(&mut self) -> &mut Here {
        self.here.get_or_insert_default()
    }

    fn entries(&self) -> &[[u8; Self::ENTRY]] {
        self.as_bytes().as_chunks().0
    }

    fn cut(&mut self, at: usize, length: usize) {
        let bytes = &mut self.here_mut().bytes;
        let end = bytes.len() - length;
        bytes.copy_within(at + length.., at);
        // What was moved down still stands behind the new end.
        wipe(&mut bytes[end..]);
        bytes.truncate(end);
    }
}

fn index_of(entry: &[u8; Skipped::ENTRY]) -> u32 {
    let [a, b, c, d, ..] = *entry;
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(skipped: &Skipped) -> Vec<u32> {
        skipped.entries().iter().map(index_of).collect()
    }

    #[test]
    fn what_is_loaded_last_joins_what_is_here_and_brings_back_nothing() {
        let secrets: Vec<_> = (0..20).map(|number| (u32::from(number), [number; 32])).collect();
        let rows = || secrets.iter().map(|(index, secret)| (*index, secret));
        let mut skipped = Skipped::in_store(3..12);
        for asked in [10, 5, 7] {
            skipped.load(asked, Some(&secrets[asked as usize].1));
        }
        skipped.load(6, None);
        skipped.remove(7);
        let mut newer = Skipped::with_capacity(2);
        newer.push(13, &[13; 32]);
        newer.push(14, &[14; 32]);
        skipped.append(newer, 15);
        assert!(!skipped.is_whole());
        // The store does not know yet what was used up, and what it cannot have is no part of it.
        assert_eq!(skipped.load_all(rows()), 5);
        assert!(skipped.is_whole());
        assert_eq!(indices(&skipped), [3, 4, 5, 8, 9, 10, 11, 13, 14]);
        for index in [3, 8, 14] {
            assert!(
                matches!(skipped.find(index), Found::Secret(secret) if *secret.expose() == [index.to_le_bytes()[0]; 32])
            );
        }
        assert!(matches!(skipped.find(7), Found::Nothing));
        assert_eq!(skipped.load_all(rows()), 0);
        assert_eq!(skipped.len(), 9);
    }

    /// Were it asked for again, a store that was not told yet would bring a key back that was used.
    #[test]
    fn what_was_made_here_and_stored_is_not_looked_up_when_it_is_used() {
        let mut skipped = Skipped::in_store(3..12);
        skipped.load(10, Some(&[10; 32]));
        let mut newer = Skipped::with_capacity(2);
        newer.push(13, &[13; 32]);
        newer.push(14, &[14; 32]);
        skipped.append(newer, 15);
        skipped.note_stored();
        skipped.remove(13);
        assert!(matches!(skipped.find(13), Found::Nothing));
        skipped.load(13, Some(&[13; 32]));
        assert!(matches!(skipped.find(13), Found::Nothing), "a used key is back");
        assert!(matches!(skipped.find(9), Found::NotLoaded));
        assert_eq!(
            skipped.changes().map(|(index, secret)| (index, secret.is_some())).collect::<Vec<_>>(),
            [(13, false)]
        );
    }

    #[test]
    fn secrets_of_a_whole_record_ascend_within_their_bounds() {
        let read = |indices: &[u32], more: &[u8]| {
            let mut bytes: Vec<u8> =
                indices.iter().flat_map(|index| index.to_be_bytes().into_iter().chain([7; 32])).collect();
            bytes.extend_from_slice(more);
            Skipped::from_bytes(&bytes, &(5..9)).map(|skipped| self::indices(&skipped))
        };
        assert_eq!(read(&[5, 6, 8], &[]), Some(vec![5, 6, 8]));
        assert_eq!(read(&[], &[]), Some(vec![]));
        for (wrong, more) in
            [(&[4, 6][..], &[][..]), (&[6, 9], &[]), (&[6, 5], &[]), (&[6, 6], &[]), (&[6], &[0])]
        {
            assert_eq!(read(wrong, more), None, "{wrong:?} and {} bytes", more.len());
        }
    }

    #[test]
    fn rows_out_of_order_are_passed_over() {
        let mut skipped = Skipped::in_store(1..9);
        assert_eq!(skipped.load_all([4, 2, 4, 6].map(|index| (index, &[7; 32])).into_iter()), 2);
        assert_eq!(indices(&skipped), [4, 6]);
    }
}
