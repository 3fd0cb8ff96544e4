//! Somebody takes every file that the process may open, as a flood of connections does.

use std::env;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Key, Store, StoreError};
use bulla_store_fjall::FjallStore;
use tempfile::TempDir;

use crate::ledger::{self, NOW, SPACE};
use crate::{FOLDER, ROLE};

const OPEN_FILES: u32 = 256;
const PARTITION: Partition = Partition::from_bytes([3; 16]);

/// It is a failure if a store says that it has stopped for want of files, if it does not go on when there are some again, or if anything
/// acknowledged is not there.
pub(crate) fn running_out_of_files_stops_nothing_for_good() {
    if !cfg!(unix) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let script = format!("ulimit -n {OPEN_FILES}; exec \"$0\"");
    let child = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env(ROLE, "without files")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{said}");
    println!("{}", String::from_utf8_lossy(&child.stdout).trim());
}

const ROUNDS: u32 = 4;
const RECORDS: u32 = 600;

/// Of each round, a third of the records belong to its first day, a third to the next, whose table is made ahead, and the rest to one that
/// has none.
fn key(number: u32) -> Key {
    let day = NOW.day().number() + number / RECORDS * 3 + number % RECORDS / (RECORDS / 3);
    Key::dated(SPACE, Day::from_number(day), number.to_be_bytes().to_vec())
}

pub(crate) async fn write_without_files(folder: &Path) {
    let store = FjallStore::open(folder, ledger::options()).unwrap();
    let (mut told, mut acknowledged) = (0_u32, Vec::new());
    for round in 0..ROUNDS {
        let mut thief = None;
        for number in round * RECORDS..(round + 1) * RECORDS {
            let mut batch = Batch::new(PARTITION);
            batch.put(key(number), vec![7; 20_000]);
            // The first two find files, so that a day is begun, and the next one made ahead.
            if number % RECORDS == 2 {
                thief = Some(Thief::start());
            }
            match store.commit(batch).await {
                Ok(Commit::Committed(_)) => acknowledged.push(number),
                Err(StoreError::Unavailable { source }) => {
                    // Or what is left to be said when the files are there again.
                    let said = source.to_string();
                    assert!(source.raw_os_error() == Some(24) || said.contains("opened again"), "{said}");
                    told += 1;
                }
                other => panic!("{other:?} in round {round}"),
            }
        }
        drop(thief);
        // There are files again, and whatever was lacking is done.
        let number = 100_000 + round;
        let mut batch = Batch::new(PARTITION);
        batch.put(Key::undated(SPACE, number.to_be_bytes().to_vec()), "value");
        assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))), "round {round}");
    }
    for number in &acknowledged {
        assert!(
            store.get(PARTITION, &key(*number), NOW).await.unwrap().is_some(),
            "{number} was acknowledged"
        );
    }
    let stats = store.stats();
    assert!(told > 0, "nothing was ever wanting");
    assert!(acknowledged.len() > 4 * ROUNDS as usize, "only {acknowledged:?}");
    store.close().await.unwrap();
    let store = FjallStore::open(folder, ledger::options()).unwrap();
    for number in &acknowledged {
        assert!(
            store.get(PARTITION, &key(*number), NOW).await.unwrap().is_some(),
            "{number} was acknowledged"
        );
    }
    println!(
        "without files: {} records acknowledged and kept, {told} told to try again, opened again {} times",
        acknowledged.len(),
        stats.reopened
    );
}

/// Takes every file there is, and every one that is given back.
struct Thief {
    ends: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Thief {
    fn start() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let has_to_end = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut stolen = Vec::new();
            while !has_to_end.load(Ordering::Relaxed) {
                match File::open("/dev/null") {
                    Ok(file) => stolen.push(file),
                    // As whoever accepts connections does, though not for as long.
                    Err(_) => thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        // Until it has them all.
        thread::sleep(Duration::from_millis(20));
        Self { ends, thread: Some(thread) }
    }
}

impl Drop for Thief {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
