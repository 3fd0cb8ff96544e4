use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::limits::{MAX_CALLS, MAX_CALLS_PER_WEBHOOK, MAX_IDLE, MAX_PROBES};

/// How much there may be of everything at once, over all webhooks.
#[derive(Debug)]
pub(crate) struct Totals {
    calls: Arc<Semaphore>,
    probes: Arc<Semaphore>,
    idle: Arc<Semaphore>,
}

impl Totals {
    pub(crate) fn new() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { calls: semaphore(MAX_CALLS), probes: semaphore(MAX_PROBES), idle: semaphore(MAX_IDLE) }
    }

    /// The right to keep an idle connection, if there is one left.
    pub(crate) fn idle(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.idle).try_acquire_owned().ok()
    }
}

/// Lets calls through to one web server: several at once while it answers, one at a time while it does not.
///
/// So web servers that are silent hold a connection each, and these come out of a budget of their own: those
/// that answer are not kept waiting by those that do not.
#[derive(Debug)]
pub(crate) struct Gate {
    calls: Arc<Semaphore>,
    /// Whether the last call that ended got no answer.
    silent: AtomicBool,
    /// Held by the one call that is made meanwhile.
    probe: Arc<Mutex<()>>,
    /// How many of these have ended.
    probes: AtomicU64,
}

/// The right to make a call. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Pass {
    probe: Option<OwnedMutexGuard<()>>,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// The web server was silent, and is still.
#[derive(Debug)]
pub(crate) struct StillSilent;

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MAX_CALLS_PER_WEBHOOK)),
            silent: AtomicBool::new(false),
            probe: Arc::default(),
            probes: AtomicU64::new(0),
        }
    }

    /// Waits until a call may be made.
    ///
    /// Whoever comes while a silent web server is being tried waits for the outcome and shares it.
    pub(crate) async fn enter(&self, totals: &Totals) -> Result<Pass, StillSilent> {
        loop {
            if !self.silent.load(Ordering::Acquire) {
                let permits = [acquire(&self.calls).await, acquire(&totals.calls).await];
                if self.silent.load(Ordering::Acquire) {
                    continue;
                }
                return Ok(Pass { probe: None, _permits: permits });
            }
            let before = self.probes.load(Ordering::Acquire);
            let probe = Arc::clone(&self.probe).lock_owned().await;
            if !self.silent.load(Ordering::Acquire) {
                continue;
            }
            if self.probes.load(Ordering::Acquire) != before {
                return Err(StillSilent);
            }
            let permit = acquire(&totals.probes).await;
            return Ok(Pass { probe: Some(probe), _permits: [permit, None] });
        }
    }

    /// Takes note of whether the web server answered.
    pub(crate) fn leave(&self, pass: Pass, answered: bool) {
        self.silent.store(!answered, Ordering::Release);
        if pass.probe.is_some() {
            self.probes.fetch_add(1, Ordering::AcqRel);
        }
        drop(pass);
    }
}

/// A permit of a semaphore that is never closed.
async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn enter(gate: &Gate, totals: &Totals) -> Option<Result<Pass, StillSilent>> {
        gate.enter(totals).now_or_never()
    }

    #[test]
    fn a_web_server_that_answers_is_called_so_often_at_once_and_no_more() {
        let (gate, totals) = (Gate::new(), Totals::new());
        let mut passes: Vec<Pass> =
            (0..MAX_CALLS_PER_WEBHOOK).map(|_| enter(&gate, &totals).unwrap().unwrap()).collect();
        assert!(enter(&gate, &totals).is_none());
        gate.leave(passes.pop().unwrap(), true);
        assert!(enter(&gate, &totals).unwrap().is_ok());
    }

    #[test]
    fn all_together_are_called_so_often_at_once_and_no_more() {
        let totals = Totals::new();
        let gates: Vec<Gate> = (0..=MAX_CALLS).map(|_| Gate::new()).collect();
        let passes: Vec<_> = gates.iter().map(|gate| enter(gate, &totals)).collect();
        assert_eq!(passes.iter().filter(|pass| pass.is_some()).count(), MAX_CALLS);
    }

    #[test]
    fn a_silent_web_server_is_called_once_at_a_time_out_of_another_budget() {
        let totals = Totals::new();
        let gates: Vec<Gate> = (0..=MAX_PROBES).map(|_| Gate::new()).collect();
        for gate in &gates {
            gate.leave(enter(gate, &totals).unwrap().unwrap(), false);
        }
        let probes: Vec<_> = gates.iter().map(|gate| enter(gate, &totals)).collect();
        assert_eq!(probes.iter().filter(|probe| probe.is_some()).count(), MAX_PROBES);
        assert!(gates.iter().all(|gate| enter(gate, &totals).is_none()));
        let other = Gate::new();
        assert!(enter(&other, &totals).unwrap().is_ok(), "one that answers is kept waiting");
    }

    #[test]
    fn who_waits_for_a_probe_shares_its_outcome() {
        for answered in [true, false] {
            let (gate, totals) = (Gate::new(), Totals::new());
            gate.leave(enter(&gate, &totals).unwrap().unwrap(), false);
            let probe = enter(&gate, &totals).unwrap().unwrap();
            let mut waiting = Box::pin(gate.enter(&totals));
            assert!(waiting.as_mut().now_or_never().is_none());
            gate.leave(probe, answered);
            assert_eq!(waiting.now_or_never().unwrap().is_ok(), answered);
        }
    }

    #[test]
    fn a_probe_that_was_given_up_is_made_by_the_next() {
        let (gate, totals) = (Gate::new(), Totals::new());
        gate.leave(enter(&gate, &totals).unwrap().unwrap(), false);
        let probe = enter(&gate, &totals).unwrap().unwrap();
        let mut waiting = Box::pin(gate.enter(&totals));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(probe);
        assert!(waiting.now_or_never().unwrap().is_ok());
    }
}
