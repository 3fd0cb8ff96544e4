//! The circuit breaker of each web server: closed, several calls are let through at once; open, one probe at
//! a time. How many that are stands in `limits.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::limits::{MAX_CALLS, MAX_CALLS_PER_WEBHOOK, MAX_IDLE, MAX_PROBES};

/// How much there may be of everything at once, over all webhooks.
#[derive(Debug)]
pub(crate) struct SharedPermits {
    calls: Arc<Semaphore>,
    probes: Arc<Semaphore>,
    idle: Arc<Semaphore>,
}

impl SharedPermits {
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
pub(crate) struct CircuitBreaker {
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
pub(crate) struct Permit {
    probe: Option<OwnedMutexGuard<()>>,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// The web server was silent, and is still.
#[derive(Debug)]
pub(crate) struct StillSilent;

impl CircuitBreaker {
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
    pub(crate) async fn acquire(&self, shared: &SharedPermits) -> Result<Permit, StillSilent> {
        loop {
            if !self.silent.load(Ordering::Acquire) {
                // The server's own first: who waits for that holds nothing of what all share.
                let permits = [acquire(&self.calls).await, acquire(&shared.calls).await];
                // It may have fallen silent while this waited: then all but one give their permits back.
                if self.silent.load(Ordering::Acquire) {
                    continue;
                }
                return Ok(Permit { probe: None, _permits: permits });
            }
            // Read before the wait: by this a probe that ended meanwhile is known, and its outcome counts
            // for this call as well.
            let before = self.probes.load(Ordering::Acquire);
            let probe = Arc::clone(&self.probe).lock_owned().await;
            if !self.silent.load(Ordering::Acquire) {
                continue;
            }
            if self.probes.load(Ordering::Acquire) != before {
                return Err(StillSilent);
            }
            let permit = acquire(&shared.probes).await;
            return Ok(Permit { probe: Some(probe), _permits: [permit, None] });
        }
    }

    /// Takes note of whether the web server answered.
    pub(crate) fn release(&self, permit: Permit, answered: bool) {
        self.silent.store(!answered, Ordering::Release);
        if permit.probe.is_some() {
            self.probes.fetch_add(1, Ordering::AcqRel);
        }
        drop(permit);
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

    fn acquire(breaker: &CircuitBreaker, shared: &SharedPermits) -> Option<Result<Permit, StillSilent>> {
        breaker.acquire(shared).now_or_never()
    }

    #[test]
    fn a_web_server_that_answers_is_called_so_often_at_once_and_no_more() {
        let (breaker, shared) = (CircuitBreaker::new(), SharedPermits::new());
        let mut permits: Vec<Permit> =
            (0..MAX_CALLS_PER_WEBHOOK).map(|_| acquire(&breaker, &shared).unwrap().unwrap()).collect();
        assert!(acquire(&breaker, &shared).is_none());
        breaker.release(permits.pop().unwrap(), true);
        assert!(acquire(&breaker, &shared).unwrap().is_ok());
    }

    #[test]
    fn all_together_are_called_so_often_at_once_and_no_more() {
        let shared = SharedPermits::new();
        let breakers: Vec<CircuitBreaker> = (0..=MAX_CALLS).map(|_| CircuitBreaker::new()).collect();
        let permits: Vec<_> = breakers.iter().map(|breaker| acquire(breaker, &shared)).collect();
        assert_eq!(permits.iter().filter(|permit| permit.is_some()).count(), MAX_CALLS);
    }

    #[test]
    fn a_silent_web_server_is_called_once_at_a_time_out_of_another_budget() {
        let shared = SharedPermits::new();
        let breakers: Vec<CircuitBreaker> = (0..=MAX_PROBES).map(|_| CircuitBreaker::new()).collect();
        for breaker in &breakers {
            breaker.release(acquire(breaker, &shared).unwrap().unwrap(), false);
        }
        let probes: Vec<_> = breakers.iter().map(|breaker| acquire(breaker, &shared)).collect();
        assert_eq!(probes.iter().filter(|probe| probe.is_some()).count(), MAX_PROBES);
        assert!(breakers.iter().all(|breaker| acquire(breaker, &shared).is_none()));
        let other = CircuitBreaker::new();
        assert!(acquire(&other, &shared).unwrap().is_ok(), "one that answers is kept waiting");
    }

    #[test]
    fn who_waits_for_a_probe_shares_its_outcome() {
        for answered in [true, false] {
            let (breaker, shared) = (CircuitBreaker::new(), SharedPermits::new());
            breaker.release(acquire(&breaker, &shared).unwrap().unwrap(), false);
            let probe = acquire(&breaker, &shared).unwrap().unwrap();
            let mut waiting = Box::pin(breaker.acquire(&shared));
            assert!(waiting.as_mut().now_or_never().is_none());
            breaker.release(probe, answered);
            assert_eq!(waiting.now_or_never().unwrap().is_ok(), answered);
        }
    }

    #[test]
    fn a_probe_that_was_given_up_is_made_by_the_next() {
        let (breaker, shared) = (CircuitBreaker::new(), SharedPermits::new());
        breaker.release(acquire(&breaker, &shared).unwrap().unwrap(), false);
        let probe = acquire(&breaker, &shared).unwrap().unwrap();
        let mut waiting = Box::pin(breaker.acquire(&shared));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(probe);
        assert!(waiting.now_or_never().unwrap().is_ok());
    }
}
