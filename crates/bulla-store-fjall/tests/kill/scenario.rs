//! The scenario in which the n-th disk operation fails.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use bulla_store::{Batch, Commit, Store, StoreError};
use bulla_store_fjall::{FjallStore, OpenError};

use crate::TOLD_TO;
use crate::entries::{self, NOW};

/// Reports by a system call of its own, so that a failing write is never that of a report.
struct ProgressSocket(UnixDatagram, String);

impl ProgressSocket {
    fn say(&self, line: &str) {
        self.0.send_to(format!("{line}\n").as_bytes(), &self.1).unwrap();
    }
}

/// A failing call can be made by several threads, and each try needs at least one.
const MAX_TRIES: usize = 500;

/// What is said of an engine that fails again and again.
pub(crate) const TOO_SOON: &str = "it is opened again a little later";

/// What ended the play early, and what the store said.
struct End {
    how: &'static str,
    why: String,
}

impl End {
    fn of(how: &'static str, error: &dyn std::fmt::Debug) -> Self {
        Self { how, why: format!("{error:?}") }
    }
}

/// Opens a store, uses all that touches the disk, and closes it; twice. Reports what was acknowledged, and
/// how it ended.
pub(crate) async fn run(folder: &Path) {
    let progress = ProgressSocket(UnixDatagram::unbound().unwrap(), std::env::var(TOLD_TO).unwrap());
    for act in 0..2 {
        match one_act(folder, act, &progress).await {
            Ok(()) => {}
            Err(End { how, why }) => {
                progress.say(&format!("why {}", why.replace('\n', " ")));
                return progress.say(&format!("end {how}"));
            }
        }
    }
    progress.say("end played");
}

async fn one_act(folder: &Path, act: u64, progress: &ProgressSocket) -> Result<(), End> {
    let store = open(folder)?;
    for round in 0..4 {
        for writer in 0..2 {
            write(&store, writer, progress).await?;
        }
        if round == 1 {
            for ago in 1..=2 {
                let _kept = until_done(&store, || store.commit(entries::doomed(ago, act))).await?;
            }
            until_done(&store, || store.drop_days_before(NOW.day())).await?;
            progress.say(&format!("dropped {act}"));
            // More than a write buffer holds, so that it is flushed.
            for number in 0..3 {
                let mut large = Batch::new(entries::partition(200));
                large.put(entries::entry(number), vec![1; 500_000]);
                let _kept = until_done(&store, || store.commit(large.clone())).await?;
            }
        }
    }
    store.close().await.map_err(|error| End::of("poisoned", &error))
}

/// Opens it, again and again if files are wanting.
fn open(folder: &Path) -> Result<FjallStore, End> {
    for _ in 0..MAX_TRIES {
        match FjallStore::open(folder, entries::options()) {
            Err(OpenError::Unreadable { source, .. }) if is_wanting(&source) => {}
            opened => return opened.map_err(|error| End::of("unopened", &error)),
        }
    }
    panic!("it can never be opened")
}

async fn write(store: &FjallStore, writer: u8, progress: &ProgressSocket) -> Result<(), End> {
    let (partition, key) = (entries::partition(writer), entries::head());
    let head = until_done(store, || store.get(partition, &key, NOW)).await?;
    let last = head.as_ref().map_or(0, |head| u64::from_be_bytes(head.value[..].try_into().unwrap()));
    match until_done(store, || store.commit(entries::batch(writer, last + 1, head.as_ref()))).await? {
        Commit::Committed(version) => {
            progress.say(&format!("entry {writer} {} {}", last + 1, version.number()))
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// Tries again what could not be begun or read for want of something, which goes on for so many calls at
/// most.
async fn until_done<T, F: Future<Output = Result<T, StoreError>>>(
    store: &FjallStore,
    mut ask: impl FnMut() -> F,
) -> Result<T, End> {
    for _ in 0..MAX_TRIES {
        match ask().await {
            Err(StoreError::Unavailable { .. }) => {}
            Err(StoreError::Unreadable { source }) if is_wanting(&source) => {}
            other => return done(store, other).await,
        }
    }
    match ask().await {
        // Nothing is wanting: so soon after it has failed again, the engine is not opened another time.
        Err(StoreError::Unavailable { source }) if source.to_string().contains(TOO_SOON) => {
            Err(End::of("unbegun", &source))
        }
        _ => panic!("it can never be begun"),
    }
}

/// Whether open files are wanting.
fn is_wanting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(24)
}

/// What came of it. After a failed write nothing is acknowledged any more, whoever asks.
async fn done<T>(store: &FjallStore, result: Result<T, StoreError>) -> Result<T, End> {
    match result {
        Ok(done) => Ok(done),
        Err(error @ StoreError::Poisoned { .. }) => {
            for round in 0..3 {
                let again = store.commit(entries::doomed(3, round)).await;
                assert!(matches!(again, Err(StoreError::Poisoned { .. })), "{again:?}");
            }
            Err(End::of("poisoned", &error))
        }
        // A read that fails concerns its own batch alone.
        Err(error @ (StoreError::Unreadable { .. } | StoreError::Damaged { .. })) => {
            Err(End::of("unread", &error))
        }
        Err(error) => panic!("{error:?}"),
    }
}
