#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod conformance;
mod disk;
mod groups;
mod lifecycle;
mod model;
mod torn;

use bulla_base::{Day, Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, Space, Store, Version};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const SPACE: Space = Space::new(7);
const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// A store in a directory that goes with it.
struct Fresh {
    store: FjallStore,
    folder: TempDir,
}

impl Fresh {
    fn open() -> Self {
        let folder = TempDir::new().unwrap();
        Self { store: open(&folder), folder }
    }

    /// Closes the store and opens it again.
    async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        self.store = open(&self.folder);
    }
}

fn open(folder: &TempDir) -> FjallStore {
    FjallStore::open(folder.path(), FjallOptions::default()).unwrap()
}

fn put(key: &Key, value: impl Into<bytes::Bytes>) -> Batch {
    let mut batch = Batch::new(ALICE);
    batch.put(key.clone(), value);
    batch
}

fn today(name: &str) -> Key {
    Key::dated(SPACE, NOW.day(), name.to_owned())
}

fn day(ago: u32) -> Day {
    NOW.day().minus(ago)
}

async fn committed(store: &impl Store, batch: Batch) -> Version {
    match store.commit(batch).await.unwrap() {
        Commit::Committed(version) => version,
        other => panic!("{other:?}"),
    }
}

async fn value(store: &impl Store, key: &Key) -> Option<Vec<u8>> {
    store.get(ALICE, key, NOW).await.unwrap().map(|record| record.value.to_vec())
}

/// Runs a test on four threads.
fn run(test: impl Future<Output = ()>) {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    threads.block_on(test);
}
