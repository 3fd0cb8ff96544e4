#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod checks;
mod conformance;
mod corpus;
mod deleted_bytes;
mod groups;
mod lifecycle;
mod missing_files;
mod model;
mod shortage;
mod torn_journal;

use std::path::Path;

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

/// Takes away what was written down when the store was closed, so that it lies as after a crash.
fn as_if_not_closed(folder: &Path) {
    std::fs::remove_file(folder.join("closed")).ok();
    assert!(!folder.join("closed").exists());
}

/// How a directory lies when nobody holds it: a store in use is copied as a crash would leave it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &to)
        } else {
            assert!(std::fs::copy(file.path(), to).is_ok())
        }
    }
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
