use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use tokio::sync::watch;

/// Which users are being erased, and of which users something is being taken out of the house.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    state: Mutex<ErasureState>,
    /// Told when an erasure begins, and when something of its user has stopped leaving.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct ErasureState {
    /// How many were ever begun.
    begun: u64,
    /// Those that are not known to be done.
    under_way: HashSet<Partition>,
    /// How many hand-overs of a user's are being made.
    leaving: HashMap<Partition, usize>,
}

impl Erasures {
    /// How many erasures were begun so far: who reads before this grows may hold what is gone.
    pub(super) fn begun(&self) -> u64 {
        self.state().begun
    }

    pub(super) fn is_under_way(&self, user: Partition) -> bool {
        self.state().under_way.contains(&user)
    }

    /// Begins the erasure of `user`: what is being taken out of theirs is called back, and nothing more is.
    pub(super) fn begin(&self, user: Partition) {
        let mut state = self.state();
        state.begun += 1;
        state.under_way.insert(user);
        drop(state);
        self.changed.send_replace(());
    }

    /// Forgets which are under way: another relay has done what was to be done, or the store says that it is
    /// not.
    pub(super) fn forget_all(&self) {
        let mut state = self.state();
        state.begun += 1;
        state.under_way.clear();
    }

    pub(super) fn end(&self, user: Partition) {
        self.state().under_way.remove(&user);
    }

    /// Waits until what is being taken out of `user`'s, whose erasure was begun, has been let go.
    pub(super) async fn nothing_leaves(&self, user: Partition) {
        let mut changed = self.changed.subscribe();
        while self.state().leaving.contains_key(&user) {
            // The sender is ours: it cannot be gone.
            let _ = changed.changed().await;
        }
    }

    /// The outcome of `work`, which takes out something of `user` that was read when `begun` erasures had
    /// been. Nothing when one was begun since: then it is to be read again.
    pub(super) async fn unless_erased<R>(
        &self,
        user: Partition,
        begun: u64,
        work: impl Future<Output = R>,
    ) -> Option<R> {
        let mut changed = self.changed.subscribe();
        let _leaving = self.leave(user, begun)?;
        let called_back = async {
            while !self.is_under_way(user) {
                let _ = changed.changed().await;
            }
        };
        tokio::select! {
            // The call back first: what could leave now must not.
            biased;
            () = called_back => None,
            outcome = work => Some(outcome),
        }
    }

    fn leave(&self, user: Partition, begun: u64) -> Option<Leaving<'_>> {
        let mut state = self.state();
        // Somebody was erased since it was read, whoever it was: rare enough to look again.
        if state.begun != begun {
            return None;
        }
        *state.leaving.entry(user).or_default() += 1;
        Some(Leaving { erasures: self, user })
    }

    fn state(&self) -> MutexGuard<'_, ErasureState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something of a user's, on its way out.
struct Leaving<'a> {
    erasures: &'a Erasures,
    user: Partition,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.erasures.state();
        if let Some(count) = state.leaving.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                state.leaving.remove(&self.user);
            }
        }
        if state.under_way.contains(&self.user) {
            // Who is woken takes the lock.
            drop(state);
            self.erasures.changed.send_replace(());
        }
    }
}
