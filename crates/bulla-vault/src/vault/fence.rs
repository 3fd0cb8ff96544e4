//! Tells whether store and keyring are of the same time.
//!
//! Both hold a generation, which grows by one whenever the vault is opened, whenever an hour is over, and with every tick since which something
//! was written:
//!
//! ```text
//! 1. keyring: generation k, opening     a crash after this: both say k
//! 2. store:   generation k + 1          a crash after this: the store says k + 1, and the keyring knows why
//! 3. keyring: generation k + 1
//! ```
//!
//! So a store that says less was put back, and a store that says more to a keyring that knows of no opening means that the keyring was.

use bulla_base::Rng;
use bulla_store::{Batch, Commit, OWN, Record, Store, Version};

use super::{Keeper, Vault};
use crate::eras::Eras;
use crate::error::VaultError;
use crate::keyring::State;
use crate::row::{Place, own_body};
use crate::seal::{self, Under};
use crate::secret::Secret;
use crate::space;

#[derive(Debug)]
pub(super) struct Fence {
    generation: u64,
    opening: bool,
    /// The version of the store's row.
    version: Option<Version>,
    /// Who we are: tells our own row from one of another vault on the same store.
    token: [u8; 16],
}

impl Fence {
    /// The fence, and whether the store is older than the keyring.
    pub(super) fn compare(
        state: &State,
        stored: Option<&Record>,
        rng: &dyn Rng,
    ) -> Result<(Self, bool), VaultError> {
        let said = stored.map(|record| read(&state.lasting, record)).transpose()?;
        let said = said.map_or(0, |(generation, _)| generation);
        let left_open = state.opening && said == state.generation.saturating_add(1);
        if said > state.generation && !left_open {
            return Err(VaultError::KeyringRolledBack { keyring: state.generation, store: said });
        }
        let mut token = [0; 16];
        rng.fill(&mut token);
        let generation = state.generation.max(said);
        let fence = Self { generation, opening: false, version: stored.map(|record| record.version), token };
        Ok((fence, said < state.generation))
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }
}

impl<S: Store> Vault<S> {
    pub(super) fn state(&self, fence: &Fence, eras: Eras) -> State {
        State { generation: fence.generation, opening: fence.opening, lasting: self.lasting.clone(), eras }
    }

    /// Begins the next generation, of which the keyring has been told.
    pub(super) async fn next_generation(&self, keeper: &mut Keeper, eras: Eras) -> Result<(), VaultError> {
        let next = keeper.fence.generation.saturating_add(1);
        let mut batch = Batch::new(OWN);
        let key = space::generation();
        batch.expect(key.clone(), keeper.fence.version);
        batch.put(key.clone(), write(&self.lasting, next, keeper.fence.token, &*self.rng)?);
        let version = match self.engine.commit(batch).await? {
            Commit::Committed(version) => version,
            _ => {
                // Also ours, if an earlier call was dropped before it heard that it had committed.
                let stored = self.engine.get(OWN, &key, self.clock.now()).await?.ok_or(VaultError::InUse)?;
                if read(&self.lasting, &stored)? != (next, keeper.fence.token) {
                    return Err(VaultError::InUse);
                }
                stored.version
            }
        };
        (keeper.fence.version, keeper.fence.generation, keeper.fence.opening) = (Some(version), next, false);
        let state = self.state(&keeper.fence, eras);
        Ok(keeper.keyring.save(&state, &*self.rng)?)
    }

    pub(super) fn announce(fence: &mut Fence) {
        fence.opening = true;
    }
}

fn write(lasting: &Secret, generation: u64, token: [u8; 16], rng: &dyn Rng) -> Result<Vec<u8>, VaultError> {
    let under = Under { key: lasting, salt: None, bound: &Place::own(OWN, &space::generation()) };
    let value = [&generation.to_be_bytes()[..], &token].concat();
    seal::seal(under, &value, rng).map_err(|_| VaultError::OtherKeyring)
}

fn read(lasting: &Secret, record: &Record) -> Result<(u64, [u8; 16]), VaultError> {
    let sealed = own_body(&record.value).ok_or(VaultError::OtherKeyring)?;
    let under = Under { key: lasting, salt: None, bound: &Place::own(OWN, &space::generation()) };
    let value = seal::open(under, sealed, |value| {
        let (generation, token) = value.split_first_chunk()?;
        Some((u64::from_be_bytes(*generation), token.try_into().ok()?))
    });
    value.ok().flatten().ok_or(VaultError::OtherKeyring)
}
