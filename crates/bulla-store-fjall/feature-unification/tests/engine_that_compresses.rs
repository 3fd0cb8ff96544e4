#![allow(clippy::unwrap_used, reason = "a test that fails should say so by panicking")]

//! What the store keeps, in a build in which a host has the engine compress.
//!
//! With one line `fjall = "3.1"` in a host's manifest the journal held compressed rows from 4 KiB on. The
//! check of the journal's end took the first of them for a torn batch: 50 of 100 acknowledged records were
//! left after a clean close, and where more came behind it nothing opened.

use std::fs;
use std::path::Path;

use bulla_base::{Partition, Timestamp};
use bulla_store::{Batch, Commit, Key, Space, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const LINE: &str = "meet me at the ziggurat at noon, and bring the clay tokens; ";

fn key(number: usize) -> Key {
    Key::dated(Space::new(7), NOW.day(), number.to_string())
}

/// From 4,000 characters, as many bytes as each may have, to the largest value: all compress well.
fn text(number: usize) -> String {
    let characters = [4000, 4095, 4096, 4097, 12_000, 1 << 20][number % 6];
    LINE.chars().cycle().skip(number).take(characters).collect()
}

async fn write(store: &FjallStore, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let mut batch = Batch::new(ALICE);
        batch.put(key(number), text(number));
        assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
    }
}

async fn is_all_there(folder: &Path, count: usize) -> FjallStore {
    let store = FjallStore::open(folder, FjallOptions::default()).unwrap();
    for number in 0..count {
        let record = store.get(ALICE, &key(number), NOW).await.unwrap();
        assert_eq!(record.map(|record| record.value), Some(text(number).into()), "record {number} of {count}");
    }
    store
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() { copy(&file.path(), &to) } else { drop(fs::copy(file.path(), to)) }
    }
}

/// How often the line stands in the files of `folder` as it was written.
fn lines_in_the_clear(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lines_of = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(LINE.len()).filter(|window| *window == LINE.as_bytes()).count()
    };
    entries.map(|path| if path.is_dir() { lines_in_the_clear(&path) } else { lines_of(&path) }).sum()
}

#[tokio::test]
async fn large_records_survive_a_close_a_crash_and_a_compaction() {
    let folder = TempDir::new().unwrap();
    let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
    write(&store, 0..60).await;
    store.close().await.unwrap();
    let store = is_all_there(folder.path(), 60).await;
    write(&store, 60..120).await;
    let crashed = TempDir::new().unwrap();
    copy(folder.path(), crashed.path());
    is_all_there(crashed.path(), 120).await;
    store.compact().await.unwrap();
    store.close().await.unwrap();
    is_all_there(folder.path(), 120).await.close().await.unwrap();
}

/// Neither the journal nor a table, whatever the engine would do by default.
#[tokio::test]
async fn nothing_is_compressed() {
    let folder = TempDir::new().unwrap();
    let store = FjallStore::open(folder.path(), FjallOptions::default().write_buffer_bytes(1 << 20)).unwrap();
    write(&store, 0..60).await;
    let written: usize = (0..60).map(|number| text(number).len() / LINE.len()).sum();
    assert!(lines_in_the_clear(folder.path()) >= written * 9 / 10, "the journal");
    store.compact().await.unwrap();
    store.close().await.unwrap();
    // What was compacted stands in tables alone, in their lowest level.
    assert!(lines_in_the_clear(&folder.path().join("keyspaces")) >= written * 9 / 10, "the tables");
}

/// Or the two above would tell nothing.
#[test]
fn the_engine_compresses_in_this_build_unless_it_is_told_not_to() {
    let folder = TempDir::new().unwrap();
    let database = fjall::Database::builder(folder.path()).open().unwrap();
    let table = database.keyspace("table", fjall::KeyspaceCreateOptions::default).unwrap();
    table.insert("key", text(5)).unwrap();
    database.persist(fjall::PersistMode::SyncAll).unwrap();
    assert!(lines_in_the_clear(folder.path()) < 10, "fjall's default has changed");
}
