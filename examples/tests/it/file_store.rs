//! The engine of the guide: that it is right, and that the guide shows what is there.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use bulla::base::{Partition, Rng, SeededRng, Timestamp};
use bulla::store::{Batch, Commit, Key, Space, Store, conformance};
use bulla_examples::file_store::FileStore;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

#[test]
fn the_file_engine_keeps_every_rule() {
    let (folder, opened) = (TempDir::new().unwrap(), Cell::new(0));
    run(conformance::all(async || {
        opened.set(opened.get() + 1);
        FileStore::open(folder.path().join(opened.get().to_string())).unwrap()
    }));
}

#[test]
fn the_file_engine_answers_as_the_model_does_also_when_it_was_opened_again() {
    let rng = SeededRng::new(7);
    for _ in 0..20 {
        let folder = TempDir::new().unwrap();
        let open = || FileStore::open(folder.path().join("log")).unwrap();
        let mut steps = vec![[0; 64]; 60];
        steps.iter_mut().for_each(|step| rng.fill(step));
        let reopen = async |store| {
            drop(store);
            open()
        };
        run(conformance::walk(open(), reopen, &steps));
    }
}

#[test]
fn wherever_the_log_is_cut_all_whole_entries_are_there() {
    run(async {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut ends = vec![0];
        {
            let store = FileStore::open(&path).unwrap();
            for number in 0..5 {
                put(&store, number).await;
                ends.push(fs::metadata(&path).unwrap().len());
            }
        }
        let log = fs::read(&path).unwrap();
        for cut in 0..=log.len() {
            let path = folder.path().join("cut");
            fs::write(&path, &log[..cut]).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut as u64).count() - 1;
            let store = FileStore::open(&path).unwrap();
            assert_eq!(count(&store).await, whole, "cut after {cut} bytes");
            put(&store, 9).await;
            drop(store);
            assert_eq!(count(&FileStore::open(&path).unwrap()).await, whole + 1, "goes on after {cut} bytes");
        }
    });
}

/// A length that a flipped bit had made longer than the rest of the file was taken for an entry that the
/// power had cut, and what was acknowledged behind it was cut off.
#[test]
fn a_log_damaged_before_its_end_is_not_opened() {
    run(async {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let store = FileStore::open(&path).unwrap();
        put(&store, 0).await;
        let first = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        put(&store, 1).await;
        assert!(FileStore::open(&path).is_err(), "one file is open once");
        drop(store);
        let log = fs::read(&path).unwrap();
        for byte in 0..first {
            for bit in 0..8 {
                let mut damaged = log.clone();
                damaged[byte] ^= 1 << bit;
                fs::write(&path, &damaged).unwrap();
                assert!(FileStore::open(&path).is_err(), "bit {bit} of byte {byte}");
                assert!(fs::read(&path).unwrap() == damaged, "it is left for somebody to mend");
            }
        }
    });
}

/// After a power cut a file may be as long as it was to become and hold zeros there. Such a log was not
/// opened any more.
#[test]
fn a_log_that_ends_in_zeros_ends_before_them() {
    run(async {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let store = FileStore::open(&path).unwrap();
        put(&store, 0).await;
        drop(store);
        let log = fs::read(&path).unwrap();
        for zeros in [1, 11, 12, 19, 20, 21, 4096] {
            fs::write(&path, [&log[..], &vec![0; zeros]].concat()).unwrap();
            let store = FileStore::open(&path).unwrap();
            assert_eq!(count(&store).await, 1, "{zeros} zeros");
            put(&store, 9).await;
            drop(store);
            assert_eq!(count(&FileStore::open(&path).unwrap()).await, 2, "goes on after {zeros} zeros");
        }
    });
}

/// Every piece of code the guide quotes stands in the engine, line for line, but for the hidden lines that
/// let it be compiled by itself.
#[test]
fn the_guide_quotes_the_engine_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let page = read("../crates/bulla/src/guide/write_an_engine.md");
    let engine = [read("src/file_store.rs"), read("src/file_store/log.rs"), read("tests/it/file_store.rs")];
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let engine = lines(&engine.join("\n"));
    assert!(!page.contains("```rust,"), "all of them are compiled");
    let pieces: Vec<_> =
        page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(pieces.len() >= 4, "{} pieces are quoted", pieces.len());
    for piece in pieces {
        let shown: Vec<_> = piece.lines().filter(|line| !line.starts_with("# ")).collect();
        let shown = lines(&shown.join("\n"));
        assert!(!shown.is_empty() && engine.contains(&shown), "the engine does not say:\n{shown}");
    }
}

async fn put(store: &FileStore, number: u8) {
    let mut batch = Batch::new(Partition::from_bytes([1; 16]));
    batch.put(Key::undated(Space::new(1), vec![number]), vec![number; 9]);
    assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
}

async fn count(store: &FileStore) -> usize {
    let scan = bulla::store::Scan::undated(Space::new(1));
    store.scan(Partition::from_bytes([1; 16]), &scan, NOW).await.unwrap().len()
}
