//! Who complained lately, and where numbers were lately written to: so many tags, the oldest overwritten.

use crate::InvalidForm;
use crate::byte_reader::ByteReader;
use crate::error::at_most;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Recent<const N: usize> {
    tags: Vec<u64>,
    next: usize,
}

impl<const N: usize> Recent<N> {
    pub(super) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let (count, next) = (usize::from(reader.u8()?), usize::from(reader.u8()?));
        at_most("tags", N as u64, count as u64)?;
        let is_next = if count < N { next == count } else { next < N };
        if !is_next {
            return Err(InvalidForm::Field { field: "tags", expected: "the place of the oldest" });
        }
        let tags = reader.records::<8>(count)?.iter().map(|tag| u64::from_be_bytes(*tag)).collect();
        Ok(Self { tags, next })
    }

    /// Remembers `tag`. Returns whether it was remembered before.
    pub(super) fn insert(&mut self, tag: u64) -> bool {
        if self.tags.contains(&tag) {
            return true;
        }
        match self.tags.get_mut(self.next) {
            Some(oldest) => *oldest = tag,
            None => self.tags.push(tag),
        }
        self.next = (self.next + 1) % N;
        false
    }

    /// Whether `tag` was remembered. Its place stands empty until it is overwritten: 0 is nobody's.
    pub(super) fn forget(&mut self, tag: u64) -> bool {
        let place = self.tags.iter_mut().find(|kept| **kept == tag);
        place.map(|kept| *kept = 0).is_some()
    }

    pub(super) const fn memory(&self) -> usize {
        self.tags.capacity() * size_of::<u64>()
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        // There are fewer than 256.
        bytes.push(u8::try_from(self.tags.len()).unwrap_or(u8::MAX));
        bytes.push(u8::try_from(self.next).unwrap_or(u8::MAX));
        self.tags.iter().for_each(|tag| bytes.extend_from_slice(&tag.to_be_bytes()));
    }
}
