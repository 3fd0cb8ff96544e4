use crate::BlobError;
use crate::limits::{BLOB_CHUNK_BYTES, BLOB_TAG_BYTES, MAX_BLOB_BYTES, MIN_BLOB_BYTES};

/// How many bytes a blob has, sealed and padded: one of 403 sizes.
///
/// They are those to which `bulla_content::attachment` seals: padded by the rule Padmé, not below 4 KiB, and
/// a tag of 16 bytes for each 64 KiB of that. Any other size would tell more of what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobSize(u64);

impl BlobSize {
    /// The largest: [`MAX_BLOB_BYTES`](crate::MAX_BLOB_BYTES).
    pub const LARGEST: Self = Self(MAX_BLOB_BYTES);

    /// The size of so many bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] when it is beyond the largest, and [`BlobError::NoBucket`] when it is none to
    /// which a sealer pads.
    pub fn new(bytes: u64) -> Result<Self, BlobError> {
        match bytes {
            MIN_BLOB_BYTES..=MAX_BLOB_BYTES if is_bucket(bytes) => Ok(Self(bytes)),
            0..=MAX_BLOB_BYTES => Err(BlobError::NoBucket { actual: bytes }),
            _ => Err(BlobError::TooLarge { field: "blob (bytes)", actual: bytes, limit: MAX_BLOB_BYTES }),
        }
    }

    /// How many bytes it is.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Whether so many bytes are a bucket once the tags are taken off.
fn is_bucket(bytes: u64) -> bool {
    let chunks = bytes.div_ceil(BLOB_CHUNK_BYTES + BLOB_TAG_BYTES);
    let padded = bytes - chunks * BLOB_TAG_BYTES;
    let exponent = padded.ilog2();
    let step = 1 << (exponent - (exponent.ilog2() + 1));
    // The last chunk must have more in it than its tag.
    padded.div_ceil(BLOB_CHUNK_BYTES) == chunks && padded.is_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_sizes_and_nothing_in_between() {
        // Steps of a padding are at least 256 bytes, and tags are 16.
        let sixteenths = (0..=MAX_BLOB_BYTES).step_by(16);
        let all: Vec<_> = sixteenths.filter(|bytes| BlobSize::new(*bytes).is_ok()).collect();
        let beside = all.iter().flat_map(|bytes| [bytes - 1, bytes + 1]);
        assert_eq!(beside.filter(|bytes| BlobSize::new(*bytes).is_ok()).count(), 0);
        assert_eq!((all.len(), all.first(), all.last()), (403, Some(&4112), Some(&104_883_200)));
        // Up to 64 KiB one chunk, in steps of a 16th; one step further there are two.
        assert!([65_552, 65_536 + 4096 + 32].iter().all(|bytes| all.contains(bytes)));
    }

    #[test]
    fn one_byte_past_a_bucket_and_past_the_largest_is_refused_by_name() {
        assert_eq!(BlobSize::new(MAX_BLOB_BYTES).unwrap(), BlobSize::LARGEST);
        let refused = BlobSize::new(MAX_BLOB_BYTES + 1).unwrap_err();
        assert_eq!(refused.to_string(), "blob (bytes) is 104883201, but at most 104883200 is allowed");
        let refused = BlobSize::new(4113).unwrap_err();
        assert_eq!(refused.to_string(), "4113 bytes are no size to which a blob is sealed");
    }
}
