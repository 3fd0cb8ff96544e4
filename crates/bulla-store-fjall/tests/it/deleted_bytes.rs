use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use bulla_store::{Batch, Key, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::{ALICE, Fresh, NOW, SPACE, committed, day, put, run, today, value};

/// How many files under `folder` hold `text`, however it lies in them. The engine removes files meanwhile,
/// and what is gone holds nothing.
fn files_with(folder: &Path, text: &[u8]) -> usize {
    let mut found = 0;
    for entry in unless_gone(fs::read_dir(folder)).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += files_with(&path, text);
        } else if let Some(bytes) = unless_gone(fs::read(&path)) {
            found += usize::from(bytes.windows(text.len()).any(|window| window == text));
        }
    }
    found
}

fn unless_gone<T>(found: io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(found.unwrap()),
    }
}

#[test]
fn deleted_bytes_are_in_no_file_after_compacting() {
    const TEXT: &[u8] = b"meet me at the ziggurat at noon";
    run(async {
        let mut fresh = Fresh::open();
        let (undated, old) = (Key::undated(SPACE, "note"), Key::dated(SPACE, day(9), "note"));
        for key in [&undated, &today("note"), &old] {
            committed(&fresh.store, put(key, TEXT)).await;
        }
        committed(&fresh.store, put(&today("other"), "kept")).await;
        assert!(files_with(fresh.folder.path(), TEXT) > 0, "the search finds what is there");

        let mut batch = Batch::new(ALICE);
        batch.delete(undated.clone());
        batch.put(today("note"), "overwritten");
        committed(&fresh.store, batch).await;
        fresh.store.drop_days_before(day(1)).await.unwrap();
        fresh.store.compact().await.unwrap();
        assert_eq!(files_with(fresh.folder.path(), TEXT), 0);

        for _ in 0..2 {
            assert_eq!(value(&fresh.store, &undated).await, None);
            assert_eq!(value(&fresh.store, &today("note")).await.as_deref(), Some(&b"overwritten"[..]));
            assert_eq!(value(&fresh.store, &today("other")).await.as_deref(), Some(&b"kept"[..]));
            fresh.reopen().await;
        }
    });
}

#[test]
fn compacting_disturbs_neither_commits_nor_reads() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        let traffic = {
            let store = store.clone();
            tokio::spawn(async move {
                let mut kept = 0_u32;
                loop {
                    let key = today(&kept.to_string());
                    committed(&store, put(&key, kept.to_be_bytes().to_vec())).await;
                    assert_eq!(value(&store, &key).await, Some(kept.to_be_bytes().to_vec()));
                    let page = bulla_store::Scan::dated(SPACE, day(0)..=day(0)).limit(100);
                    assert!(!store.scan(ALICE, &page, NOW).await.unwrap().is_empty());
                    kept += 1;
                    if value(&store, &today("stop")).await.is_some() {
                        return kept;
                    }
                }
            })
        };
        for round in 0..3 {
            let secret = format!("round {round} of the clay tokens");
            let key = Key::undated(SPACE, secret.clone());
            committed(&store, put(&key, secret.clone())).await;
            let mut batch = Batch::new(ALICE);
            batch.delete(key);
            committed(&store, batch).await;
            store.compact().await.unwrap();
            assert_eq!(files_with(folder.path(), secret.as_bytes()), 0);
        }
        committed(&store, put(&today("stop"), "")).await;
        let kept = traffic.await.unwrap();
        assert!(kept > 0);
        for number in 0..kept {
            assert!(value(&store, &today(&number.to_string())).await.is_some());
        }
    });
}

#[test]
fn dropping_days_frees_their_files() {
    run(async {
        let Fresh { store, folder } = Fresh::open();
        let tables = || fs::read_dir(folder.path().join("keyspaces")).unwrap().count();
        let before = tables();
        for ago in 0..10 {
            for number in 0..20 {
                let key = Key::dated(SPACE, day(ago), number.to_string());
                committed(&store, put(&key, vec![0; 10_000])).await;
            }
        }
        // Tomorrow's was made ahead.
        assert_eq!(tables(), before + 10 + 1);
        store.drop_days_before(NOW.day()).await.unwrap();
        assert_eq!(tables(), before + 1 + 1);
        assert_eq!(value(&store, &today("3")).await, Some(vec![0; 10_000]));
    });
}

#[test]
fn a_full_journal_goes_with_the_day_it_held() {
    run(async {
        let folder = TempDir::new().unwrap();
        // Nothing but the drop makes the engine flush: there is room for all of it in memory and in journals.
        let options = FjallOptions::default().write_buffer_bytes(256 << 20).max_journal_bytes(512 << 20);
        let store = FjallStore::open(folder.path(), options).unwrap();
        committed(&store, put(&today("kept"), "value")).await;
        for number in 0..70 {
            let key = Key::dated(SPACE, day(1), number.to_string());
            committed(&store, put(&key, vec![1; 1 << 20])).await;
        }
        let journal = folder.path().join("0.jnl");
        assert!(journal.exists());
        store.drop_days_before(NOW.day()).await.unwrap();
        for _ in 0..500 {
            if !journal.exists() {
                break;
            }
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(10))).await.unwrap();
        }
        assert!(!journal.exists(), "the journal still holds the day that was dropped");
        assert_eq!(value(&store, &today("kept")).await.as_deref(), Some(&b"value"[..]));
    });
}
