use std::fs;
use std::task::{Context, Waker};

use bulla_store::{Key, Scan, Store, StoreError};
use bulla_store_fjall::{CompactError, FjallOptions, FjallStore, OpenError};
use tempfile::TempDir;

use crate::{ALICE, Fresh, NOW, SPACE, as_if_not_closed, committed, open, put, run, today, value};

#[test]
fn records_counters_and_versions_are_there_after_reopening() {
    run(async {
        let mut fresh = Fresh::open();
        let undated = Key::undated(SPACE, "undated");
        let mut batch = put(&undated, "1");
        batch.put(today("dated"), vec![9; 5000]);
        batch.add(bulla_store::Counter::new(SPACE, "counter"), 3);
        let first = committed(&fresh.store, batch).await;
        fresh.reopen().await;
        assert_eq!(value(&fresh.store, &undated).await.as_deref(), Some(&b"1"[..]));
        assert_eq!(value(&fresh.store, &today("dated")).await, Some(vec![9; 5000]));
        assert_eq!(fresh.store.counters(SPACE, b"", None).await.unwrap()[0].1, 3);
        let second = committed(&fresh.store, put(&undated, "2")).await;
        assert_eq!(second.number(), first.number() + 1);
    });
}

#[test]
fn a_store_prints_what_it_has_counted_and_no_record() {
    run(async {
        let fresh = Fresh::open();
        committed(&fresh.store, put(&Key::undated(SPACE, "n4me"), "v4lue")).await;
        let printed = format!("{:?}", fresh.store);
        assert!(printed.starts_with("FjallStore(Shared { tally: Tally { commits: 1,"), "{printed}");
        assert!(printed.ends_with("}, .. })") && !printed.contains("n4me"), "{printed}");
    });
}

/// As relays, carriers and vaults close it, which know it as a store alone.
#[test]
fn a_store_that_is_closed_by_its_port_gives_its_directory_free() {
    run(async {
        let fresh = Fresh::open();
        committed(&fresh.store, put(&today("record"), "value")).await;
        Store::close(&fresh.store).await.unwrap();
        assert_eq!(value(&open(&fresh.folder), &today("record")).await.as_deref(), Some(&b"value"[..]));
        let closed = fresh.store.commit(put(&today("record"), "late")).await;
        assert!(matches!(closed, Err(StoreError::Closed)), "{closed:?}");
    });
}

#[test]
fn one_directory_is_open_once() {
    run(async {
        let fresh = Fresh::open();
        let again = FjallStore::open(fresh.folder.path(), FjallOptions::default());
        assert!(matches!(again, Err(OpenError::Locked { .. })), "{again:?}");
        assert!(again.unwrap_err().to_string().contains(fresh.folder.path().to_str().unwrap()));
        fresh.store.close().await.unwrap();
        drop(open(&fresh.folder));
        drop(open(&fresh.folder));
    });
}

#[test]
fn a_store_that_is_let_go_in_the_middle_of_writes_ends() {
    run(async {
        let fresh = Fresh::open();
        fresh.store.close().await.unwrap();
        for round in 0..100 {
            let store = open(&fresh.folder);
            {
                let commits: Vec<_> = (0..64)
                    .map(|number| {
                        let store = store.clone();
                        async move { store.commit(put(&today(&format!("{round} {number}")), "value")).await }
                    })
                    .map(Box::pin)
                    .collect();
                // Asked, and not waited for.
                for mut commit in commits {
                    let _ = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                }
            }
            drop(store);
        }
    });
}

/// A second process opened a store in use, as when a restart overlaps. It took the group that was being
/// written for one that the power cut had torn and cut it off; what was acknowledged behind it was lost, or
/// damaged.
#[test]
fn store_in_use_keeps_what_is_being_written_when_another_opens_it() {
    run(async {
        let fresh = Fresh::open();
        let journal = fresh.folder.path().join("0.jnl");
        let written = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        committed(&fresh.store, put(&today("first"), "value")).await;
        let before = written(&fs::read(&journal).unwrap());
        committed(&fresh.store, put(&today("second"), vec![2; 20_000])).await;
        // The engine writes a group in pieces of 8 KiB, and has come as far as the first.
        let mut bytes = fs::read(&journal).unwrap();
        let whole = bytes.get(before..written(&bytes)).unwrap().to_vec();
        bytes.get_mut(before + 8192..).unwrap().fill(0);
        fs::write(&journal, &bytes).unwrap();
        let error = FjallStore::open(fresh.folder.path(), FjallOptions::default()).unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
        assert!(fs::read(&journal).unwrap() == bytes, "the journal is not touched");
        // Now it writes the rest, and goes on.
        bytes.get_mut(before..before + whole.len()).unwrap().copy_from_slice(&whole);
        fs::write(&journal, &bytes).unwrap();
        committed(&fresh.store, put(&today("third"), "value")).await;
        fresh.store.close().await.unwrap();
        let store = open(&fresh.folder);
        assert_eq!(value(&store, &today("second")).await, Some(vec![2; 20_000]));
        assert_eq!(value(&store, &today("third")).await.as_deref(), Some(&b"value"[..]));
    });
}

#[test]
fn a_closed_store_says_so() {
    run(async {
        let fresh = Fresh::open();
        let clone = fresh.store.clone();
        committed(&clone, put(&today("kept"), "value")).await;
        fresh.store.close().await.unwrap();
        fresh.store.close().await.unwrap();
        assert!(matches!(clone.commit(put(&today("late"), "value")).await, Err(StoreError::Closed)));
        assert!(matches!(clone.get(ALICE, &today("kept"), NOW).await, Err(StoreError::Closed)));
        assert!(matches!(clone.scan(ALICE, &Scan::undated(SPACE), NOW).await, Err(StoreError::Closed)));
        assert!(matches!(clone.counters(SPACE, b"", None).await, Err(StoreError::Closed)));
        assert!(matches!(clone.drop_days_before(NOW.day()).await, Err(StoreError::Closed)));
        assert!(matches!(clone.compact().await, Err(CompactError::Closed)));
        assert_eq!(value(&open(&fresh.folder), &today("kept")).await.as_deref(), Some(&b"value"[..]));
    });
}

#[test]
fn commits_that_were_asked_for_before_closing_are_kept() {
    run(async {
        let fresh = Fresh::open();
        let commits: Vec<_> = (0..200)
            .map(|number| {
                let store = fresh.store.clone();
                tokio::spawn(async move { store.commit(put(&today(&number.to_string()), "value")).await })
            })
            .collect();
        fresh.store.close().await.unwrap();
        let store = open(&fresh.folder);
        for (number, commit) in commits.into_iter().enumerate() {
            let kept = value(&store, &today(&number.to_string())).await.is_some();
            match commit.await.unwrap() {
                Ok(_) => assert!(kept, "{number} was acknowledged"),
                Err(StoreError::Closed) => assert!(!kept, "{number} was refused"),
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_store_of_another_format_is_not_opened() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    let raw = |bytes: &[u8]| {
        as_if_not_closed(folder.path());
        let database = fjall::Database::builder(folder.path()).open().unwrap();
        let own = database.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
        own.insert("format", bytes).unwrap();
    };
    raw(&2_u64.to_be_bytes());
    let error = FjallStore::open(folder.path(), FjallOptions::default()).unwrap_err();
    let said = format!("the store {} has format 2, but this program reads format 3", folder.path().display());
    assert_eq!(error.to_string(), said);
    raw(b"1");
    let error = FjallStore::open(folder.path(), FjallOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { what: "format", .. }), "{error}");
}

#[test]
fn damaged_rows_are_told_and_spare_the_others() {
    run(async {
        let fresh = Fresh::open();
        let (good, bad) = (Key::undated(SPACE, "good"), Key::undated(SPACE, "bad"));
        committed(&fresh.store, put(&good, "value")).await;
        fresh.store.close().await.unwrap();
        as_if_not_closed(fresh.folder.path());
        {
            let database = fjall::Database::builder(fresh.folder.path()).open().unwrap();
            let table = |name| database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
            let row = [ALICE.as_bytes(), &[SPACE.number()][..], b"bad"].concat();
            table("undated").insert(row, b"\x08short").unwrap();
            table("counters").insert([SPACE.number(), b'c'], b"too long.").unwrap();
        }
        let store = open(&fresh.folder);
        assert!(matches!(store.get(ALICE, &bad, NOW).await, Err(StoreError::Damaged { what: "record" })));
        assert!(store.scan(ALICE, &Scan::undated(SPACE), NOW).await.is_err());
        assert!(matches!(
            store.counters(SPACE, b"", None).await,
            Err(StoreError::Damaged { what: "counter" })
        ));
        let mut expecting = put(&good, "not stored");
        expecting.expect_absent(bad.clone());
        let mut counting = put(&good, "not stored");
        counting.add(bulla_store::Counter::new(SPACE, "c"), 1);
        for batch in [expecting, counting] {
            assert!(matches!(store.commit(batch).await, Err(StoreError::Damaged { .. })));
        }
        assert_eq!(value(&store, &good).await.as_deref(), Some(&b"value"[..]));
        committed(&store, put(&bad, "mended")).await;
        assert_eq!(value(&store, &bad).await.as_deref(), Some(&b"mended"[..]));
    });
}
