//! Everything the engine can be given too much of.

/// The most batches and other jobs that wait for the committer. Beyond it callers wait for a place, and nothing is lost.
pub const MAX_WAITING: usize = 4096;

/// The most batches one group, and so one disk sync, takes. The others wait for the next.
pub const MAX_GROUP_BATCHES: usize = 512;

/// The bytes of names and values from which on a group takes no further batch: a group is at most one batch larger than this.
pub const MAX_GROUP_BYTES: usize = 1 << 20;

/// The most days that have records at one time. Each costs a folder, open files and up to a write buffer of memory, so a batch that would
/// begin another one is refused as too large; nothing of it is stored. 30 days of retention need 32.
pub const MAX_DAYS: usize = 128;

/// How many undated records' versions are kept in memory; with names as long as they may be 10 MB, with those there are 2 MB. Beyond it they
/// are looked up.
pub(crate) const MAX_RECENT: usize = 16_384;
