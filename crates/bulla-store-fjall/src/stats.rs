use std::sync::atomic::{AtomicU64, Ordering};

/// What has been written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Batches that were committed. Those answered with a conflict or an error are not counted.
    pub commits: u64,
    /// Groups of batches that were carried out together.
    pub groups: u64,
    /// Times the disk was asked to sync: once for each group that had something to write.
    pub syncs: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    commits: AtomicU64,
    groups: AtomicU64,
    syncs: AtomicU64,
}

impl Tally {
    pub(crate) fn group(&self, commits: u64) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits, Ordering::Relaxed);
    }

    pub(crate) fn sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
        }
    }
}
