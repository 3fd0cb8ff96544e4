//! What a power cut leaves of the batch that was being written: any of its sectors, in any choice.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bulla_store::Key;
use bulla_store_fjall::{FjallOptions, FjallStore, OpenError};
use tempfile::TempDir;

use crate::{Fresh, SPACE, committed, put, run, value};

const SECTOR: usize = 512;

fn key(number: u8) -> Key {
    Key::undated(SPACE, vec![number])
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("0.jnl")
}

/// How far something was written into the journal.
fn written(folder: &Path) -> usize {
    fs::read(journal(folder)).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &to)
        } else {
            assert!(fs::copy(file.path(), to).is_ok())
        }
    }
}

/// The engine wrote a batch over several sectors, and the power went before the sync. The disk had taken some of them, not in their order. The
/// store could not be opened any more, though nobody had been told of that batch.
#[test]
fn a_torn_last_batch_is_as_if_it_had_never_been() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        for number in 0..5 {
            committed(&store, put(&key(number), vec![number + 1; 300])).await;
        }
        let before = written(folder.path());
        committed(&store, put(&key(9), vec![9; 5000])).await;
        let after = written(folder.path());
        let crashed = TempDir::new().unwrap();
        copy(folder.path(), &crashed.path().join("store"));
        for start in (before / SECTOR * SECTOR..after).step_by(SECTOR) {
            let torn = TempDir::new().unwrap();
            let path = torn.path().join("store");
            copy(&crashed.path().join("store"), &path);
            let from = start.max(before);
            let mut file = OpenOptions::new().write(true).open(journal(&path)).unwrap();
            file.seek(SeekFrom::Start(from as u64)).unwrap();
            file.write_all(&vec![0; (start + SECTOR).min(after) - from]).unwrap();
            let store = FjallStore::open(&path, FjallOptions::default());
            let store =
                store.unwrap_or_else(|error| panic!("sector {start} of {before}..{after}: {error:?}"));
            for number in 0..5 {
                assert_eq!(value(&store, &key(number)).await, Some(vec![number + 1; 300]));
            }
            assert_eq!(value(&store, &key(9)).await, None);
            committed(&store, put(&key(8), "goes on")).await;
            store.close().await.unwrap();
            let store = FjallStore::open(&path, FjallOptions::default()).unwrap();
            assert_eq!(value(&store, &key(8)).await.as_deref(), Some(&b"goes on"[..]));
            assert_eq!(value(&store, &key(4)).await, Some(vec![5; 300]));
        }
    });
}

/// Where something behind it can be read, a damaged batch was not the last; what follows it was acknowledged and must not go with it.
#[test]
fn a_damaged_batch_before_the_last_is_told() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        committed(&store, put(&key(0), vec![1; 300])).await;
        let before = written(folder.path());
        committed(&store, put(&key(1), vec![2; 300])).await;
        let after = written(folder.path());
        committed(&store, put(&key(2), vec![3; 300])).await;
        store.close().await.unwrap();
        let good = fs::read(journal(folder.path())).unwrap()[..written(folder.path())].to_vec();
        // The engine's checksum leaves its sequence number out.
        for place in (before..after).step_by(3).filter(|place| !(before + 5..before + 13).contains(place)) {
            let mut bad = good.clone();
            bad[place] ^= 0x40;
            fs::write(journal(folder.path()), &bad).unwrap();
            let error = FjallStore::open(folder.path(), FjallOptions::default()).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { what: "journal" }), "byte {place}: {error:?}");
            assert_eq!(fs::read(journal(folder.path())).unwrap(), bad, "it is left for somebody to mend");
        }
        fs::write(journal(folder.path()), &good).unwrap();
        let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        assert_eq!(value(&store, &key(2)).await, Some(vec![3; 300]));
    });
}
