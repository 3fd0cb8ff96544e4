//! Somebody takes every file that the process may open, as a flood of connections does.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Key, Store, StoreError};
use bulla_store_fjall::{CompactError, FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::entries::{self, NOW, SPACE};
use crate::{FOLDER, ROLE, wait};

const OPEN_FILES: u32 = 256;
const PARTITION: Partition = Partition::from_bytes([3; 16]);

/// It is a failure if a store says that it has stopped for want of files, if it does not go on when there are
/// some again, or if anything acknowledged is not there.
pub(crate) fn running_out_of_files_stops_nothing_for_good() {
    if !cfg!(unix) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let told = child("without files", &folder);
    println!("{told}");
}

/// Lets a child that may open few files play `role`, and returns what it told.
fn child(role: &str, folder: &TempDir) -> String {
    let script = format!("ulimit -n {OPEN_FILES}; exec \"$0\"");
    let mut child = Command::new("sh");
    child.args(["-c", &script]).arg(env::current_exe().unwrap());
    let child = child.env(ROLE, role).env(FOLDER, folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{said}");
    String::from_utf8_lossy(&child.stdout).trim().to_owned()
}

const ROUNDS: u32 = 4;
const RECORDS: u32 = 600;

/// Of each round, a third of the records belong to its first day, a third to the next, whose table is made
/// ahead, and the rest to one that has none.
fn key(number: u32) -> Key {
    let day = NOW.day().number() + number / RECORDS * 3 + number % RECORDS / (RECORDS / 3);
    Key::dated(SPACE, Day::from_number(day), number.to_be_bytes().to_vec())
}

pub(crate) async fn write_without_files(folder: &Path) {
    let store = FjallStore::open(folder, entries::options()).unwrap();
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
    let store = FjallStore::open(folder, entries::options()).unwrap();
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

/// It is a failure if a store stops because files are wanting at the very moment when its engine, whose
/// threads had failed, has been closed to be opened again; if it says anything else than that; or if it does
/// not go on when there are files.
pub(crate) fn an_engine_that_finds_no_files_to_be_opened_again_is_opened_later() {
    if !cfg!(unix) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let told = child("reopened without files", &folder);
    println!("{told}");
}

pub(crate) fn be_reopened_without_files(folder: &Path) {
    wait(is_reopened_later(&folder.join("asked"), false));
    wait(is_reopened_later(&folder.join("closed"), true));
    println!("reopened without files: told so, and opened when there were some");
}

/// With a store that is closed, if `closes`, before there are files, and opened as another then.
async fn is_reopened_later(folder: &Path, closes: bool) {
    let store = FjallStore::open(folder, options()).unwrap();
    fail_a_flush(&store, folder).await;
    let thief = Thief::behind(Some(folder));
    for error in [
        store.commit(entry(3)).await.unwrap_err(),
        store.commit(entry(3)).await.unwrap_err(),
        store.get(PARTITION, &name(0), NOW).await.unwrap_err(),
        store.drop_days_before(NOW.day()).await.unwrap_err(),
    ] {
        assert!(is_without_files(&error) && error.may_pass(), "{error:?}");
    }
    assert!(matches!(store.compact().await, Err(CompactError::Failed { .. })));
    assert_eq!(store.stats().reopened, 0);
    drop(thief);
    if !closes {
        assert!(matches!(store.commit(entry(3)).await, Ok(Commit::Committed(_))));
        assert_eq!(store.stats().reopened, 1);
    }
    store.close().await.unwrap();
    assert!(matches!(store.get(PARTITION, &name(0), NOW).await, Err(StoreError::Closed)));
    let store = FjallStore::open(folder, options()).unwrap();
    for number in 0..if closes { 3 } else { 4 } {
        assert!(store.get(PARTITION, &name(number), NOW).await.unwrap().is_some(), "{number} is there");
    }
}

fn options() -> FjallOptions {
    FjallOptions::default().write_buffer_bytes(1 << 20)
}

fn name(number: u32) -> Key {
    Key::undated(SPACE, number.to_be_bytes().to_vec())
}

fn entry(number: u32) -> Batch {
    let mut batch = Batch::new(PARTITION);
    batch.put(name(number), vec![7; 500_000]);
    batch
}

fn is_without_files(error: &StoreError) -> bool {
    let (StoreError::Unavailable { source } | StoreError::Unreadable { source }) = error else {
        return false;
    };
    source.raw_os_error() == Some(24)
}

/// Writes more than a write buffer holds, three entries, while the folder into which it is flushed is away.
async fn fail_a_flush(store: &FjallStore, folder: &Path) {
    let (tables, aside) = (folder.join("keyspaces/3/tables"), folder.join("aside"));
    fs::rename(&tables, &aside).unwrap();
    for number in 0..3 {
        assert!(matches!(store.commit(entry(number)).await, Ok(Commit::Committed(_))));
    }
    thread::sleep(Duration::from_secs(1));
    fs::rename(&aside, &tables).unwrap();
}

/// A fifth of a second, in which nobody gave back a file.
const ROUNDS_BEFORE_IT_IS_LET_IN: u32 = 200;

/// Takes every file there is, and every one that is given back.
struct Thief {
    ends: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Thief {
    fn start() -> Self {
        Self::behind(None)
    }

    /// Comes when the engine has gone from the store in `folder`, and lets it in again when there are no
    /// files left.
    fn behind(folder: Option<&Path>) -> Self {
        let locks = folder.map(|folder| {
            let [lock, old] = ["lock", "lock.old"].map(|name| folder.join(name));
            let engines = File::options().read(true).write(true).open(&lock).unwrap();
            fs::rename(&lock, old).unwrap();
            let own = File::create(&lock).unwrap();
            own.try_lock().unwrap();
            (engines, own)
        });
        let ends = Arc::new(AtomicBool::new(false));
        let has_to_end = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let is_over = || has_to_end.load(Ordering::Relaxed);
            while locks.as_ref().is_some_and(|(engines, _)| engines.try_lock().is_err()) && !is_over() {
                thread::sleep(Duration::from_millis(1));
            }
            let (mut stolen, mut rounds_without) = (Vec::new(), 0);
            while !is_over() {
                match File::open("/dev/null") {
                    Ok(file) => {
                        stolen.push(file);
                        rounds_without = 0;
                    }
                    // The engine is not let in before also those files are stolen that the store keeps for
                    // it and gives back a moment after it has closed the engine.
                    Err(_) if locks.is_some() && rounds_without < ROUNDS_BEFORE_IT_IS_LET_IN => {
                        rounds_without += 1;
                        thread::sleep(Duration::from_millis(1));
                    }
                    Err(_) => {
                        locks.as_ref().map(|(_, own)| own.unlock());
                        // As whoever accepts connections does, though not for as long.
                        thread::sleep(Duration::from_millis(50));
                    }
                }
            }
        });
        // Until it has them all, or waits.
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
