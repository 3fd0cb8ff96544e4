use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bulla_base::{Clock, Sleep, Timestamp};
use tokio::time::Instant;

use crate::machine::MachineName;
use crate::planted_bugs::PlantedBug;

/// The paused time of a tokio runtime: it stands while anybody works, and leaps to the next timer when nobody
/// does.
#[derive(Debug)]
pub struct VirtualClock {
    start: Instant,
    epoch: Timestamp,
    /// By how many milliseconds everybody has slept through more than was lived.
    leapt: AtomicI64,
}

impl VirtualClock {
    /// A clock that shows `epoch` now.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        Self { start: Instant::now(), epoch, leapt: AtomicI64::new(0) }
    }

    /// Lets `span` pass at once: nothing happens meanwhile, as if all had slept.
    pub(crate) fn leap(&self, span: Duration) {
        self.leapt.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// How long this has been going on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let lived = self.epoch.after(self.start.elapsed()).as_millis();
        Timestamp::from_millis(lived.saturating_add_signed(self.leapt.load(Ordering::SeqCst)))
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// The clock of one machine, which may be wrong.
pub(crate) struct MachineClock {
    truth: Arc<VirtualClock>,
    of: MachineName,
    planted_bug: Option<PlantedBug>,
    /// By how many milliseconds.
    wrong: AtomicI64,
}

impl MachineClock {
    pub(crate) const fn new(
        truth: Arc<VirtualClock>,
        of: MachineName,
        planted_bug: Option<PlantedBug>,
    ) -> Self {
        Self { truth, of, planted_bug, wrong: AtomicI64::new(0) }
    }

    /// What time passes, whatever it shows.
    pub(crate) fn truth(&self) -> &VirtualClock {
        &self.truth
    }

    /// Makes it wrong by so many milliseconds, or right again.
    pub(crate) fn set_wrong(&self, by_ms: i64) {
        self.wrong.store(by_ms, Ordering::SeqCst);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let truth = self.truth.now().as_millis();
        Timestamp::from_millis(truth.saturating_add_signed(self.wrong.load(Ordering::SeqCst)))
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        self.truth.sleep(PlantedBug::sleeps(self.planted_bug, self.of, span))
    }
}

impl fmt::Debug for MachineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineClock").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}
