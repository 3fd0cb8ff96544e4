use bulla_store::{Fault, Store, StoreError};
use bulla_transport::BlobError;

use super::BlobWork;
use crate::limits::SWEEP_INTERVAL;

impl<S: Store> BlobWork<S> {
    /// Drops the days that are over, once an hour. What fails is tried again with the next.
    pub(crate) async fn keep_sweeping(self) -> Result<(), StoreError> {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "blobs that are over were not dropped"
                );
            }
            self.clock.sleep(SWEEP_INTERVAL).await;
        }
    }

    /// Drops the days that are over: they are not read any more, and leave the disk.
    pub(crate) async fn sweep(&self) -> Result<(), BlobError> {
        let [complete, partial] = self.storage.settings.oldest_days(self.clock.now());
        self.on_disk(move |files| files.drop_days_before(complete, partial)).await
    }
}

/// The failure of a disk, for those who know of the store's alone.
pub(crate) fn disk_unavailable(error: BlobError) -> StoreError {
    StoreError::wrapper(Fault::Unavailable, error)
}
