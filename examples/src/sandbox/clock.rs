//! The time of the sandbox.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bulla::base::{Clock, Sleep, Timestamp};

/// A clock that stands still until it is moved. Who sleeps by it is woken, one after the other, when it is
/// moved past the end of their sleep, and sees exactly that moment.
#[derive(Debug)]
pub(crate) struct SandboxClock(Mutex<Timers>);

#[derive(Debug)]
struct Timers {
    now: u64,
    next: u64,
    /// By the millisecond of their end, and in the order they began.
    sleepers: BTreeMap<(u64, u64), Waker>,
}

impl SandboxClock {
    /// A clock that shows `now`.
    pub(crate) fn new(now: Timestamp) -> Arc<Self> {
        let timers = Timers { now: now.as_millis(), next: 0, sleepers: BTreeMap::new() };
        Arc::new(Self(Mutex::new(timers)))
    }

    /// Moves to the next moment at which somebody wakes, if it is no later than `until`, and wakes them. Else
    /// moves to `until`. Whether somebody was woken.
    pub(crate) fn step(&self, until: Timestamp) -> bool {
        let mut timers = self.timers();
        let until = until.as_millis();
        let Some(end) =
            timers.sleepers.first_key_value().map(|((end, _), _)| *end).filter(|end| *end <= until)
        else {
            timers.now = timers.now.max(until);
            return false;
        };
        timers.now = timers.now.max(end);
        let later = timers.sleepers.split_off(&(end + 1, 0));
        let woken = std::mem::replace(&mut timers.sleepers, later);
        drop(timers);
        woken.into_values().for_each(Waker::wake);
        true
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.timers().now)
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        // No shorter than was asked for.
        let millis = u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let mut timers = self.timers();
        timers.next += 1;
        // Of the last millisecond there is no next one.
        let end = timers.now.saturating_add(millis).min(u64::MAX - 1);
        Box::pin(Sleeper { clock: self, key: (end, timers.next) })
    }
}

struct Sleeper<'a> {
    clock: &'a SandboxClock,
    key: (u64, u64),
}

impl Future for Sleeper<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timers = self.clock.timers();
        if timers.now >= self.key.0 {
            timers.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        timers.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.timers().sleepers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_their_order_each_at_its_moment() {
        let clock = SandboxClock::new(Timestamp::from_millis(1_000));
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        for millis in [30, 10, 20] {
            let (clock, told) = (clock.clone(), told.clone());
            tokio::spawn(async move {
                clock.sleep(Duration::from_millis(millis)).await;
                told.send(clock.now().as_millis()).unwrap();
            });
        }
        tokio::task::yield_now().await;
        let until = Timestamp::from_millis(1_025);
        while clock.step(until) {
            tokio::task::yield_now().await;
        }
        assert_eq!((heard.try_recv(), heard.try_recv()), (Ok(1_010), Ok(1_020)));
        assert!(heard.try_recv().is_err());
        assert_eq!(clock.now(), until);
        assert!(clock.step(Timestamp::from_millis(2_000)));
        assert_eq!(heard.recv().await, Some(1_030));
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_is_forgotten() {
        let clock = SandboxClock::new(Timestamp::from_millis(0));
        let mut sleep = clock.sleep(Duration::from_nanos(1));
        assert!(futures_are_pending(&mut sleep).await);
        drop(sleep);
        assert!(clock.timers().sleepers.is_empty());
        assert!(!clock.step(Timestamp::from_millis(1)));
    }

    async fn futures_are_pending(sleep: &mut Sleep<'_>) -> bool {
        tokio::select! { biased; () = sleep => false, () = std::future::ready(()) => true }
    }
}
