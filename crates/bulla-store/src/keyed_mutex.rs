use bulla_base::Partition;
use tokio::sync::{Mutex, MutexGuard};

use crate::limits::KEYED_LOCKS;

/// Lets one task at a time work on a partition, so that what it reads is still so when it commits.
///
/// Compare-and-swap guards every batch all the same; the lock keeps the losers from working in vain, and
/// keeps the order in which they came. Partitions share locks by their first bits: there is a bounded number
/// of them, whoever comes.
///
/// # Cost
/// About 300 KiB. Two partitions of the same lock wait for each other's commits.
#[derive(Debug)]
pub struct KeyedMutex(Box<[Mutex<()>]>);

impl Default for KeyedMutex {
    fn default() -> Self {
        Self((0..KEYED_LOCKS).map(|_| Mutex::new(())).collect())
    }
}

impl KeyedMutex {
    /// With nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the lock of `partition` and holds it until the guard is dropped. First come, first served.
    pub async fn lock(&self, partition: Partition) -> MutexGuard<'_, ()> {
        self.of(partition).lock().await
    }

    /// The lock of `partition`, if nobody has it. Partitions share locks: who holds that of one may be
    /// refused another.
    #[must_use]
    pub fn try_lock(&self, partition: Partition) -> Option<MutexGuard<'_, ()>> {
        self.of(partition).try_lock().ok()
    }

    fn of(&self, partition: Partition) -> &Mutex<()> {
        // Partitions are keyed tags, so that any bytes of them are spread evenly.
        let [first, second, ..] = *partition.as_bytes();
        &self.0[usize::from(u16::from_be_bytes([first, second])) & (KEYED_LOCKS - 1)]
    }
}
