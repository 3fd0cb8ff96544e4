use std::io;
use std::sync::Arc;

use bulla_base::{Clock, Day, Partition};
use bulla_store::{CachedStore, Store};
use bulla_transport::{BlobError, TransportError};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::{BlobFiles, BlobName, BlobStorage, FoundBlob};
use crate::limits::BLOB_LOCKS;

/// What works on blobs, apart from who may. Clones work on the same.
pub(crate) struct BlobWork<S> {
    pub(super) store: Arc<CachedStore<S>>,
    pub(super) storage: BlobStorage,
    pub(super) clock: Arc<dyn Clock>,
    locks: Arc<Locks>,
}

/// Parties and blobs share locks by their first bits: there is a bounded number of them, whoever comes.
struct Locks {
    /// Who changes something of an uploader reads; who erases the uploader writes.
    uploaders: Box<[Arc<RwLock<()>>]>,
    /// Who changes a blob.
    blobs: Box<[Arc<Mutex<()>>]>,
    /// Who counts for an uploader.
    usages: Box<[Mutex<()>]>,
}

/// Nobody else changes the blob, nor erases its uploader, until this is dropped.
pub(super) struct Held {
    _uploader: OwnedRwLockReadGuard<()>,
    _blob: OwnedMutexGuard<()>,
}

impl<S: Store> BlobWork<S> {
    pub(crate) fn new(store: Arc<CachedStore<S>>, storage: BlobStorage, clock: Arc<dyn Clock>) -> Self {
        let locks = Locks {
            uploaders: (0..BLOB_LOCKS).map(|_| Arc::default()).collect(),
            blobs: (0..BLOB_LOCKS).map(|_| Arc::default()).collect(),
            usages: (0..BLOB_LOCKS).map(|_| Mutex::default()).collect(),
        };
        Self { store, storage, clock, locks: Arc::new(locks) }
    }

    /// The lock of a blob of this uploader's.
    pub(super) async fn hold(&self, uploader: Partition, name: &BlobName) -> Held {
        let uploader = Arc::clone(&self.locks.uploaders[place(uploader.as_bytes())]).read_owned().await;
        let blob = Arc::clone(&self.locks.blobs[place(name.as_bytes())]).lock_owned().await;
        Held { _uploader: uploader, _blob: blob }
    }

    /// Waits until nothing of an uploader's is changed any more, and keeps it so.
    pub(super) async fn hold_all(&self, uploader: Partition) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.locks.uploaders[place(uploader.as_bytes())]).write_owned().await
    }

    pub(super) fn usage_lock(&self, uploader: Partition) -> &Mutex<()> {
        &self.locks.usages[place(uploader.as_bytes())]
    }

    /// Has `work` done on a thread that may wait for a disk.
    pub(super) async fn on_disk<R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn BlobFiles) -> io::Result<R> + Send + 'static,
    ) -> Result<R, BlobError> {
        let files = Arc::clone(&self.storage.files);
        let done = tokio::task::spawn_blocking(move || work(&*files)).await;
        // It panicked, or the runtime ends.
        done.map_err(TransportError::carrier_failed)?.map_err(disk_failed)
    }

    /// Where a blob stands, if it does.
    pub(super) async fn find(&self, name: &BlobName) -> Result<Option<(Day, FoundBlob)>, BlobError> {
        let (settings, now, name) = (self.storage.settings, self.clock.now(), *name);
        self.on_disk(move |files| {
            let [_, oldest_partial] = settings.oldest_days(now);
            for day in settings.days(now) {
                let found = files.find(day, &name)?;
                if let Some(found) = found.filter(|found| found.is_complete || day >= oldest_partial) {
                    return Ok(Some((day, found)));
                }
            }
            Ok(None)
        })
        .await
    }
}

impl<S> Clone for BlobWork<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            storage: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            locks: Arc::clone(&self.locks),
        }
    }
}

/// Keyed tags and hashes: any bytes of them are spread evenly.
fn place<const N: usize>(bytes: &[u8; N]) -> usize {
    let first = bytes.iter().take(2).fold(0, |number, byte| number << 8 | usize::from(*byte));
    first & (BLOB_LOCKS - 1)
}

/// A disk's failure, as who uses it sees it. What is full is told apart: it may have room again.
fn disk_failed(error: io::Error) -> BlobError {
    match error.kind() {
        // Its day was dropped, or it was deleted, between two looks.
        io::ErrorKind::NotFound => BlobError::Unknown,
        kind => {
            tracing::error!(error = &error as &dyn std::error::Error, "the disk of blobs failed");
            match kind {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::StorageFull,
                _ => TransportError::carrier_failed(error).into(),
            }
        }
    }
}
