//! Every bound of a call to the carrier.

/// The most envelopes one call to receive returns. The rest comes with the next call.
pub const MAX_DELIVERIES: usize = 64;

/// The most bytes a proof has: 1 KiB. A longer one is refused where it is made.
pub const MAX_PROOF_BYTES: usize = 1024;

/// The most bytes of a blob, sealed: what 100 MiB come to with a tag for each of their chunks. A larger one
/// is refused before anything of it is taken.
pub const MAX_BLOB_BYTES: u64 = 104_883_200;

/// The most bytes of a blob that one call moves: 1 MiB. More, and each call holds more in memory; less, and
/// an upload waits for the disk more often.
pub const MAX_BLOB_PART_BYTES: usize = 1 << 20;

/// The fewest bytes of a blob, sealed: 4 KiB and a tag.
pub(crate) const MIN_BLOB_BYTES: u64 = 4096 + BLOB_TAG_BYTES;

/// The chunks in which blobs are sealed, in bytes, and the tag behind each.
pub(crate) const BLOB_CHUNK_BYTES: u64 = 64 * 1024;
pub(crate) const BLOB_TAG_BYTES: u64 = 16;

/// The most bytes of a proof of how the log of keys grew: two numbers and 64 hashes, which a log of 2⁶³ − 1
/// leaves takes. A longer one is refused.
pub const MAX_CONSISTENCY_BYTES: usize = 16 + 64 * 32;

/// The most leaves of the log of keys that one call tells: 40 KB of the leaves that there are. More, and each
/// call holds more in memory; fewer, and a log of a million takes more than its 2,000 calls.
pub const MAX_LOG_LEAVES_AT_ONCE: usize = 512;

/// The most bytes of a leaf of the log of keys. A longer one is refused, and what comes behind it is not
/// read.
pub const MAX_LOG_LEAF_BYTES: usize = 256;

/// How many bytes a root of the log has.
pub(crate) const LOG_ROOT_BYTES: usize = 32;
