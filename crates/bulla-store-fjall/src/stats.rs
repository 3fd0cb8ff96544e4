use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::metrics::{COMMITS, GROUP, REFUSED, REOPENED, SYNC};

/// What has happened since the store was opened, and what there is now.
///
/// For hosts without a recorder of the `metrics` facade, which hears the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Batches that were committed.
    pub commits: u64,
    /// Batches that were answered with a conflict or an error of their own.
    pub refused: u64,
    /// Batches that were not stored for want of something, and can be tried again.
    pub unavailable: u64,
    /// Groups of batches that were carried out together.
    pub groups: u64,
    /// Times the disk was asked to sync: once for each group that had something to write.
    pub syncs: u64,
    /// How long writing and syncing took, altogether.
    pub sync_time: Duration,
    /// How long it took at the longest.
    pub longest_sync: Duration,
    /// Times the engine was opened again, after its own threads had failed.
    pub reopened: u64,
    /// Days that have a table now.
    pub days: usize,
    /// Batches that wait for room in a group now.
    pub waiting: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    commits: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
    groups: AtomicU64,
    syncs: AtomicU64,
    sync_nanos: AtomicU64,
    longest_sync_nanos: AtomicU64,
    reopened: AtomicU64,
}

impl Tally {
    /// A group was carried out, of which so many batches were committed.
    pub(crate) fn group(&self, batches: u64, commits: u64) {
        let refused = batches.saturating_sub(commits);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits, Ordering::Relaxed);
        self.refused.fetch_add(refused, Ordering::Relaxed);
        metrics::counter!(COMMITS).increment(commits);
        // Also when none was: a series that is there from the beginning shows its first rise.
        metrics::counter!(REFUSED, "reason" => "conflict").increment(refused);
        metrics::histogram!(GROUP).record(u32::try_from(commits).unwrap_or(u32::MAX));
    }

    /// So many batches were not stored, and can be tried again.
    pub(crate) fn unavailable(&self, batches: u64) {
        self.unavailable.fetch_add(batches, Ordering::Relaxed);
        metrics::counter!(REFUSED, "reason" => "unavailable").increment(batches);
    }

    /// A write and its sync took so long.
    pub(crate) fn sync(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.longest_sync_nanos.fetch_max(nanos, Ordering::Relaxed);
        metrics::histogram!(SYNC).record(took);
    }

    pub(crate) fn reopened(&self) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(REOPENED).increment(1);
    }

    /// With so many days and so many batches that wait.
    pub(crate) fn stats(&self, days: usize, waiting: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&self.commits),
            refused: read(&self.refused),
            unavailable: read(&self.unavailable),
            groups: read(&self.groups),
            syncs: read(&self.syncs),
            sync_time: Duration::from_nanos(read(&self.sync_nanos)),
            longest_sync: Duration::from_nanos(read(&self.longest_sync_nanos)),
            reopened: read(&self.reopened),
            days,
            waiting,
        }
    }
}
