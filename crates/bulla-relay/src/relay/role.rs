use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Whether the relay acts on its store, or another does.
#[derive(Debug)]
pub(super) struct Role {
    phase: AtomicU8,
    /// How often it was lost. Held while the phase changes.
    losses: Mutex<u64>,
    changed: Notify,
}

/// How far the relay is. In this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Another acts, or it is not known yet that none does.
    StandBy = 0,
    /// It writes to the store, and begins to speak for its businesses.
    Opening = 1,
    /// It does whatever is done for all businesses, too.
    Acting = 2,
}

impl Role {
    pub(super) fn new(phase: Phase) -> Self {
        Self { phase: AtomicU8::new(phase as u8), losses: Mutex::default(), changed: Notify::new() }
    }

    /// Whether it may write to the store.
    pub(super) fn may_act(&self) -> bool {
        self.is(Phase::Opening)
    }

    /// How often it was lost so far.
    pub(super) fn losses(&self) -> u64 {
        *self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to `phase`, unless it was lost since it had been lost so often. Whether it did.
    pub(super) fn advance(&self, phase: Phase, losses: u64) -> bool {
        let now = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = *now == losses;
        if is_held {
            self.phase.store(phase as u8, Ordering::SeqCst);
        }
        drop(now);
        self.changed.notify_waiters();
        is_held
    }

    /// Another acts from now on.
    pub(super) fn lose(&self) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        *losses += 1;
        self.phase.store(Phase::StandBy as u8, Ordering::SeqCst);
        drop(losses);
        self.changed.notify_waiters();
    }

    /// Waits until the relay acts.
    pub(super) async fn acting(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is(Phase::Acting) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until it may not write any more.
    pub(super) async fn lost(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.may_act() {
                return;
            }
            changed.await;
        }
    }

    fn is(&self, at_least: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) >= at_least as u8
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn who_was_replaced_meanwhile_does_not_go_on() {
        let role = Role::new(Phase::StandBy);
        let losses = role.losses();
        assert!(role.advance(Phase::Opening, losses) && role.may_act());
        assert!(role.acting().now_or_never().is_none() && role.lost().now_or_never().is_none());
        role.lose();
        assert!(role.lost().now_or_never().is_some());
        assert!(!role.advance(Phase::Acting, losses) && !role.may_act());
        assert!(role.advance(Phase::Acting, role.losses()));
        assert!(role.acting().now_or_never().is_some());
    }
}
