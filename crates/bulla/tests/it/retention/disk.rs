//! The disk the relay stands on.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulla::base::{Clock, Day, ManualClock, Partition, Rng, Timestamp};
use bulla::fjall::{FjallOptions, FjallStore};
use bulla::store::{Batch, Commit, Key, Record, Scan, Space, Store, StoreError, StoreWrapper};
use bulla::vault::{MemoryKeyring, OperatorKey, Vault};
use tempfile::TempDir;

/// An engine on disk, while whose work the virtual time stands. Particular to these tests: the work itself
/// runs in another place.
#[derive(Clone)]
pub(crate) struct FrozenClockEngine(pub(crate) FjallStore);

impl StoreWrapper for FrozenClockEngine {
    type Inner = FjallStore;

    fn inner(&self) -> &FjallStore {
        &self.0
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let engine = self.0.clone();
        while_clock_stands(async move { engine.commit(batch).await }).await
    }

    async fn pass_drop(&self, day: Day) -> Result<(), StoreError> {
        let engine = self.0.clone();
        while_clock_stands(async move { engine.drop_days_before(day).await }).await
    }
}

/// Time leaps to the next timer when every task waits, though it be for another thread; it stands while one
/// of the runtime's own works.
pub(crate) async fn while_clock_stands<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work)).await.unwrap()
}

/// Files, keyring and operator's key: what there is to steal.
pub(crate) struct RelayDisk {
    folder: TempDir,
    keyring: MemoryKeyring,
    rng: Arc<dyn Rng>,
}

impl RelayDisk {
    pub(crate) fn new(rng: Arc<dyn Rng>) -> Self {
        Self { folder: TempDir::new().unwrap(), keyring: MemoryKeyring::new(), rng }
    }

    pub(crate) async fn open(&self, clock: Arc<dyn Clock>) -> Vault<FrozenClockEngine> {
        open(self.folder.path(), self.keyring.clone(), clock, &self.rng).await.unwrap()
    }

    /// A vault on a copy of everything, whose clock says `back`. The folder has to outlive it.
    pub(crate) async fn stolen(&self, back: Timestamp) -> (Vault<FrozenClockEngine>, TempDir) {
        let keyring = self.keyring.to_bytes();
        for _ in 0..50 {
            let folder = TempDir::new().unwrap();
            let clock = Arc::new(ManualClock::new(back));
            // A file may go or come while it is copied: the engine's own threads tidy up.
            if copy(self.folder.path(), folder.path()).is_ok()
                && let Some(vault) =
                    open(folder.path(), MemoryKeyring::from_bytes(keyring.clone()), clock, &self.rng).await
            {
                return (vault, folder);
            }
            while_clock_stands(async { std::thread::sleep(Duration::from_millis(20)) }).await;
        }
        panic!("no copy could be opened");
    }

    /// The folders of the engine's tables.
    pub(crate) fn tables(&self) -> HashSet<PathBuf> {
        let tables = fs::read_dir(self.folder.path().join("keyspaces")).unwrap();
        tables.map(|table| table.unwrap().path()).collect()
    }

    /// Every file, and whether it is part of a table.
    pub(crate) fn files(&self) -> Vec<(Vec<u8>, bool)> {
        let mut paths = Vec::new();
        list(self.folder.path(), &mut paths);
        let tables = self.folder.path().join("keyspaces");
        let read = |path: PathBuf| Some((unless_gone(fs::read(&path))?, path.starts_with(&tables)));
        paths.into_iter().filter_map(read).collect()
    }
}

async fn open(
    folder: &Path,
    keyring: MemoryKeyring,
    clock: Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> Option<Vault<FrozenClockEngine>> {
    let engine = FrozenClockEngine(FjallStore::open(folder, FjallOptions::default()).ok()?);
    let keys = OperatorKey::from_bytes([7; 32], Arc::clone(rng));
    Some(Vault::open(engine, keyring, &keys, clock, Arc::clone(rng)).await.unwrap())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?, to.to_path_buf());
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in unless_gone(fs::read_dir(folder)).into_iter().flatten() {
        match entry.unwrap().path() {
            path if path.is_dir() => list(&path, paths),
            path => paths.push(path),
        }
    }
}

/// The engine removes files while they are looked at.
fn unless_gone<T>(found: std::io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        found => Some(found.unwrap()),
    }
}

/// Every record of `partitions` that is read at `now`.
pub(crate) async fn everything(
    store: &impl Store,
    partitions: &[Partition],
    spaces: impl Iterator<Item = u8> + Clone,
    now: Timestamp,
) -> Vec<(Key, Record)> {
    let mut found = Vec::new();
    for partition in partitions {
        for space in spaces.clone().map(Space::new) {
            let scan = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            found.extend(store.scan(*partition, &scan, now).await.unwrap());
        }
    }
    found
}
