/// How much memory and disk the engine may use.
///
/// What has been written and not flushed stands in memory and in a journal. So what waits in memory is at
/// most what the journals hold: the full ones, the one in use (64 MiB) and a write buffer, about 144 MiB by
/// default, however many days are written to. Small rows take up to as much again. To know what was never put
/// takes 2 MiB for each of the two latest days that were begun since the store was opened. Loading five
/// million records of 32 bytes took some 310 MiB of process memory by default, and 95 MiB with a cache and
/// write buffers of 2 MiB (`cargo bench -p bulla-benches --bench store`).
///
/// ```
/// use bulla_store_fjall::FjallOptions;
///
/// let options = FjallOptions::default().cache_bytes(256 << 20).write_buffer_bytes(32 << 20);
/// assert_ne!(options, FjallOptions::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FjallOptions {
    cache_bytes: u64,
    max_journal_bytes: u64,
    write_buffer_bytes: u64,
}

const MIB: u64 = 1 << 20;

impl Default for FjallOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 * MIB, max_journal_bytes: 64 * MIB, write_buffer_bytes: 16 * MIB }
    }
}

impl FjallOptions {
    /// Bytes of memory for blocks that were read. Default 32 MiB, at least 1 MiB.
    ///
    /// Too little costs a disk read per look-up that misses the write buffers; all of it is in use after a
    /// while, so too much is memory that nothing else gets.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = at_least(bytes, MIB);
        self
    }

    /// Bytes of full journals beyond which write buffers are flushed so that journals can go. Default 64 MiB,
    /// which is also the least.
    ///
    /// The journal in use comes on top (64 MiB and one write buffer), and what is written while a flush waits
    /// for tables that are being merged, so disk holds two to three times this for journals. More means fewer
    /// and larger flushes, but a reopen after a crash replays it all, at roughly a second per 256 MiB, and
    /// deleted bytes stay in it longer.
    #[must_use]
    pub const fn max_journal_bytes(mut self, bytes: u64) -> Self {
        self.max_journal_bytes = at_least(bytes, 64 * MIB);
        self
    }

    /// Bytes of memory that recent writes of one day (or of the undated records, or of the counters) take
    /// before they are flushed to a file. Default 16 MiB, at least 1 MiB.
    ///
    /// Up to five may exist per day that is written to at the same time, four of them waiting for the disk.
    /// Less means more small files, more compaction, and more often a commit that waits while a file is
    /// synced. A day keeps the size it was begun with.
    #[must_use]
    pub const fn write_buffer_bytes(mut self, bytes: u64) -> Self {
        self.write_buffer_bytes = at_least(bytes, MIB);
        self
    }

    pub(crate) const fn cache(self) -> u64 {
        self.cache_bytes
    }

    pub(crate) const fn max_journal(self) -> u64 {
        self.max_journal_bytes
    }

    pub(crate) const fn write_buffer(self) -> u64 {
        self.write_buffer_bytes
    }
}

const fn at_least(bytes: u64, least: u64) -> u64 {
    if bytes < least { least } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_the_engine_would_refuse_are_raised_to_the_least_it_takes() {
        let least = FjallOptions::default().cache_bytes(MIB).write_buffer_bytes(MIB);
        assert_eq!(FjallOptions::default().cache_bytes(0).max_journal_bytes(0).write_buffer_bytes(0), least);
        assert_eq!(FjallOptions::default().max_journal_bytes(64 * MIB + 1).max_journal(), 64 * MIB + 1);
    }
}
