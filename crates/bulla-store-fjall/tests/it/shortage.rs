//! What the engine's own threads need is not to be had for a while.

use std::time::Duration;
use std::{fs, thread};

use bulla_base::Day;
use bulla_store::Key;
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::{NOW, SPACE, committed, put, run, today, value};

/// A flush failed for want of files, long after all was acknowledged, and the store was dead for good. It is
/// opened again in its place.
#[test]
fn a_flush_that_fails_stops_nobody_when_what_it_lacked_is_back() {
    run(async {
        let folder = TempDir::new().unwrap();
        let options = FjallOptions::default().write_buffer_bytes(1 << 20);
        let store = FjallStore::open(folder.path(), options).unwrap();
        let key = |number: u32| Key::undated(SPACE, number.to_be_bytes().to_vec());
        committed(&store, put(&today("kept"), "value")).await;
        // The folder into which the table of undated records is flushed.
        let tables = folder.path().join("keyspaces/3/tables");
        let aside = folder.path().join("aside");
        fs::rename(&tables, &aside).unwrap();
        for number in 0..3 {
            committed(&store, put(&key(number), vec![1; 500_000])).await;
        }
        // The flush is tried, and fails.
        thread::sleep(Duration::from_secs(2));
        fs::rename(&aside, &tables).unwrap();
        assert_eq!(store.stats().reopened, 0);
        let mut expecting = put(&key(3), "value");
        expecting.expect_absent(key(3));
        let version = committed(&store, expecting).await;
        assert_eq!((version.number(), store.stats().reopened), (5, 1));
        for number in 0..3 {
            assert_eq!(value(&store, &key(number)).await, Some(vec![1; 500_000]));
        }
        assert!(value(&store, &today("kept")).await.is_some() && value(&store, &key(3)).await.is_some());
        store.close().await.unwrap();
        let store = FjallStore::open(folder.path(), options).unwrap();
        assert_eq!(value(&store, &key(2)).await, Some(vec![1; 500_000]));
    });
}

#[test]
fn the_table_of_tomorrow_is_there_before_its_first_record() {
    run(async {
        let folder = TempDir::new().unwrap();
        let tables = || fs::read_dir(folder.path().join("keyspaces")).unwrap().count();
        let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        let before = tables();
        committed(&store, put(&today("today"), "value")).await;
        // Whatever is committed next is written after it was made.
        committed(&store, put(&Key::undated(SPACE, "next"), "value")).await;
        assert_eq!((tables(), store.stats().days), (before + 2, 1));
        let tomorrow = Key::dated(SPACE, Day::from_number(NOW.day().number() + 1), "tomorrow");
        assert_eq!(value(&store, &tomorrow).await, None);
        committed(&store, put(&tomorrow, "value")).await;
        assert!(value(&store, &tomorrow).await.is_some());
        committed(&store, put(&Key::undated(SPACE, "next"), "value")).await;
        assert_eq!((tables(), store.stats().days), (before + 3, 2));
    });
}
