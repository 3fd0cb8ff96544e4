//! Everything the engine can be given too much of.

use std::time::Duration;

use bulla_store::{MAX_BATCH_BYTES, MAX_BATCH_ROWS, SEAL_ROOM_BATCH_BYTES, SEAL_ROOM_ROWS};

use crate::disk::journal::frame::{BATCH_HEAD_AND_TAIL_BYTES, ITEM_HEAD_BYTES};
use crate::disk::row_format::{MAX_HEAD_BYTES, RECORD_KEY_HEAD_BYTES};

/// The most batches and other jobs that wait to be carried out. Beyond it callers wait for a place, and
/// nothing is lost.
pub const MAX_WAITING: usize = 4096;

/// The most batches one group, and so one disk sync, takes. The others wait for the next, in the order they
/// came; nothing is lost.
pub const MAX_GROUP_BATCHES: usize = 512;

/// The most bytes of names and values one group takes, unless it is a single batch. The others wait for the
/// next.
pub const MAX_GROUP_BYTES: usize = 1 << 20;

/// The most puts, deletes and adds one group takes, unless it is a single batch. The others wait for the
/// next.
pub const MAX_GROUP_ROWS: usize = MAX_BATCH_ROWS;

/// The most bytes that a group takes in the journal: its largest is a single batch, sealed by one wrapper.
/// More than this is never cut off as torn after a power cut; it is damage.
pub(crate) const MAX_TORN_BYTES: usize = BATCH_HEAD_AND_TAIL_BYTES
    + MAX_BATCH_BYTES
    + SEAL_ROOM_BATCH_BYTES
    // Of each table a mark and that it is there, and the version.
    + (MAX_BATCH_ROWS + SEAL_ROOM_ROWS + 2 * (MAX_DAYS + 2) + 1)
        * (ITEM_HEAD_BYTES + RECORD_KEY_HEAD_BYTES + MAX_HEAD_BYTES);

/// The most days that have records at one time. Each costs a folder, open files and up to a write buffer of
/// memory, so a batch that would begin another one is refused as too large; nothing of it is stored. 30 days
/// of retention need 32.
pub const MAX_DAYS: usize = 128;

/// How many undated records' versions are kept in memory; with names as long as they may be 10 MB, with those
/// there are 2 MB. Beyond it they are looked up.
pub(crate) const MAX_RECENT_RECORDS: usize = 16_384;

/// How many counters are kept in memory; with names as long as they may be 2 MB. Beyond it they are looked
/// up.
pub(crate) const MAX_RECENT_COUNTERS: usize = 4096;

/// For how many rows of a day, and for how many counters, the memory of a group is kept for a later one: half
/// a megabyte each.
pub(crate) const MAX_SPARE_ROWS: usize = 8192;

/// For how many days it is known which keys their tables may hold, 2 MiB a day: the latest of those begun
/// since the store was opened. Most messages belong to today, about midnight to yesterday.
pub(crate) const MAX_FILTERS: usize = 2;

/// How many files of tables the engine keeps open. Each is one less for a host's connections; what is not
/// kept open is opened when it is read.
pub(crate) const MAX_CACHED_FILES: usize = 256;

/// How many threads write tables and compact them. With more than one, the engine's first keeps itself free
/// for tables: it puts each compaction back into its queue and takes it out again for as long as the others
/// are at work, which is a core that spins.
pub(crate) const ENGINE_THREADS: usize = 1;

/// Open files that are kept for making and removing tables and for opening the engine again, when a flood of
/// connections has taken all others.
pub(crate) const RESERVED_FILES: usize = 32;

/// How often the engine is opened again in a row: without as many groups being written in between as would
/// show that it helped, and without an hour between two. Beyond it the store stops: its threads do not tell
/// whether files were wanting or the disk is broken.
///
/// With the pauses before them it takes at least five minutes: what was wanting comes back meanwhile.
pub(crate) const MAX_OPENINGS_IN_A_ROW: u32 = 16;

/// How often it is tried to open the engine again before its callers are told that something is wanting; a
/// second passes meanwhile.
pub(crate) const OPENING_TRIES: u32 = 20;

/// How long after it was opened again the engine is opened another time, if it failed again; after each
/// further failure in a row twice as long as before.
pub(crate) const PAUSE_BEFORE_OPENING: Duration = Duration::from_millis(50);

/// But never longer.
pub(crate) const MAX_PAUSE_BEFORE_OPENING: Duration = Duration::from_secs(60);

/// How long whoever commits waits for that at most. If it takes longer, they are told to try again.
pub(crate) const LONGEST_WAIT_FOR_OPENING: Duration = Duration::from_secs(1);

/// Openings of the engine that are so far apart are not in a row.
pub(crate) const ROW_OF_OPENINGS_ENDS_AFTER: Duration = Duration::from_secs(60 * 60);

/// So many groups written since the engine was opened again show that it helped.
pub(crate) const GROUPS_THAT_SHOW_IT_HELPED: u64 = 64;

/// With so many in the open group the writer is woken whoever else might come: a sync costs each of them
/// little by then, and the disk is not to wait for a long round of the executor.
pub(crate) const BATCHES_WORTH_A_SYNC: usize = 64;

/// After so many groups it is tried again to make a table ahead.
pub(crate) const GROUPS_BEFORE_ANOTHER_TRY: u64 = 64;

/// How often a compaction looks for progress of the engine's own threads.
pub(crate) const COMPACTION_POLL: Duration = Duration::from_millis(10);

/// How often it looks before it gives up: for a minute, if nothing moves meanwhile.
pub(crate) const MAX_COMPACTION_POLLS: usize = 6000;

/// How often the lock of a store's folder is tried: a store that has just been closed may hold it a moment
/// longer.
pub(crate) const LOCK_TRIES: u32 = 3;

/// How long is waited in between.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Shorter values are copied out of the block they were read in, so that a small value does not keep a whole
/// block in memory.
pub(crate) const MIN_SHARED_BYTES: usize = 1024;

/// The longest shutdown manifest, in bytes. A store has some thousand files at most, of which a line each is
/// kept; a longer one is none.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// How long is waited before it is tried another time to open the engine again.
pub(crate) const OPENING_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand. A batch is torn at most so far: less would be taken for
    /// damage, more for torn.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!((MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_GROUP_BATCHES), (1_048_576, 65_536, 512));
        // 65,799 rows, of which each has 55 bytes besides what its batch counts.
        assert_eq!(MAX_TORN_BYTES, 26 + 16_777_216 + 8_388_864 + 3_618_945);
        let spans = [MAX_PAUSE_BEFORE_OPENING, LONGEST_WAIT_FOR_OPENING, ROW_OF_OPENINGS_ENDS_AFTER];
        assert_eq!(spans.map(|span| span.as_secs()), [60, 1, 3_600]);
    }
}
