use crate::limits::PARTITION_LOCKS;

mod batch;
mod clock_changes;
mod partition_salts;
mod rollback_detection;
mod store_impl;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
mod unseal_records;
mod unused_salts;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Clock, Partition, Rng, Timestamp};
use bulla_store::{Batch, Commit, Generation, Key, Record, SYSTEM_PARTITION, Store, StoreError};
use tokio::sync::RwLock;

use crate::error::VaultError;
use crate::key_encryption::KeyEncryption;
use crate::key_epochs::{ClockState, KeyEpochs};
use crate::keyring::{Keyring, KeyringFile, KeyringState, OpenedKeyring};
use crate::salt::Salts;
use crate::secret::Secret;
use crate::store_layout;

use rollback_detection::RollbackDetection;

/// A store whose records are sealed, over one whose records are not.
///
/// It is a [`Store`] itself, so whoever keeps records knows nothing of it. A record that was put with an
/// expiry is sealed under the key of the hour in which that lies, and can no longer be read by anybody once
/// that hour is over; one without is sealed under a lasting key.
///
/// # What the host does
/// Nothing, if a relay, a device or a carrier is opened on it. Else it runs [`keep_up`](bulla_store::keep_up)
/// or calls [`tick`](Self::tick) at least once a minute: hours end then and at no other time. And it asks
/// [`is_restored`](Self::is_restored) once after opening.
///
/// # Time
/// Hours end by vault time, which follows the clock but neither goes back with it nor leaps ahead at once:
/// see [`ClockState`].
///
/// # Bounds
/// Those of the port: what sealing adds has room of its own in the store beneath, see
/// [`Batch::try_seal`](bulla_store::Batch::try_seal). Space 0x50 is the vault's own.
///
/// # What is gone
/// A record whose hour is over or whose partition was erased is not returned, as if it had expired. As with
/// an expired one, it still counts as a record for the expectations of a batch until it is deleted or its day
/// is dropped.
///
/// # Security
/// Names of keys and of counters, counters, the length of values and the times of expiry are not sealed, so
/// none may tell whose they are. An older value of the same key that is put back by somebody who can write to
/// the database is not noticed, as long as it has not expired: the vault tells that the *store* is older than
/// its keyring, not that a record is.
///
/// Which records were sealed before their partition was erased is told by their versions, so what is damaged
/// is an error and not absent as long as the engine is right about them. In a store that was copied row by
/// row, with other versions, all is read, but what is damaged may look erased. A damaged epoch or hour in a
/// record, or a damaged expiry beside it, may make it look over.
pub struct Vault<S> {
    engine: S,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    lasting: Secret,
    epochs: Mutex<KeyEpochs>,
    salts: Mutex<Salts>,
    /// Writes to a partition share its lock; erasing the partition has it alone.
    partition_locks: Box<[RwLock<()>]>,
    keeper: tokio::sync::Mutex<Keeper>,
    restored: AtomicBool,
    /// Whether anything was put into the store since its generation began.
    written: AtomicBool,
    /// The last look that was taken; none is added before it.
    looked: Mutex<Option<Key>>,
}

/// What only one task at a time may touch.
#[derive(Debug)]
struct Keeper {
    keyring: Keyring,
    rollback: RollbackDetection,
    /// The vault time that was last written down, in milliseconds.
    saved: u64,
}

impl<S: Store> Vault<S> {
    /// Opens the vault over `engine`, with the keyring in `file`, which `keys` opens; makes the keyring if
    /// there is none and the store was never sealed.
    ///
    /// # Errors
    /// When the keyring is missing, damaged, of another store, older than the store, or does not open with
    /// `keys`; when the keyring was used and the store is empty; or when `engine` fails.
    pub async fn open(
        engine: S,
        file: impl KeyringFile,
        keys: &impl KeyEncryption,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VaultError> {
        let stored = engine.get(SYSTEM_PARTITION, &store_layout::generation(), clock.now()).await?;
        let (keyring, state) = found_or_made(file, keys, stored.is_some(), clock.now(), &*rng).await?;
        if stored.is_none() && state.generation > 0 {
            let (keyring, generation) = (keyring.place(), state.generation);
            return Err(VaultError::StoreEmptied { keyring, generation });
        }
        Self::begin(engine, keyring, state, stored, clock, rng).await
    }

    /// Opens the vault over an empty `engine`, although the keyring in `file` was used with a store before:
    /// for an operator who knows that this store is lost and gives it up, with the identities in it.
    ///
    /// The vault then says that the store was [put back](Self::is_restored), so that whoever opens a relay or
    /// a device on it goes on above all that the lost store had counted.
    ///
    /// # Errors
    /// As [`open`](Self::open); and [`VaultError::NotEmpty`] when the store was sealed: so a program that is
    /// always told to begin anew does so once.
    pub async fn begin_anew(
        engine: S,
        file: impl KeyringFile,
        keys: &impl KeyEncryption,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VaultError> {
        if engine.get(SYSTEM_PARTITION, &store_layout::generation(), clock.now()).await?.is_some() {
            return Err(VaultError::NotEmpty);
        }
        let (keyring, state) = found_or_made(file, keys, false, clock.now(), &*rng).await?;
        Self::begin(engine, keyring, state, None, clock, rng).await
    }

    async fn begin(
        engine: S,
        keyring: Keyring,
        mut state: KeyringState,
        stored: Option<Record>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VaultError> {
        // A batch that writes nothing has the version of the last one that did.
        let Commit::Committed(last) = engine.commit(Batch::new(SYSTEM_PARTITION)).await? else {
            // It expects nothing.
            return Err(StoreError::Damaged { what: "version" }.into());
        };
        let (rollback, is_older) =
            RollbackDetection::compare(&state, stored.as_ref(), last, || keyring.place(), &*rng)?;
        let restored = is_older || engine.restored().await.is_some();
        state.epochs.step(clock.now(), &*rng);
        let keeper = Keeper { keyring, rollback, saved: 0 };
        let vault = Self {
            engine,
            clock,
            rng,
            lasting: state.lasting,
            epochs: Mutex::new(state.epochs.clone()),
            salts: Mutex::default(),
            partition_locks: (0..PARTITION_LOCKS).map(|_| RwLock::new(())).collect(),
            keeper: tokio::sync::Mutex::new(keeper),
            restored: AtomicBool::new(restored),
            written: AtomicBool::new(false),
            looked: Mutex::default(),
        };
        let mut keeper = vault.keeper.lock().await;
        // Each opening is a generation: a backup of before it is told from what the store becomes.
        vault.adopt(&mut keeper, state.epochs, true).await?;
        let generation = keeper.rollback.generation();
        drop(keeper);
        match restored {
            false => tracing::info!(generation, "the vault is open"),
            true => {
                tracing::warn!(generation, "the vault is open, on a store that is older than its keyring")
            }
        }
        Ok(vault)
    }

    /// Takes note of the time: hours that are over are forgotten, in the keyring first.
    ///
    /// To be called at least once a minute, which is what [`upkeep`](Store::upkeep) does. Called less often,
    /// hours end late by as much; called never, nothing is forgotten.
    ///
    /// # Errors
    /// When the keyring cannot be written: then nothing is forgotten until it can. When the store cannot be,
    /// or another vault has opened it: then what is over is forgotten, but a backup of now will not be told
    /// from the store. Reading and writing go on all the same.
    ///
    /// # Cost
    /// Four times 8 KiB written and synced, and one commit, if anything was put into the store since the last
    /// tick or an hour is over; otherwise half of that every five minutes, and no commit.
    pub async fn tick(&self) -> Result<ClockState, VaultError> {
        let mut keeper = self.keeper.lock().await;
        let mut next = self.epochs().clone();
        next.step(self.clock.now(), &*self.rng);
        // Every generation is one more moment from which a backup is told from the store.
        let written = self.written.swap(false, Ordering::AcqRel);
        if let Err(error) = self.adopt(&mut keeper, next, written).await {
            self.written.fetch_or(written, Ordering::AcqRel);
            return Err(error);
        }
        Ok(self.clock_state())
    }

    /// Believes a clock that is ahead, now: for an operator who knows that it is right.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub async fn trust_clock(&self) -> Result<ClockState, VaultError> {
        let mut keeper = self.keeper.lock().await;
        let mut next = self.epochs().clone();
        next.step(self.clock.now(), &*self.rng);
        next.believe();
        self.adopt(&mut keeper, next, false).await?;
        Ok(self.clock_state())
    }

    /// How the clock stands to the vault's time, as of the last tick.
    pub fn clock_state(&self) -> ClockState {
        self.epochs().clock_state()
    }

    /// Whether the store is older than the keyring: it was put back from a backup, has lost commits that were
    /// durable, or was emptied.
    ///
    /// What is in it may be opened. But it may hold steps of ratchets that have been taken already, so
    /// nothing may be sealed for a peer from its sessions: make sure of that, and then call
    /// [`accept_restored`](Store::accept_restored). It is said again at every opening until then.
    ///
    /// A backup that was taken after the last tick that saw something written is not told from the store
    /// itself; nor is one that was put back together with its keyring.
    pub fn is_restored(&self) -> bool {
        self.restored.load(Ordering::Acquire)
    }

    /// How many generations of the store there were: one for each opening, and for each tick since which
    /// something was written. No later opening says less, whatever became of the store: the keyring counts.
    pub async fn generation(&self) -> Generation {
        Generation::new(self.keeper.lock().await.rollback.generation())
    }

    /// Gives the keyring another operator's key: from now on `keys` opens it, and the old one does not.
    ///
    /// # Errors
    /// When `keys` fails or the keyring cannot be written. If it could not be written, either of the two keys
    /// opens it.
    ///
    /// # Security
    /// Who has a copy of the old keyring and the old key can still read what that copy could.
    pub async fn rewrap(&self, keys: &impl KeyEncryption) -> Result<(), VaultError> {
        let mut keeper = self.keeper.lock().await;
        let state = self.state(&keeper.rollback, self.epochs().clone());
        keeper.keyring.rewrap(keys, &state, &*self.rng).await?;
        tracing::info!("the keyring opens with another operator's key from now on");
        Ok(())
    }

    /// The store beneath, in which everything is sealed.
    pub const fn engine(&self) -> &S {
        &self.engine
    }

    fn epochs(&self) -> MutexGuard<'_, KeyEpochs> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn salts(&self) -> MutexGuard<'_, Salts> {
        self.salts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn partition_lock(&self, partition: Partition) -> &RwLock<()> {
        // Partitions are keyed tags, so that any bytes of them are spread evenly.
        let [first, second, ..] = *partition.as_bytes();
        &self.partition_locks[usize::from(u16::from_be_bytes([first, second])) & (PARTITION_LOCKS - 1)]
    }
}

/// The keyring in `file` and what it keeps; a new one if there is none and the store was never sealed.
async fn found_or_made(
    file: impl KeyringFile,
    keys: &impl KeyEncryption,
    is_sealed: bool,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<(Keyring, KeyringState), VaultError> {
    match Keyring::open(Box::new(file), keys, rng).await? {
        OpenedKeyring::There(keyring, state) => Ok((keyring, state)),
        OpenedKeyring::Absent(file) if is_sealed => Err(VaultError::KeyringMissing { keyring: file.place() }),
        OpenedKeyring::Absent(file) => {
            let (lasting, epochs) = (Secret::draw(rng), KeyEpochs::begin(now, rng));
            let state = KeyringState { generation: 0, opening: false, version: 0, lasting, epochs };
            Ok((Keyring::create(file, keys, &state, rng).await?, state))
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Vault<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("engine", &self.engine).finish_non_exhaustive()
    }
}
