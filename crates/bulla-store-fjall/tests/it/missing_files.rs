//! What was there is missed: after a store was closed all of it, after a crash what no crash takes away.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_store::{Counter, Key};
use bulla_store_fjall::{FjallOptions, FjallStore, OpenError};
use tempfile::TempDir;

use crate::{Fresh, SPACE, committed, copy, day, open, put, run, today, value};

/// A store with tables of several days, some of them flushed, that was closed.
async fn closed() -> TempDir {
    let Fresh { store, folder } = Fresh::open();
    for ago in 0..3 {
        let mut batch = put(&Key::dated(SPACE, day(ago), "record"), "value");
        batch.add(Counter::new(SPACE, "count"), 1);
        batch.put(Key::undated(SPACE, "undated"), "value");
        committed(&store, batch).await;
    }
    store.compact().await.unwrap();
    committed(&store, put(&today("last"), "value")).await;
    store.close().await.unwrap();
    folder
}

/// The files and folders that somebody could take away.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(all(&entry.path()));
        }
    }
    found
}

fn opened(folder: &Path) -> Result<FjallStore, OpenError> {
    FjallStore::open(folder, FjallOptions::default())
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

#[test]
fn closed_store_misses_every_file_that_is_removed() {
    run(async {
        let folder = closed().await;
        let aside = folder.path().with_extension("aside");
        // Without the list the store is one that was not closed. A folder without files tells nothing.
        let paths = all(folder.path()).into_iter();
        let paths =
            paths.filter(|path| !path.ends_with("closed") && (path.is_file() || !all(path).is_empty()));
        let mut missed = 0;
        for lost in paths.collect::<Vec<_>>() {
            fs::rename(&lost, &aside).unwrap();
            // Asked twice: what was missed once is not forgotten.
            for _ in 0..2 {
                match opened(folder.path()) {
                    Err(OpenError::Missing { path, .. }) => assert_eq!(path, lost),
                    other => panic!("{} is missing: {other:?}", lost.display()),
                }
            }
            fs::rename(&aside, &lost).unwrap();
            missed += 1;
        }
        assert!(missed > 30, "only {missed} files and folders");
        assert!(value(&open(&folder), &today("last")).await.is_some(), "with all put back it opens");
    });
}

#[test]
fn closed_store_notices_every_file_that_is_cut_short() {
    run(async {
        let folder = closed().await;
        let aside = folder.path().with_extension("aside");
        for path in all(folder.path()).into_iter().filter(|path| path.is_file()) {
            fs::rename(&path, &aside).unwrap();
            let mut bytes = fs::read(&aside).unwrap();
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            let written = bytes.len();
            for kept in [0, written / 2, written.saturating_sub(1)].into_iter().filter(|kept| *kept < written)
            {
                fs::write(&path, &bytes[..kept]).unwrap();
                match opened(folder.path()) {
                    Err(OpenError::Damaged { path: found, .. }) => assert_eq!(found, path),
                    other => panic!("{} was cut to {kept} of {written}: {other:?}", path.display()),
                }
                assert_eq!(
                    fs::metadata(&path).unwrap().len(),
                    kept as u64,
                    "it is left for somebody to mend"
                );
            }
            fs::rename(&aside, &path).unwrap();
        }
        assert!(value(&open(&folder), &today("last")).await.is_some(), "with all put back it opens");
    });
}

/// A table's folder of an older copy is whole, and lacks what was written since.
#[test]
fn a_store_of_parts_that_do_not_belong_together_is_not_opened() {
    run(async {
        let folder = closed().await;
        let before = TempDir::new().unwrap();
        copy(folder.path(), before.path());
        let store = open(&folder);
        for number in 0..50 {
            committed(&store, put(&today(&number.to_string()), vec![1; 1000])).await;
        }
        store.compact().await.unwrap();
        store.close().await.unwrap();
        for part in ["keyspaces", "0.jnl", "1.jnl", "2.jnl"] {
            let [old, new] = [&before, &folder].map(|folder| folder.path().join(part));
            if !old.exists() {
                continue;
            }
            let mixed = TempDir::new().unwrap();
            copy(folder.path(), mixed.path());
            let target = mixed.path().join(part);
            if new.exists() {
                remove(&target);
            }
            if old.is_dir() {
                copy(&old, &target)
            } else {
                assert!(fs::copy(&old, &target).is_ok())
            }
            let error = opened(mixed.path()).unwrap_err();
            assert!(
                matches!(error, OpenError::Missing { .. } | OpenError::Damaged { .. }),
                "{part}: {error}"
            );
        }
    });
}

/// A journal of the same length, whole and of the same store, of which another part of the past was put back.
#[test]
fn a_journal_of_the_right_length_that_ends_at_another_commit_is_damage() {
    run(async {
        let folder = closed().await;
        let branch = async |values: &[usize]| {
            let branch = TempDir::new().unwrap();
            copy(folder.path(), branch.path());
            let store = open(&branch);
            for length in values {
                committed(&store, put(&today("more"), vec![1; *length])).await;
            }
            store.close().await.unwrap();
            branch
        };
        // What the list says of the journal: how many of its bytes are whole batches.
        let journal = |branch: &TempDir| {
            let list = fs::read_to_string(branch.path().join("closed")).unwrap();
            let line = list.lines().rfind(|line| line.starts_with("journal ")).unwrap();
            let (length, name) = line.strip_prefix("journal ").unwrap().split_once(' ').unwrap();
            (length.parse::<usize>().unwrap(), name.to_owned())
        };
        let twice = branch(&[300, 300]).await;
        let (length, name) = journal(&twice);
        let missing = length - journal(&branch(&[300]).await).0;
        let once = branch(&[300 + missing]).await;
        assert_eq!(journal(&once), (length, name.clone()));
        assert!(fs::copy(once.path().join(&name), twice.path().join(&name)).is_ok());
        // Asked twice: what was noticed once is not forgotten.
        for _ in 0..2 {
            let error = opened(twice.path()).unwrap_err();
            assert!(matches!(&error, OpenError::Damaged { path, .. } if path == twice.path()), "{error:?}");
        }
    });
}

/// As after a kill: nothing was written down.
#[test]
fn required_file_is_missed_also_when_the_store_was_not_closed() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        for ago in 0..3 {
            committed(&store, put(&Key::dated(SPACE, day(ago), "record"), "value")).await;
        }
        committed(&store, put(&Key::undated(SPACE, "undated"), "value")).await;
        let tables = fs::read_dir(folder.path().join("keyspaces")).unwrap();
        let tables =
            tables.map(|table| format!("keyspaces/{}", table.unwrap().file_name().to_str().unwrap()));
        let mut tables: Vec<String> = tables.collect();
        assert_eq!(
            tables.len(),
            8,
            "of the engine, ours, the counters, undated records, three days and the next"
        );
        // The next day's was made ahead, behind the first day's. Nothing was ever put into it.
        tables.retain(|table| table != "keyspaces/5");
        let others = ["lock", "version", "0.jnl", "keyspaces", "keyspaces/0/current"].map(str::to_owned);
        for lost in tables.iter().chain(&others) {
            let crashed = TempDir::new().unwrap();
            copy(folder.path(), crashed.path());
            drop(opened(crashed.path()).unwrap());
            let crashed = TempDir::new().unwrap();
            copy(folder.path(), crashed.path());
            remove(&crashed.path().join(lost));
            for _ in 0..2 {
                let error = opened(crashed.path()).unwrap_err();
                let OpenError::Missing { path, .. } = &error else { panic!("{lost} is missing: {error:?}") };
                assert!(path.starts_with(crashed.path()), "{error}");
            }
        }
    });
}

/// The list is struck out before the engine may write, and not only when the store is written to.
#[test]
fn a_store_that_is_open_has_no_list_of_what_it_had() {
    run(async {
        let folder = closed().await;
        let list = folder.path().join("closed");
        assert!(list.exists());
        let store = open(&folder);
        assert!(!list.exists());
        drop(store);
        assert!(list.exists(), "dropping the last clone closes it");
    });
}

/// The engine finds damage in a table that has its length. Without the damaged file it would open, so that
/// must be missed as well.
#[test]
fn file_removed_after_a_failed_opening_is_missed_too() {
    run(async {
        let folder = closed().await;
        let tables = all(&folder.path().join("keyspaces"));
        let current = tables.iter().find(|path| path.ends_with("1/current")).unwrap();
        let bytes = fs::read(current).unwrap();
        fs::write(current, vec![0xff; bytes.len()]).unwrap();
        let error = opened(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. } | OpenError::Unreadable { .. }), "{error:?}");
        remove(current.parent().unwrap());
        let error = opened(folder.path()).unwrap_err();
        let OpenError::Missing { path, .. } = &error else { panic!("{error:?}") };
        assert_eq!(path, current.parent().unwrap());
    });
}

#[test]
fn a_list_that_was_changed_is_damage() {
    run(async {
        let folder = closed().await;
        let list = folder.path().join("closed");
        let good = fs::read(&list).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&list, &bad).unwrap();
            let error = opened(folder.path()).unwrap_err();
            assert!(
                matches!(&error, OpenError::Damaged { path, .. } if *path == list),
                "byte {place}: {error}"
            );
        }
        fs::write(&list, &good).unwrap();
        assert!(opened(folder.path()).is_ok());
    });
}
