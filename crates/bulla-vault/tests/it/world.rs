//! What the tests stand on.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, ManualClock, Partition, SeededRng, Timestamp};
use bulla_store::{Batch, Commit, Key, MemoryStore, Record, Retention, Space, Store, StoreError};
use bulla_vault::{KeyEncryption, MemoryKeyring, OperatorKey, Vault, VaultError};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
pub(crate) const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
pub(crate) const BOB: Partition = Partition::from_bytes([0xb0; 16]);
pub(crate) const SPACE: Space = Space::new(7);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A store that several vaults can be opened on, one after the other.
pub(crate) type Engine = Arc<MemoryStore>;

/// A machine: what survives a vault.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) keyring: MemoryKeyring,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) rng: Arc<SeededRng>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            engine: Arc::new(MemoryStore::new()),
            keyring: MemoryKeyring::new(),
            clock: Arc::new(ManualClock::new(NOW)),
            rng: Arc::new(SeededRng::new(seed)),
        }
    }

    pub(crate) fn operator(&self, byte: u8) -> OperatorKey {
        OperatorKey::from_bytes([byte; 32], self.rng.clone())
    }

    pub(crate) async fn vault(&self) -> Vault<Engine> {
        self.open().await.unwrap()
    }

    pub(crate) async fn open(&self) -> Result<Vault<Engine>, VaultError> {
        self.open_with(&self.operator(7)).await
    }

    pub(crate) async fn open_with(&self, keys: &impl KeyEncryption) -> Result<Vault<Engine>, VaultError> {
        let (clock, rng) = (self.clock.clone(), self.rng.clone());
        Vault::open(self.engine.clone(), self.keyring.clone(), keys, clock, rng).await
    }

    pub(crate) async fn begin_anew(&self) -> Result<Vault<Engine>, VaultError> {
        let (keys, clock, rng) = (self.operator(7), self.clock.clone(), self.rng.clone());
        Vault::begin_anew(self.engine.clone(), self.keyring.clone(), &keys, clock, rng).await
    }

    /// Lets `span` pass, tick by tick.
    pub(crate) async fn pass(&self, vault: &Vault<Engine>, span: Duration) {
        let end = self.clock.now().after(span);
        while self.clock.now() < end {
            self.clock.advance(MINUTE);
            vault.tick().await.unwrap();
        }
    }
}

pub(crate) fn key(name: &'static str) -> Key {
    Key::undated(SPACE, name)
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) async fn put(store: &impl Store, partition: Partition, name: &'static str, value: &'static str) {
    let mut batch = Batch::new(partition);
    batch.put(key(name), value);
    assert!(matches!(store.commit(batch).await.unwrap(), Commit::Committed(_)));
}

pub(crate) async fn put_for(
    store: &impl Store,
    partition: Partition,
    name: &'static str,
    value: &'static str,
    made: Timestamp,
    span: Duration,
) {
    let mut batch = Batch::new(partition);
    batch.put_until(key(name), value, Retention::new(span).unwrap().from(made));
    assert!(matches!(store.commit(batch).await.unwrap(), Commit::Committed(_)));
}

/// What the keys alone let one read: the engine is told that nothing has expired.
pub(crate) async fn read(store: &impl Store, partition: Partition, name: &'static str) -> Option<String> {
    try_read(store, partition, name).await.unwrap()
}

pub(crate) async fn try_read(
    store: &impl Store,
    partition: Partition,
    name: &'static str,
) -> Result<Option<String>, StoreError> {
    let record = store.get(partition, &key(name), Timestamp::from_millis(0)).await?;
    Ok(record.map(|record| String::from_utf8(record.value.to_vec()).unwrap()))
}

/// Writes to the engine what the vault did not.
pub(crate) async fn plant(engine: &Engine, partition: Partition, key: Key, record: &Record) {
    let mut batch = Batch::new(partition);
    match record.expiry {
        Some(expiry) => batch.put_until(key, record.value.clone(), expiry),
        None => batch.put(key, record.value.clone()),
    }
    assert!(matches!(engine.commit(batch).await.unwrap(), Commit::Committed(_)));
}

pub(crate) async fn raw(engine: &Engine, partition: Partition, key: &Key) -> Record {
    engine.get(partition, key, Timestamp::from_millis(0)).await.unwrap().unwrap()
}

/// What the vault said, where the port hands on its trouble.
pub(crate) fn said(error: &StoreError) -> &VaultError {
    let StoreError::Wrapper { source, .. } = error else { panic!("not the vault's: {error:?}") };
    source.downcast_ref().unwrap()
}

/// Whether the vault said that this kind of record does not open.
pub(crate) fn does_not_open(error: &StoreError, kind: &str) -> bool {
    error.is_of_a_record() && matches!(said(error), VaultError::DoesNotOpen { what } if *what == kind)
}
