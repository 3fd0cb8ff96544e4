//! The process that is killed.

use std::path::Path;
use std::time::Duration;

use bulla_store::{Batch, Commit, Store, StoreError};
use bulla_store_fjall::{FjallOptions, FjallStore};

use crate::entries::{self, NOW, WRITERS};
use crate::{out_of_files, scenario, wait};

pub(crate) fn run(role: &str, folder: &Path) {
    match role {
        "write" => wait(write(folder, false)),
        "write and compact" => wait(write(folder, true)),
        "fill" => wait(fill(folder)),
        "play" => wait(scenario::run(folder)),
        "without files" => wait(out_of_files::write_without_files(folder)),
        "reopened without files" => out_of_files::be_reopened_without_files(folder),
        other => panic!("no role {other}"),
    }
}

/// Writes until it is killed, and prints what was acknowledged. Meanwhile days are dropped, and files merged
/// if `compact` says so.
async fn write(folder: &Path, compact: bool) {
    let store = FjallStore::open(folder, entries::options()).unwrap();
    for writer in 0..WRITERS {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let head = store.get(entries::partition(writer), &entries::head(), NOW).await.unwrap();
                let last =
                    head.as_ref().map_or(0, |head| u64::from_be_bytes(head.value[..].try_into().unwrap()));
                let batch = entries::batch(writer, last + 1, head.as_ref());
                match store.commit(batch).await.unwrap() {
                    Commit::Committed(version) => {
                        println!("entry {writer} {} {}", last + 1, version.number())
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    for round in 0_u64.. {
        for ago in 1..=3 {
            let _done = store.commit(entries::doomed(ago, round)).await.unwrap();
        }
        store.drop_days_before(NOW.day()).await.unwrap();
        println!("dropped {round}");
        if compact {
            store.compact().await.unwrap();
        }
        // Beginning and dropping days takes the disk's time from the writers.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(50))).await.unwrap();
    }
}

/// Writes until the disk fails, then checks what the store says, and prints how many values were
/// acknowledged.
async fn fill(folder: &Path) {
    // Everything stays in memory and in the journal, so that the journal is what fails.
    let store = FjallStore::open(folder, FjallOptions::default().write_buffer_bytes(1 << 30)).unwrap();
    let put = |number: u64| {
        let mut batch = Batch::new(entries::partition(0));
        batch.put(entries::entry(number), vec![7; 1 << 20]);
        batch
    };
    let mut acknowledged = 0;
    let error = loop {
        match store.commit(put(acknowledged)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the disk does not fail");
    };
    assert!(matches!(error, StoreError::Poisoned { source: Some(_) }), "{error:?}");
    let stats = store.stats();
    for number in [acknowledged, 0, 5000] {
        let error = store.commit(put(number)).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned { source: Some(_) }), "{error:?}");
    }
    let error = store.drop_days_before(NOW.day()).await.unwrap_err();
    assert!(matches!(error, StoreError::Poisoned { .. }), "{error:?}");
    assert_eq!(store.stats(), stats, "nothing is tried again");
    for number in 0..acknowledged {
        let record = store.get(entries::partition(0), &entries::entry(number), NOW).await.unwrap();
        assert!(record.is_some(), "what was acknowledged can still be read");
    }
    let error = store.close().await.unwrap_err();
    assert!(matches!(error, StoreError::Poisoned { .. }), "{error:?}");
    println!("{acknowledged}");
}
