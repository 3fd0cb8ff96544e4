//! Everything a batch or a scan can be too much of.
//!
//! The bounds are for those who use a store, and the same whether a vault stands in it or not: what sealing
//! adds has room of its own, of which only a batch that [was sealed](crate::Batch::try_seal) may take.

use std::time::Duration;

/// The longest name in a [`Key`](crate::Key) or [`Counter`](crate::Counter), in bytes. A longer one is
/// refused with the batch.
pub const MAX_NAME_BYTES: usize = 512;

/// The largest value, in bytes. A larger one is refused with the batch.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// The most expectations, puts, deletes and adds in one batch, taken together. A larger batch is refused.
///
/// The largest that a stranger can cause puts a session that keeps 16 000 skipped keys in the place of
/// another that does: some 32 000 rows of together 2 MB. Whoever makes it holds that to half of this, so that
/// as much is left for what belongs into the same batch.
pub const MAX_BATCH_ROWS: usize = 65_536;

/// The most bytes that the names and values of one batch have, taken together. A larger batch is refused;
/// what is larger is stored in parts, the part that makes it count last.
pub const MAX_BATCH_BYTES: usize = 16 << 20;

/// How much longer than [`MAX_VALUE_BYTES`] a sealed value may be, in bytes. An engine that took no longer
/// one could not stand beneath a vault.
pub const SEAL_ROOM_BYTES: usize = 128;

/// How many rows more than [`MAX_BATCH_ROWS`] a sealed batch may have: those that keep what it was sealed
/// with.
pub const SEAL_ROOM_ROWS: usize = 2;

/// How many bytes more than [`MAX_BATCH_BYTES`] a sealed batch may have: [`SEAL_ROOM_BYTES`] for each row
/// there can be.
pub const SEAL_ROOM_BATCH_BYTES: usize = (MAX_BATCH_ROWS + SEAL_ROOM_ROWS) * SEAL_ROOM_BYTES;

/// The most rows one scan returns, whatever limit it asks for. Continue with
/// [`Scan::after`](crate::Scan::after).
pub const MAX_SCAN_ROWS: usize = 4096;

/// The longest anything about a message is kept: 30 days.
pub const MAX_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The most runs of days a queue remembers. Beyond it the oldest is forgotten, with what is still unread in
/// it.
///
/// In thirty days there are thirty-one, and two more each time the clock goes to another day and back: what
/// was queued a month ago and is still unread can be lost after it has done so five times.
pub const MAX_QUEUE_DAYS: usize = 40;

/// The most gaps a queue remembers: runs of places that were removed while one before them was not. Beyond it
/// the shortest is forgotten, and who reads the queue from its beginning walks over what was deleted there.
pub const MAX_QUEUE_GAPS: usize = 16;

/// How often upkeep that failed is tried again: once a minute. More often, a full disk is written to in vain;
/// less often, a store that forgets goes on later than it could.
pub const UPKEEP_RETRY: Duration = Duration::from_secs(60);

/// How many puts and deletes of a batch are looked through one by one. With more it keeps an index.
pub(crate) const UNINDEXED_BATCH_ROWS: usize = 32;

/// How many parts a cache has at most, each with a lock of its own: a power of two.
pub(crate) const MAX_CACHE_SHARDS: usize = 64;

/// How many bytes a part of a cache is worth having for.
pub(crate) const CACHE_SHARD_BYTES: usize = 64 * 1024;

/// How many bytes a row takes in the cache beside its name and its value, on the average of maps that are
/// more or less full; up to 320 in one that has just grown.
pub(crate) const CACHED_ROW_OVERHEAD_BYTES: usize = 240;

/// Of so many rows a part of a cache knows that nobody heard what became of them. Beyond it the part
/// remembers nothing any more.
pub(crate) const MAX_UNHEARD: usize = 4096;

/// How many records of a partition are read and deleted at a time.
pub(crate) const ERASE_PAGE: usize = 128;

/// How many counters are removed in one record, at most a page of them.
pub(crate) const REMOVED_TOGETHER: usize = 1024;

/// How many locks a keyed mutex has: a power of two.
pub(crate) const KEYED_LOCKS: usize = 4096;

/// How often what was removed is looked for again before it is said that it resists.
pub(crate) const ERASE_ATTEMPTS: usize = 3;

/// Room for so many is not worth giving back.
pub(crate) const MIN_SHRUNK_ROOM: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_NAME_BYTES, MAX_VALUE_BYTES, SEAL_ROOM_BYTES), (512, 1_048_576, 128));
        assert_eq!((MAX_BATCH_ROWS, SEAL_ROOM_ROWS, MAX_SCAN_ROWS), (65_536, 2, 4_096));
        assert_eq!((MAX_BATCH_BYTES, SEAL_ROOM_BATCH_BYTES), (16_777_216, 8_388_864));
    }
}
