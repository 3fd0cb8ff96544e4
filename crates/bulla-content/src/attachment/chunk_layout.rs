//! Where the chunks of an attachment stand, by arithmetic alone.

use super::AttachmentError;
use super::chunk_cipher::TAG_BYTES;
use crate::limits::{ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES, MIN_PADDED_ATTACHMENT_BYTES};

/// How an attachment of a size is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkLayout {
    size: u64,
    padded: u64,
    chunks: u32,
}

impl ChunkLayout {
    /// That of `size` bytes, if they are neither none nor too many.
    pub(super) fn new(size: u64) -> Result<Self, AttachmentError> {
        match size {
            0 => Err(AttachmentError::Empty),
            1..=MAX_ATTACHMENT_BYTES => Ok(Self::within_limits(size)),
            _ => Err(AttachmentError::TooLarge { actual: size, limit: MAX_ATTACHMENT_BYTES }),
        }
    }

    /// That of `size` bytes, which is known to be within limits.
    pub(super) fn within_limits(size: u64) -> Self {
        let padded = padded(size);
        let chunks = u32::try_from(padded.div_ceil(ATTACHMENT_CHUNK_BYTES as u64)).unwrap_or(u32::MAX);
        Self { size, padded, chunks }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// How many chunks there are: at least one.
    pub(super) const fn chunks(&self) -> u32 {
        self.chunks
    }

    pub(super) const fn is_last(&self, index: u32) -> bool {
        index + 1 == self.chunks
    }

    /// How many bytes chunk `index` has before it is sealed, with its padding.
    pub(super) fn padded_chunk_bytes(&self, index: u32) -> usize {
        within_a_chunk(self.padded.saturating_sub(start(index)))
    }

    /// How many bytes of the plaintext are in chunk `index`: none when it is all padding.
    pub(super) fn plaintext_chunk_bytes(&self, index: u32) -> usize {
        within_a_chunk(self.size.saturating_sub(start(index)))
    }

    /// How many bytes chunk `index` has when it is sealed.
    pub(super) fn sealed_chunk_bytes(&self, index: u32) -> usize {
        self.padded_chunk_bytes(index) + TAG_BYTES
    }

    /// How many bytes the first `chunks` have, or all, when they are sealed.
    pub(super) fn sealed_bytes_of(&self, chunks: u32) -> u64 {
        start(chunks).min(self.padded) + u64::from(chunks) * TAG_BYTES as u64
    }

    pub(super) fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes_of(self.chunks)
    }
}

fn start(index: u32) -> u64 {
    u64::from(index) * ATTACHMENT_CHUNK_BYTES as u64
}

fn within_a_chunk(bytes: u64) -> usize {
    usize::try_from(bytes).map_or(ATTACHMENT_CHUNK_BYTES, |bytes| bytes.min(ATTACHMENT_CHUNK_BYTES))
}

/// How long `size` bytes are once padded, by the rule Padmé: as a binary number, the length has as many
/// digits behind its first as its number of digits has digits, and then zeros.
const fn padded(size: u64) -> u64 {
    let size = if size < MIN_PADDED_ATTACHMENT_BYTES { MIN_PADDED_ATTACHMENT_BYTES } else { size };
    let exponent = size.ilog2();
    let kept = exponent.ilog2() + 1;
    size.next_multiple_of(1 << (exponent - kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_SEALED_ATTACHMENT_BYTES;

    #[test]
    fn sizes_within_the_limits_are_laid_out_and_one_past_them_are_not() {
        assert_eq!(ChunkLayout::new(0), Err(AttachmentError::Empty));
        assert_eq!(ChunkLayout::new(1).unwrap().sealed_bytes(), MIN_PADDED_ATTACHMENT_BYTES + 16);
        let largest = ChunkLayout::new(MAX_ATTACHMENT_BYTES).unwrap();
        assert_eq!((largest.chunks(), largest.sealed_bytes()), (1600, MAX_SEALED_ATTACHMENT_BYTES));
        for actual in [MAX_ATTACHMENT_BYTES + 1, u64::MAX] {
            let too_large = AttachmentError::TooLarge { actual, limit: MAX_ATTACHMENT_BYTES };
            assert_eq!(ChunkLayout::new(actual), Err(too_large));
        }
    }

    #[test]
    fn padding_grows_with_the_size_and_costs_no_more_than_is_said() {
        let mut size = 1;
        while size <= MAX_ATTACHMENT_BYTES {
            for size in [size - 1, size, size + 1].map(|size| size.clamp(1, MAX_ATTACHMENT_BYTES)) {
                let padded = padded(size);
                assert!(padded >= size);
                assert_eq!(self::padded(padded), padded, "{size}: a bucket is its own");
                if size >= MIN_PADDED_ATTACHMENT_BYTES {
                    let share = if size < 64 << 10 { 16 } else { 32 };
                    assert!((padded - size) * share < size, "{size} becomes {padded}");
                }
            }
            size += size / 97 + 1;
        }
    }

    #[test]
    fn there_are_as_many_buckets_as_is_said() {
        let (mut size, mut buckets) = (1, 0);
        while size <= MAX_ATTACHMENT_BYTES {
            size = padded(size) + 1;
            buckets += 1;
        }
        assert_eq!(buckets, 403);
    }

    #[test]
    fn the_chunks_of_any_size_are_the_whole() {
        for size in [1, 4096, 65_535, 65_536, 65_537, 131_072, 1_000_000, MAX_ATTACHMENT_BYTES - 1] {
            let layout = ChunkLayout::new(size).unwrap();
            let sum =
                |bytes: &dyn Fn(u32) -> usize| (0..layout.chunks()).map(|i| bytes(i) as u64).sum::<u64>();
            assert_eq!(sum(&|index| layout.plaintext_chunk_bytes(index)), size);
            assert_eq!(sum(&|index| layout.padded_chunk_bytes(index)), padded(size));
            assert_eq!(sum(&|index| layout.sealed_chunk_bytes(index)), layout.sealed_bytes());
            assert!((0..layout.chunks()).all(|index| layout.padded_chunk_bytes(index) > 0));
            assert!(layout.is_last(layout.chunks() - 1) && !layout.is_last(layout.chunks()));
        }
    }
}
