//! Keys of messages that later ones overtook.

use crate::limits::SKIPPED_KEYS;
use crate::secret::Secret;
use crate::wiped::{Wiped, wipe};

/// Those within the window behind the newest message of one chain, by ascending index.
///
/// They are kept as they are stored, so that loading and storing copy one run of bytes, and all shuffling happens
/// inside one buffer that is wiped.
#[derive(Default)]
pub(crate) struct SkippedKeys {
    bytes: Wiped,
}

impl SkippedKeys {
    /// Each is its index, four bytes big-endian, and the key.
    pub(crate) const ENTRY: usize = 4 + 32;

    pub(super) fn with_capacity(keys: u32) -> Self {
        let keys = usize::try_from(keys.min(SKIPPED_KEYS)).unwrap_or(0);
        Self { bytes: Wiped::with_capacity(keys * Self::ENTRY) }
    }

    /// Takes over stored keys, unless one is out of order or outside the window of a chain that stands at `counter`.
    pub(crate) fn from_bytes(bytes: &[u8], counter: u32) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<{ Self::ENTRY }>();
        let ascending = entries.is_sorted_by(|a, b| index_of(a) < index_of(b));
        let above = entries.first().is_none_or(|first| index_of(first) >= first_kept(counter));
        let below = entries.last().is_none_or(|last| index_of(last) < counter);
        if !rest.is_empty() || !ascending || !above || !below {
            return None;
        }
        // An empty vector allocates nothing.
        Some(Self { bytes: Wiped::from(bytes.to_vec()) })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / Self::ENTRY
    }

    pub(super) fn find(&self, index: u32) -> Option<Secret<32>> {
        let entries = self.entries();
        let slot = entries.binary_search_by_key(&index, index_of).ok()?;
        entries.get(slot).map(|entry| Secret::copied(&entry[4..]))
    }

    pub(super) fn remove(&mut self, index: u32) {
        if let Ok(slot) = self.entries().binary_search_by_key(&index, index_of) {
            self.cut(slot * Self::ENTRY, Self::ENTRY);
        }
    }

    /// Adds a key with a higher index than any here. There must be room for it.
    pub(super) fn push(&mut self, index: u32, key: &Secret<32>) {
        debug_assert!(self.bytes.capacity() - self.bytes.len() >= Self::ENTRY, "the buffer would move");
        self.bytes.extend_from_slice(&index.to_be_bytes());
        self.bytes.extend_from_slice(key.expose());
    }

    /// Adds keys with higher indexes than any here, of a chain that now stands at `counter`.
    pub(super) fn append(&mut self, newer: Self, counter: u32) {
        let surplus = self.entries().partition_point(|entry| index_of(entry) < first_kept(counter));
        self.cut(0, surplus * Self::ENTRY);
        if newer.bytes.is_empty() {
            return;
        }
        if self.bytes.is_empty() {
            *self = newer;
            return;
        }
        let mut all = Wiped::with_capacity(self.bytes.len() + newer.bytes.len());
        all.extend_from_slice(&self.bytes);
        all.extend_from_slice(&newer.bytes);
        self.bytes = all;
    }

    fn entries(&self) -> &[[u8; Self::ENTRY]] {
        self.bytes.as_chunks().0
    }

    fn cut(&mut self, at: usize, length: usize) {
        let end = self.bytes.len() - length;
        self.bytes.copy_within(at + length.., at);
        wipe(&mut self.bytes[end..]);
        self.bytes.truncate(end);
    }
}

/// The lowest index whose key is kept by a chain that stands at `counter`; indexes start at one.
fn first_kept(counter: u32) -> u32 {
    counter.saturating_sub(SKIPPED_KEYS).max(1)
}

fn index_of(entry: &[u8; SkippedKeys::ENTRY]) -> u32 {
    let [a, b, c, d, ..] = *entry;
    u32::from_be_bytes([a, b, c, d])
}
