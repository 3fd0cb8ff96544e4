//! How the vault's time is written down before it is lived by.

use bulla_base::Timestamp;
use bulla_store::Store;

use super::{Keeper, Vault};
use crate::eras::Eras;
use crate::error::VaultError;
use crate::limits::MAX_UNSAVED;

impl<S: Store> Vault<S> {
    /// Makes `next` the eras the vault lives by, and begins a generation if a key has died or `anyway`.
    pub(super) async fn adopt(
        &self,
        keeper: &mut Keeper,
        next: Eras,
        anyway: bool,
    ) -> Result<(), VaultError> {
        let turned = anyway || next.has_turned_since(&self.eras());
        let fenced = turned && !self.is_restored();
        if fenced {
            Self::announce(&mut keeper.fence);
        }
        self.keep(keeper, &next, turned)?;
        if fenced { self.next_generation(keeper, next).await } else { Ok(()) }
    }

    /// Takes note of the time if the clock has jumped since the last tick, so that nothing is sealed for an hour that is none.
    pub(super) async fn notice_a_jump(&self) -> Result<(), VaultError> {
        if !self.eras().is_jump(self.clock.now()) {
            return Ok(());
        }
        let mut keeper = self.keeper.lock().await;
        // Whoever had the keeper before has noticed it, too.
        if !self.eras().is_jump(self.clock.now()) {
            return Ok(());
        }
        let mut next = self.eras().clone();
        next.step(self.clock.now(), &*self.rng);
        self.keep(&mut keeper, &next, true)
    }

    fn keep(&self, keeper: &mut Keeper, next: &Eras, at_once: bool) -> Result<(), VaultError> {
        let time = next.time();
        if at_once || time.since(Timestamp::from_millis(keeper.saved)) >= MAX_UNSAVED {
            let state = self.state(&keeper.fence, next.clone());
            keeper.keyring.save(&state, &*self.rng)?;
            keeper.saved = time.as_millis();
        }
        // What dies dies in the keyring first: no crash brings it back.
        *self.eras() = next.clone();
        Ok(())
    }
}
