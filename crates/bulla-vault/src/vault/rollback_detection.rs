//! Tells whether store and keyring are of the same time.
//!
//! Both hold a generation, which grows by one whenever the vault is opened, whenever an hour is over, and
//! with every tick since which something was written:
//!
//! ```text
//! 1. keyring: generation k, opening     a crash after this: both say k
//! 2. store:   generation k + 1          a crash after this: the store says k + 1, and the keyring knows why
//! 3. keyring: generation k + 1
//! ```
//!
//! So a store that says less was put back, and a store that says more to a keyring that knows of no opening
//! means that the keyring was.
//!
//! The keyring also knows the version of the store's row. A store whose last version is less has lost commits
//! that were durable, although its row is there: it is taken for one that was put back.

use bulla_base::Rng;
use bulla_store::{Batch, Commit, Record, SYSTEM_PARTITION, Store, Version};

use super::{Keeper, Vault};
use crate::committing_aead::{self, Under};
use crate::error::VaultError;
use crate::key_epochs::KeyEpochs;
use crate::keyring::KeyringState;
use crate::metrics::GENERATIONS;
use crate::sealed_row_format::{Place, own_body};
use crate::secret::Secret;
use crate::store_layout;

#[derive(Debug)]
pub(super) struct RollbackDetection {
    generation: u64,
    opening: bool,
    /// The version of the store's row when the keyring was last told.
    known: u64,
    /// The version of the store's row.
    version: Option<Version>,
    /// Who we are: tells our own row from one of another vault on the same store.
    token: [u8; 16],
}

impl RollbackDetection {
    /// What is known of it, and whether the store is older than the keyring.
    pub(super) fn compare(
        state: &KeyringState,
        stored: Option<&Record>,
        last: Version,
        place: impl Fn() -> String,
        rng: &dyn Rng,
    ) -> Result<(Self, bool), VaultError> {
        let said = stored.map(|record| read(&state.lasting, record));
        let other = || VaultError::OtherKeyring { keyring: place() };
        let said = said.map(|said| said.ok_or_else(other)).transpose()?;
        let said = said.map_or(0, |(generation, _)| generation);
        // The keyring says before that the store will be one ahead, and after that it is: a crash may come
        // between.
        let left_open = state.opening && said == state.generation.saturating_add(1);
        if said > state.generation && !left_open {
            let (place, keyring) = (place(), state.generation);
            return Err(VaultError::KeyringRolledBack { place, keyring, store: said });
        }
        let mut token = [0; 16];
        rng.fill(&mut token);
        let generation = state.generation.max(said);
        let (known, version) = (state.version, stored.map(|record| record.version));
        let rollback = Self { generation, opening: false, known, version, token };
        // Two ways to see it: the store's own row is older, or commits are missing that came after it.
        Ok((rollback, said < state.generation || last.number() < known))
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }
}

impl<S: Store> Vault<S> {
    pub(super) fn state(&self, rollback: &RollbackDetection, epochs: KeyEpochs) -> KeyringState {
        let RollbackDetection { generation, opening, known, .. } = *rollback;
        KeyringState { generation, opening, version: known, lasting: self.lasting.clone(), epochs }
    }

    /// Begins the next generation, of which the keyring has been told.
    pub(super) async fn next_generation(
        &self,
        keeper: &mut Keeper,
        epochs: KeyEpochs,
    ) -> Result<(), VaultError> {
        let next = keeper.rollback.generation.saturating_add(1);
        let mut batch = Batch::new(SYSTEM_PARTITION);
        let key = store_layout::generation();
        // So that a second vault on the same store is noticed, whichever comes first.
        batch.expect(key.clone(), keeper.rollback.version);
        let other = |keeper: &Keeper| VaultError::OtherKeyring { keyring: keeper.keyring.place() };
        let value = write(&self.lasting, next, keeper.rollback.token, &*self.rng);
        batch.put(key.clone(), value.ok_or_else(|| other(keeper))?);
        let version = match self.engine.commit(batch).await? {
            Commit::Committed(version) => version,
            _ => {
                // Also ours, if an earlier call was dropped before it heard that it had committed.
                let stored = self
                    .engine
                    .get(SYSTEM_PARTITION, &key, self.clock.now())
                    .await?
                    .ok_or(VaultError::InUse)?;
                let said = read(&self.lasting, &stored).ok_or_else(|| other(keeper))?;
                if said != (next, keeper.rollback.token) {
                    return Err(VaultError::InUse);
                }
                stored.version
            }
        };
        ::metrics::counter!(GENERATIONS).increment(1);
        let RollbackDetection { generation, opening, known, version: stored, .. } = &mut keeper.rollback;
        (*generation, *opening, *known, *stored) = (next, false, version.number(), Some(version));
        let state = self.state(&keeper.rollback, epochs);
        Ok(keeper.keyring.save(&state, &*self.rng)?)
    }

    pub(super) fn announce(rollback: &mut RollbackDetection) {
        rollback.opening = true;
    }
}

fn write(lasting: &Secret, generation: u64, token: [u8; 16], rng: &dyn Rng) -> Option<Vec<u8>> {
    let under =
        Under { key: lasting, salt: None, bound: &Place::own(SYSTEM_PARTITION, &store_layout::generation()) };
    let value = [&generation.to_be_bytes()[..], &token].concat();
    committing_aead::seal(under, &value, rng).ok()
}

fn read(lasting: &Secret, record: &Record) -> Option<(u64, [u8; 16])> {
    let sealed = own_body(&record.value)?;
    let under =
        Under { key: lasting, salt: None, bound: &Place::own(SYSTEM_PARTITION, &store_layout::generation()) };
    let value = committing_aead::open(under, sealed, |value| {
        let (generation, token) = value.split_first_chunk()?;
        Some((u64::from_be_bytes(*generation), token.try_into().ok()?))
    });
    value.ok().flatten()
}
