//! What a power cut leaves of the batch that was being written: any of its sectors, in any choice.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bulla_store::Key;
use bulla_store_fjall::{FjallOptions, FjallStore, OpenError};
use tempfile::TempDir;

use crate::{Fresh, SPACE, as_if_not_closed, committed, copy, put, run, value};

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

/// The engine wrote a batch over several sectors, and the power went before the sync. The disk had taken some
/// of them, not in their order. The store could not be opened any more, though nobody had been told of that
/// batch.
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

/// A process was killed between two writes of one batch: what it wrote ended anywhere, and the store was said
/// to be damaged.
#[test]
fn a_last_batch_that_was_written_up_to_any_byte_is_as_if_it_had_never_been() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        committed(&store, put(&key(0), vec![1; 300])).await;
        let before = written(folder.path());
        committed(&store, put(&key(1), vec![9; 40])).await;
        let after = written(folder.path());
        for end in before..after {
            let killed = TempDir::new().unwrap();
            let path = killed.path().join("store");
            copy(folder.path(), &path);
            let mut file = OpenOptions::new().write(true).open(journal(&path)).unwrap();
            file.seek(SeekFrom::Start(end as u64)).unwrap();
            file.write_all(&vec![0; after - end]).unwrap();
            let store = FjallStore::open(&path, FjallOptions::default());
            let store =
                store.unwrap_or_else(|error| panic!("written up to {end} of {before}..{after}: {error:?}"));
            assert_eq!(value(&store, &key(0)).await, Some(vec![1; 300]));
            assert_eq!(value(&store, &key(1)).await, None);
        }
    });
}

/// Where something behind it can be read, a damaged batch was not the last; what follows it was acknowledged
/// and must not go with it.
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
        as_if_not_closed(folder.path());
        let good = fs::read(journal(folder.path())).unwrap()[..written(folder.path())].to_vec();
        for place in (before..before + 26).chain((before + 26..after).step_by(3)) {
            let mut bad = good.clone();
            bad[place] ^= 0x40;
            fs::write(journal(folder.path()), &bad).unwrap();
            let error = FjallStore::open(folder.path(), FjallOptions::default()).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { what: "journal", .. }), "byte {place}: {error:?}");
            assert_eq!(fs::read(journal(folder.path())).unwrap(), bad, "it is left for somebody to mend");
        }
        fs::write(journal(folder.path()), &good).unwrap();
        let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        assert_eq!(value(&store, &key(2)).await, Some(vec![3; 300]));
    });
}

/// What the engine wrote after an update, or with a feature that somebody else had turned on: every batch is
/// whole, and none is as we know it. The whole journal was cut off, with a mild warning.
#[test]
fn batches_of_another_version_are_damage_and_nothing_is_cut_off() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        for number in 0..100 {
            committed(&store, put(&key(number), vec![0; 700])).await;
        }
        store.close().await.unwrap();
        as_if_not_closed(folder.path());
        let good = fs::read(journal(folder.path())).unwrap();
        let mut bad = good.clone();
        let trailers: Vec<_> =
            (0..bad.len() - 4).filter(|start| good[*start..].starts_with(b"FJL\x03")).collect();
        assert!(trailers.len() >= 100);
        trailers.iter().for_each(|start| bad[start + 3] = 4);
        refused(folder.path(), &bad);
        // Of the last alone as well.
        let mut bad = good.clone();
        bad[trailers.last().unwrap() + 3] = 4;
        refused(folder.path(), &bad);
        fs::write(journal(folder.path()), &good).unwrap();
        assert!(FjallStore::open(folder.path(), FjallOptions::default()).is_ok());
    });
}

/// In the last batch, behind which nothing could be read either.
#[test]
fn last_batch_that_is_not_understood_is_damage() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        committed(&store, put(&key(0), vec![1; 300])).await;
        let before = written(folder.path());
        committed(&store, put(&key(1), vec![2; 300])).await;
        store.close().await.unwrap();
        as_if_not_closed(folder.path());
        let good = fs::read(journal(folder.path())).unwrap();
        // The beginning of the batch; the first row, its kind and its compression; and a byte of its value.
        for (place, byte) in
            [(before, 5), (before + 13, 9), (before + 14, 3), (before + 15, 1), (before + 200, 7)]
        {
            let mut bad = good.clone();
            bad[place] = byte;
            refused(folder.path(), &bad);
        }
    });
}

/// It was a group and no more, or it was not torn.
#[test]
fn tail_longer_than_one_group_is_never_cut_off() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        committed(&store, put(&key(0), vec![1; 300])).await;
        store.close().await.unwrap();
        as_if_not_closed(folder.path());
        let (end, mut bad) = (written(folder.path()), fs::read(journal(folder.path())).unwrap());
        // A sector of zeros first, which alone would explain that nothing behind it can be read.
        bad[end + 1024..end + (40 << 20)].fill(9);
        refused(folder.path(), &bad);
    });
}

/// A journal that is full was synced before the next was begun: nothing of it is torn.
#[test]
fn a_torn_batch_with_a_journal_behind_it_is_damage() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        committed(&store, put(&key(0), vec![1; 5000])).await;
        let middle = written(folder.path());
        committed(&store, put(&key(1), vec![2; 300])).await;
        store.close().await.unwrap();
        as_if_not_closed(folder.path());
        let (end, good) = (written(folder.path()), fs::read(journal(folder.path())).unwrap());
        fs::write(folder.path().join("1.jnl"), &good[middle..end]).unwrap();
        let mut bad = good[..middle].to_vec();
        bad[middle / SECTOR * SECTOR - SECTOR..middle / SECTOR * SECTOR].fill(0);
        refused(folder.path(), &bad);
        // Where nothing was written behind it, it was the last.
        fs::write(folder.path().join("1.jnl"), vec![0; 5000]).unwrap();
        assert!(FjallStore::open(folder.path(), FjallOptions::default()).is_ok());
    });
}

/// With `journal` as its first, the store is damaged, and the journal stays as it is.
fn refused(folder: &Path, bytes: &[u8]) {
    fs::write(journal(folder), bytes).unwrap();
    let error = FjallStore::open(folder, FjallOptions::default()).unwrap_err();
    let OpenError::Damaged { what: "journal", path } = &error else { panic!("{error:?}") };
    assert_eq!(*path, journal(folder));
    assert!(fs::read(journal(folder)).unwrap() == bytes, "it is left for somebody to mend");
}
