//! How the vault's time is written down before it is lived by.

use bulla_base::Timestamp;
use bulla_store::Store;

use super::{Keeper, Vault};
use crate::error::VaultError;
use crate::key_epochs::{ClockState, KeyEpochs};
use crate::limits::MAX_UNSAVED;
use crate::metrics::{CLOCK_CHANGES, FORGOTTEN, TICKS};

impl<S: Store> Vault<S> {
    /// Makes `next` the epochs the vault lives by, and begins a generation if a key has died or `anyway`.
    pub(super) async fn adopt(
        &self,
        keeper: &mut Keeper,
        next: KeyEpochs,
        anyway: bool,
    ) -> Result<(), VaultError> {
        let turned = anyway || next.has_turned_since(&self.epochs());
        // A store that was put back keeps its generation until it is accepted: by that it is known again at
        // the next opening.
        let fenced = turned && !self.is_restored();
        if fenced {
            // Into the keyring before the store is written: whoever dies in between leaves a store one
            // ahead, which is no keyring that was put back.
            Self::announce(&mut keeper.rollback);
        }
        self.save_and_live_by(keeper, &next, turned)?;
        if fenced { self.next_generation(keeper, next).await } else { Ok(()) }
    }

    /// Takes note of the time if the clock has jumped since the last tick, so that nothing is sealed for an
    /// hour that is none.
    pub(super) async fn notice_a_jump(&self) -> Result<(), VaultError> {
        if !self.epochs().is_jump(self.clock.now()) {
            return Ok(());
        }
        let mut keeper = self.keeper.lock().await;
        // Whoever had the keeper before has noticed it, too.
        if !self.epochs().is_jump(self.clock.now()) {
            return Ok(());
        }
        let mut next = self.epochs().clone();
        next.step(self.clock.now(), &*self.rng);
        self.save_and_live_by(&mut keeper, &next, true)
    }

    fn save_and_live_by(
        &self,
        keeper: &mut Keeper,
        next: &KeyEpochs,
        at_once: bool,
    ) -> Result<(), VaultError> {
        let time = next.time();
        // As long as no key dies there is nothing to destroy, and a crash costs a few minutes of vault time
        // at most.
        if at_once || time.since(Timestamp::from_millis(keeper.saved)) >= MAX_UNSAVED {
            let state = self.state(&keeper.rollback, next.clone());
            keeper.keyring.save(&state, &*self.rng)?;
            keeper.saved = time.as_millis();
        }
        // What dies dies in the keyring first: no crash brings it back.
        let before = std::mem::replace(&mut *self.epochs(), next.clone());
        tell(&before, next);
        Ok(())
    }
}

/// Tells what has changed: an operator whose clock is wrong has to hear of it, since what should be forgotten
/// may be kept.
fn tell(before: &KeyEpochs, now: &KeyEpochs) {
    metrics::counter!(TICKS).increment(1);
    let forgotten = now.forgotten_since(before);
    if forgotten > 0 {
        metrics::counter!(FORGOTTEN).increment(forgotten);
        tracing::debug!(forgotten, "the keys of hours that are over are destroyed");
    }
    let clock_state = now.clock_state();
    if std::mem::discriminant(&before.clock_state()) == std::mem::discriminant(&clock_state) {
        return;
    }
    let to = match clock_state {
        ClockState::Held { ahead, believed_after } => {
            tracing::warn!(
                ?ahead,
                ?believed_after,
                "the clock leapt ahead and is not believed yet; what is over by it is kept"
            );
            "ahead"
        }
        ClockState::Behind { behind } => {
            tracing::warn!(
                ?behind,
                "the clock went back; what was put before is forgotten when its time is over by the vault's own"
            );
            "behind"
        }
        ClockState::InStep => {
            tracing::info!("the clock is in step with the vault's time again");
            "in step"
        }
    };
    metrics::counter!(CLOCK_CHANGES, "to" => to).increment(1);
}
