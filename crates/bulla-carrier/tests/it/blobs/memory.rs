//! What moving a blob takes of memory, whatever its size.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bulla_base::{Day, ManualClock, SeededRng};
use bulla_carrier::{BlobFiles, BlobName, BlobSettings, FoundBlob};
use bulla_store::MemoryStore;
use bulla_transport::{BlobId, Blobs, MAX_BLOB_PART_BYTES, Transport};
use bytes::Bytes;

use super::{opened, size};
use crate::grpc::blobs_over_tls;
use crate::{Hands, NOW, alice, caller};

static BYTES: [u8; MAX_BLOB_PART_BYTES] = [7; MAX_BLOB_PART_BYTES];

/// One blob of sevens, which takes no memory: what is counted is the carrier's and its client's.
#[derive(Debug, Clone, Default)]
struct Sevens {
    stored: Arc<AtomicU64>,
    is_complete: Arc<AtomicU64>,
    /// The most bytes that one call moved.
    most: Arc<AtomicUsize>,
}

impl BlobFiles for Sevens {
    fn find(&self, day: Day, _: &BlobName) -> io::Result<Option<FoundBlob>> {
        let (stored, is_complete) =
            (self.stored.load(Ordering::SeqCst), self.is_complete.load(Ordering::SeqCst) > 0);
        Ok((day == NOW.day() && stored > 0).then_some(FoundBlob::new(is_complete, stored)))
    }

    fn create(&self, _: Day, _: &BlobName) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, _: Day, _: &BlobName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert!(bytes.iter().all(|byte| *byte == 7));
        self.most.fetch_max(bytes.len(), Ordering::SeqCst);
        self.stored.store(offset + bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn complete(&self, _: Day, _: &BlobName) -> io::Result<()> {
        self.is_complete.store(1, Ordering::SeqCst);
        Ok(())
    }

    fn read(&self, _: Day, _: &BlobName, offset: u64, at_most: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.stored.load(Ordering::SeqCst) - offset).unwrap();
        self.most.fetch_max(left.min(at_most), Ordering::SeqCst);
        Ok(Bytes::from_static(&BYTES[..left.min(at_most).min(BYTES.len())]))
    }

    fn remove(&self, _: Day, _: &BlobName) -> io::Result<()> {
        Ok(())
    }

    fn drop_days_before(&self, _: Day, _: Day) -> io::Result<()> {
        Ok(())
    }
}

/// The most bytes that both sides held at a time while a blob of this size went up and down over TLS.
fn held(bytes: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let files = Sevens::default();
    let (blobs, her, _carrier) = runtime.block_on(async {
        let (clock, store) = (Arc::new(Hands(ManualClock::new(NOW))), Arc::new(MemoryStore::new()));
        let carrier = opened(&store, &clock, BlobSettings::default(), files.clone()).await;
        let her = caller(alice(), 1);
        carrier.connect(&her).await.unwrap();
        (blobs_over_tls(&carrier, clock).await, her, carrier)
    });
    let id = BlobId::new(&SeededRng::new(1));
    let moved = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut progress = blobs.begin_upload(&her, &id, size(bytes)).await.unwrap();
            // The files find a blob when it has a byte.
            files.stored.store(1, Ordering::SeqCst);
            while !progress.is_complete() {
                let left = usize::try_from(bytes - progress.stored()).unwrap();
                let part = Bytes::from_static(&BYTES[..left.min(BYTES.len())]);
                progress = blobs.upload(&her, &id, progress.stored(), part).await.unwrap();
            }
            let mut got = 0;
            while got < bytes {
                let part = blobs.download(&her, &id, got, MAX_BLOB_PART_BYTES).await.unwrap();
                assert!(!part.bytes.is_empty() && part.bytes.iter().all(|byte| *byte == 7));
                got += part.bytes.len() as u64;
            }
        });
    });
    assert!(files.most.load(Ordering::SeqCst) <= MAX_BLOB_PART_BYTES);
    moved.bytes_max
}

#[test]
fn the_memory_of_a_transfer_does_not_grow_with_the_blob() {
    let [small, large] = [52 * 65_552, 832 * 65_552].map(held);
    println!("held: {small} bytes for 3.25 MiB, {large} for 52 MiB");
    assert!(large < 6 << 20, "{large}");
    assert!(large < small + (1 << 20), "{small} and {large}");
}
