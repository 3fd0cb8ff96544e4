//! The stores and the transport under the system, and the faults that can be put into them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::base::{Address, Clock, DeviceId, Partition, Sleep, Timestamp};
use bulla::envelope::{Envelope, KeyBundle, KeyUpload};
use bulla::fjall::{FjallOptions, FjallStore};
use bulla::store::{Batch, Commit, Generation, Key, MemoryStore, Space, Store, StoreError, StoreWrapper};
use bulla::transport::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, NumberProof, Sequence, Transport, TransportError,
};
use bulla::vault::{FileKeyring, OperatorKey, Vault};
use bulla::{SystemClock, SystemRng};
use bytes::Bytes;

/// A store as everybody here has one.
pub(crate) type TestStore = Arc<Vault<FaultyEngine>>;

/// An engine that remembers what is written where, so that it can be spoilt, and that stops when it is told
/// to. Particular to this story: an erasure is left to the engine, as in a host.
pub(crate) struct FaultyEngine {
    engine: FjallStore,
    written: Mutex<Vec<(Partition, Key)>>,
    stopped: AtomicBool,
}

impl FaultyEngine {
    /// Puts nonsense in place of every row that was written since it was opened. How many these are.
    pub(crate) async fn spoil(&self) -> usize {
        let written = self.written.lock().unwrap().clone();
        for (partition, key) in written.clone() {
            let mut batch = Batch::new(partition);
            batch.put(key, vec![0xa5; 48]);
            drop(self.engine.commit(batch).await);
        }
        written.len()
    }

    /// Fails every write from now on, as after a disk's error.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn close(&self) {
        self.engine.close().await.unwrap();
    }
}

impl StoreWrapper for FaultyEngine {
    type Inner = FjallStore;

    fn inner(&self) -> &FjallStore {
        &self.engine
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(StoreError::Poisoned { source: None });
        }
        let rows = batch.puts().iter().map(|put| (batch.partition(), put.key.clone()));
        self.written.lock().unwrap().extend(rows);
        self.engine.commit(batch).await
    }
}

/// Opens what is in `folder`, or begins it there.
pub(crate) async fn open(folder: &Path) -> TestStore {
    open_by(Arc::new(SystemClock), folder).await
}

/// The same, by another clock.
pub(crate) async fn open_by(clock: Arc<dyn Clock>, folder: &Path) -> TestStore {
    let rng = Arc::new(SystemRng);
    fs::create_dir_all(folder).unwrap();
    let engine = FjallStore::open(folder.join("store"), FjallOptions::default()).unwrap();
    let engine = FaultyEngine { engine, written: Mutex::default(), stopped: AtomicBool::new(false) };
    let keyring = FileKeyring::open(folder.join("keyring")).unwrap();
    let operator = OperatorKey::from_bytes([7; 32], rng.clone());
    Arc::new(Vault::open(engine, keyring, &operator, clock, rng).await.unwrap())
}

/// The power goes while a batch is being written.
pub(crate) async fn power_goes(folder: &Path) {
    let (store, crashed) = (folder.join("store"), folder.join("crashed"));
    let engine = FjallStore::open(&store, FjallOptions::default()).unwrap();
    for number in [1, 2] {
        commit(&engine, number, 300).await;
    }
    copy(&store, &crashed);
    let journal = crashed.join("0.jnl");
    let mut written = fs::read(&journal).unwrap();
    let end = written.iter().rposition(|byte| *byte != 0).unwrap();
    written[end - 50..=end].fill(0);
    fs::write(&journal, written).unwrap();
    drop(FjallStore::open(&crashed, FjallOptions::default()).unwrap());
}

/// The engine's own threads lack something for a while, and it is opened again in its place.
pub(crate) async fn files_are_wanting(folder: &Path) {
    let options = FjallOptions::default().write_buffer_bytes(1 << 20);
    let engine = FjallStore::open(folder, options).unwrap();
    // The folder into which the table of undated records is flushed.
    let (tables, aside) = (folder.join("keyspaces/3/tables"), folder.join("aside"));
    fs::rename(&tables, &aside).unwrap();
    for number in 0..3 {
        commit(&engine, number, 500_000).await;
    }
    SystemClock.sleep(Duration::from_secs(2)).await;
    fs::rename(&aside, &tables).unwrap();
    commit(&engine, 3, 5).await;
}

async fn commit(engine: &FjallStore, number: u8, length: usize) {
    let mut batch = Batch::new(Partition::from_bytes([7; 16]));
    batch.put(Key::undated(Space::new(0x7f), vec![number]), vec![number + 1; length]);
    let _ = engine.commit(batch).await.unwrap();
}

/// A clock that somebody sets.
#[derive(Debug, Default)]
pub(crate) struct SetClock(AtomicU64);

impl SetClock {
    /// Sets it so far ahead of the right time.
    pub(crate) fn set(&self, ahead: Duration) {
        self.0.store(ahead.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().after(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        SystemClock.sleep(span)
    }
}

/// Copies a folder, as a backup would.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A transport to the carrier that can be cut.
#[derive(Clone)]
pub(crate) struct FaultyTransport<T> {
    pub(crate) carrier: T,
    pub(crate) cut: Arc<AtomicBool>,
    /// What goes over it arrives as something else.
    pub(crate) garbles: Arc<AtomicBool>,
}

impl<T> FaultyTransport<T> {
    fn open(&self) -> Result<&T, TransportError> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(TransportError::unavailable("the transport is cut"));
        }
        Ok(&self.carrier)
    }
}

impl<T: Transport> Transport for FaultyTransport<T> {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.open()?.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.open()?.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.open()?.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.open()?.bundle(caller, of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        let carrier = self.open()?;
        if !self.garbles.load(Ordering::Relaxed) {
            return carrier.send(caller, envelope).await;
        }
        let (from, to) = (envelope.from().clone(), envelope.to().clone());
        let (kind, franking, form) = (envelope.kind(), *envelope.franking(), envelope.form());
        let garbled = Envelope::new(envelope.id(), from, to, kind, franking, form, vec![0xa5; 200]).unwrap();
        let garbled = match envelope.installation() {
            Some(installation) => garbled.sealed_for(installation),
            None => garbled,
        };
        carrier.send(caller, garbled).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.open()?.receive(caller, after).await
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.open()?.remove(caller, device).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.open()?.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.open()?.acknowledge(caller, sequences).await
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.open()?.log_head(caller).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.open()?.report(caller, report).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.open()?.billing(caller, request).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.open()?.log_consistency(caller, old, new).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.open()?.log_leaves(caller, first).await
    }
}

/// A store that says it was put back from a backup.
#[derive(Debug, Default)]
pub(crate) struct PutBackStore(MemoryStore);

impl StoreWrapper for PutBackStore {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    async fn pass_restored(&self) -> Option<Generation> {
        Some(Generation::new(7))
    }
}
