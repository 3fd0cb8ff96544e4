//! Blobs: what the port promises, in the same program and over TLS.

mod crashes;
mod faulty_files;
mod memory;
mod quotas;
mod retention;
mod uploads;
mod who_may;

use std::sync::Arc;

use bulla_base::{Rng, SeededRng};
use bulla_carrier::{BlobFiles, BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla_store::{BoxStore, MemoryStore};
use bulla_transport::{
    BlobError, BlobId, BlobProgress, BlobSize, Blobs, BoxBlobs, Caller, InProcess, MAX_BLOB_PART_BYTES,
    Transport,
};
use bytes::Bytes;
use tempfile::TempDir;

use crate::grpc::blobs_over_tls;
use crate::{Hands, ManualClock, NOW, alice, caller, shop};

/// The smallest blob; one of nine chunks; and one of more than three parts.
const SMALL: u64 = 4096 + 16;
const CHUNK: usize = 65_552;
const NINE_CHUNKS: u64 = 9 * CHUNK as u64;
const LARGE: u64 = 52 * CHUNK as u64;

/// A carrier with blobs in a folder, and the way to it.
struct BlobWorld {
    clock: Arc<Hands>,
    store: Arc<MemoryStore>,
    folder: Arc<TempDir>,
    rng: SeededRng,
    settings: BlobSettings,
    carrier: Arc<Carrier<BoxStore>>,
    blobs: BoxBlobs,
    us: Caller,
    her: Caller,
}

impl BlobWorld {
    /// One in the same program.
    async fn new() -> Self {
        Self::with(BlobSettings::default()).await
    }

    async fn with(settings: BlobSettings) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let (clock, store) = (Arc::new(Hands(ManualClock::new(NOW))), Arc::new(MemoryStore::new()));
        let files = FolderBlobs::open(folder.path()).unwrap();
        let carrier = opened(&store, &clock, settings, files).await;
        let (us, her) = (caller(shop(), 1), caller(alice(), 1));
        for who in [&us, &her] {
            carrier.connect(who).await.unwrap();
        }
        let blobs = BoxBlobs::new(InProcess::new(Arc::clone(&carrier)));
        let rng = SeededRng::new(1);
        Self { clock, store, folder, rng, settings, carrier, blobs, us, her }
    }

    /// One in the same program, and one over TLS.
    async fn both(settings: BlobSettings) -> [Self; 2] {
        let [near, mut far] = [Self::with(settings).await, Self::with(settings).await];
        far.blobs = blobs_over_tls(&far.carrier, far.clock.clone()).await;
        [near, far]
    }

    /// The same with another carrier on its store, over these files.
    async fn restart(mut self, files: impl BlobFiles) -> Self {
        self.carrier = opened(&self.store, &self.clock, self.settings, files).await;
        self.blobs = BoxBlobs::new(InProcess::new(Arc::clone(&self.carrier)));
        self
    }

    fn files(&self) -> FolderBlobs {
        FolderBlobs::open(self.folder.path()).unwrap()
    }

    fn id(&self) -> BlobId {
        BlobId::new(&self.rng)
    }

    /// Begins an upload and brings all of it, `part` bytes at a time.
    async fn upload(&self, from: &Caller, id: &BlobId, bytes: &Bytes, part: usize) -> BlobProgress {
        let mut progress = self.blobs.begin_upload(from, id, size(bytes.len() as u64)).await.unwrap();
        while !progress.is_complete() {
            let start = usize::try_from(progress.stored()).unwrap();
            let next = bytes.slice(start..bytes.len().min(start + part));
            progress = self.blobs.upload(from, id, start as u64, next).await.unwrap();
        }
        progress
    }

    /// A blob of so many bytes of `from`'s.
    async fn uploaded(&self, from: &Caller, bytes: u64) -> BlobId {
        let id = self.id();
        assert!(self.upload(from, &id, &content(bytes), MAX_BLOB_PART_BYTES).await.is_complete());
        id
    }

    /// All of a blob from `offset` on.
    async fn download(&self, to: &Caller, id: &BlobId, offset: u64) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        loop {
            let from = offset + bytes.len() as u64;
            let part = self.blobs.download(to, id, from, MAX_BLOB_PART_BYTES).await?;
            bytes.extend_from_slice(&part.bytes);
            if offset + bytes.len() as u64 >= part.size {
                return Ok(bytes);
            }
        }
    }

    /// How many files there are, complete and not.
    fn files_there(&self) -> [usize; 2] {
        ["complete", "partial"].map(|kind| {
            let days = std::fs::read_dir(self.folder.path().join(kind)).unwrap();
            days.map(|day| std::fs::read_dir(day.unwrap().path()).unwrap().count()).sum()
        })
    }
}

async fn opened(
    store: &Arc<MemoryStore>,
    clock: &Arc<Hands>,
    settings: BlobSettings,
    files: impl BlobFiles,
) -> Arc<Carrier<BoxStore>> {
    let (storage, verifier) = (BlobStorage::new(files, settings), Arc::new(TrustedHost));
    let (store, rng) = (Arc::clone(store), SeededRng::new(1));
    Arc::new(
        Carrier::open_with_blobs(BoxStore::new(store), clock.clone(), &rng, verifier, storage).await.unwrap(),
    )
}

fn size(bytes: u64) -> BlobSize {
    BlobSize::new(bytes).unwrap()
}

/// Bytes no part of which is like another.
fn content(bytes: u64) -> Bytes {
    let mut content = vec![0; usize::try_from(bytes).unwrap()];
    SeededRng::new(bytes).fill(&mut content);
    content.into()
}
