use std::time::Duration;

use bulla::base::{Clock, Sleep, Timestamp};
use tokio::time::Instant;

/// The paused time of a tokio runtime: it stands while anybody works, and leaps to the next timer when nobody
/// does.
#[derive(Debug)]
pub struct VirtualClock {
    start: Instant,
    epoch: Timestamp,
}

impl VirtualClock {
    /// A clock that shows `epoch` now.
    pub fn new(epoch: Timestamp) -> Self {
        Self { start: Instant::now(), epoch }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.epoch.after(self.start.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}
