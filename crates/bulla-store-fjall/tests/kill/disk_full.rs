use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use bulla_store::{Batch, Store, StoreError};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::entries::{self, NOW};
use crate::power_cut::{self, call, text};
use crate::{FOLDER, ROLE, wait};

/// The largest file the child may write, in units of 512 bytes: an empty journal and some more.
const FILE_LIMIT: u64 = (80 << 20) / 512;

/// Lets a child write until its files may grow no more. It is a failure if the child finds the store
/// acknowledging anything after that, or if something it had acknowledged before is not there when the store
/// is opened again.
pub(crate) fn nothing_is_acknowledged_after_the_disk_failed() {
    if !cfg!(unix) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f {FILE_LIMIT}; exec \"$0\"");
    let child = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env(ROLE, "fill")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{said}");
    let acknowledged: u64 = String::from_utf8(child.stdout).unwrap().trim().parse().unwrap();
    assert!(acknowledged > 0);
    wait(async {
        let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        for number in 0..acknowledged {
            let record = store.get(entries::partition(0), &entries::entry(number), NOW).await.unwrap();
            assert_eq!(record.map(|record| record.value.len()), Some(1 << 20), "value {number}");
        }
        let mut batch = Batch::new(entries::partition(0));
        batch.put(entries::entry(0), "the store goes on");
        assert!(store.commit(batch).await.is_ok());
    });
}

/// How soon after there is space again everything has to work.
const SOON: Duration = Duration::from_secs(1);

/// Fills a small file system beside the store until the store refuses, on ext4 and in memory; then makes
/// space. A store that was stopped is opened again, and one that says "try again" is tried again. It is a
/// failure if anything acknowledged is not there, if anything refused as not begun is, or if a second passes
/// before it serves again.
pub(crate) fn a_full_disk_refuses_or_stops_and_space_brings_the_store_back() {
    if !power_cut::is_root() {
        println!("full disk: NOT RUN, mounting a file system takes root");
        return;
    }
    for kind in ["ext4", "tmpfs"] {
        let (mut longest, mut kept, mut stopped) = (Duration::ZERO, 0, 0);
        for room_kib in [300, 1000, 5000, 20_000] {
            let disk = Small::make(kind);
            let filled = wait(fill_and_free(&disk, room_kib));
            kept += filled.acknowledged;
            stopped += u32::from(filled.stopped);
            longest = longest.max(filled.back);
        }
        assert!(longest < SOON, "{kind}: it took {longest:?} to be back");
        println!(
            "full disk: {kind} full 4 times, stopped {stopped} times, {kept} entries acknowledged and kept, back after {longest:.1?} at most"
        );
    }
}

/// What a store did on a full disk.
struct Filled {
    acknowledged: u64,
    /// Whether a write had failed half-way, so that it had to be opened again.
    stopped: bool,
    /// How soon it served again.
    back: Duration,
}

async fn fill_and_free(disk: &Small, room_kib: usize) -> Filled {
    let folder = disk.mount_point().join("store");
    let store = FjallStore::open(&folder, entries::options()).unwrap();
    let mut written = write(&store, 20, 0).await.unwrap();
    let ballast = disk.fill_up(room_kib << 10);
    let error = loop {
        match write(&store, 1, written).await {
            Ok(last) => written = last,
            Err(error) => break error,
        }
        assert!(written < 100_000, "the disk does not get full");
    };
    let stopped = match error {
        StoreError::Poisoned { .. } => {
            let next = store.commit(Batch::new(entries::partition(0))).await;
            assert!(matches!(next, Err(StoreError::Poisoned { .. })), "{next:?}");
            true
        }
        StoreError::Unavailable { .. } => {
            let there = entries::entries(&store, 0).await.len() as u64;
            assert_eq!(there, written, "what was refused as not begun is there");
            false
        }
        error => panic!("a full disk is said to be: {error:?}"),
    };

    fs::remove_file(ballast).unwrap();
    let began = Instant::now();
    let store = if stopped {
        drop(store);
        FjallStore::open(&folder, entries::options()).unwrap()
    } else {
        store
    };
    let kept = entries::entries(&store, 0).await.len() as u64;
    // Of one that failed half-way nobody knows.
    assert!(
        kept == written || stopped && kept == written + 1,
        "{written} were acknowledged, {kept} are there"
    );
    let now = loop {
        match write(&store, 1, kept).await {
            Ok(now) => break now,
            Err(StoreError::Unavailable { .. }) if began.elapsed() < SOON => {}
            Err(error) => panic!("there is space, and the store says: {error:?}"),
        }
    };
    write(&store, 50, now).await.unwrap();
    let back = began.elapsed();
    store.close().await.unwrap();
    drop(store);

    let store = FjallStore::open(&folder, entries::options()).unwrap();
    assert_eq!(entries::entries(&store, 0).await.len() as u64, kept + 51);
    store.close().await.unwrap();
    Filled { acknowledged: written, stopped, back }
}

/// Adds so many entries behind the last, and returns the number of the new last.
async fn write(store: &FjallStore, count: u64, last: u64) -> Result<u64, StoreError> {
    for number in last + 1..=last + count {
        let head = store.get(entries::partition(0), &entries::head(), NOW).await?;
        let _stored = store.commit(entries::batch(0, number, head.as_ref())).await?;
    }
    Ok(last + count)
}

/// A file system of 160 MB.
struct Small {
    folder: TempDir,
}

impl Small {
    fn make(kind: &str) -> Self {
        let small = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(small.mount_point()).unwrap();
        let mount_point = small.mount_point();
        if kind == "tmpfs" {
            call("mount", &["-t", "tmpfs", "-o", "size=160m", "tmpfs", text(&mount_point)]);
        } else {
            let image = small.folder.path().join("image");
            File::create(&image).unwrap().set_len(160 << 20).unwrap();
            call("mkfs.ext4", &["-q", "-F", "-m", "0", text(&image)]);
            call("mount", &["-o", "loop", text(&image), text(&mount_point)]);
        }
        small
    }

    fn mount_point(&self) -> std::path::PathBuf {
        self.folder.path().join("mount")
    }

    /// Writes a file until nothing fits any more, then gives `room` bytes of it back.
    fn fill_up(&self, room: usize) -> std::path::PathBuf {
        let path = self.mount_point().join("ballast");
        let mut ballast = File::create(&path).unwrap();
        let piece = vec![1; 64 << 10];
        let mut length = 0;
        while let Ok(written @ 1..) = ballast.write(&piece) {
            length += written;
        }
        ballast.set_len((length - room) as u64).unwrap();
        ballast.sync_all().unwrap();
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").args(["-l", text(&self.mount_point())]).status().ok();
    }
}
