use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// What [`Clock::sleep`] returns: ready when the time has come.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The port through which time comes in.
///
/// Every library here takes its time from the clock it was handed, so that a whole system can run under a
/// simulated one. `now` may jump either way, as wall clocks do; `sleep` must wait at least as long as asked
/// and must not depend on such jumps.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The moment it is.
    fn now(&self) -> Timestamp;

    /// Waits for `span`. Dropping the future ends the waiting and has no other effect.
    fn sleep(&self, span: Duration) -> Sleep<'_>;
}

/// A clock that stands still until it is moved: for tests of code that reads the time but does not wait.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.as_millis()))
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves the clock forward by `span`.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().after(span));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock to the end of the sleep and returns at once.
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(async move { self.advance(span) })
    }
}
