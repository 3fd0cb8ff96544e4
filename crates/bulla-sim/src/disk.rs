use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla::base::{Clock, Partition, Rng};
use bulla::store::{Batch, Commit, Layer, MemoryStore, Store, StoreError, erase_by_page};

use super::network::below;

/// A store that takes a while to commit, as one with a disk does. Who dies meanwhile has committed nothing.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) rows: Arc<MemoryStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    /// Whether its machine has died since.
    pub(crate) is_dead: Arc<AtomicBool>,
}

impl Layer for Disk {
    type Beneath = MemoryStore;

    fn beneath(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.clock.sleep(Duration::from_millis(below(&*self.rng, 30))).await;
        if self.is_dead.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        self.rows.commit(batch).await
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
    }
}
