use std::sync::Mutex;
use std::time::Duration;

use bulla_base::{Clock, Sleep, Timestamp};

/// A clock whose sleeps take their time.
#[derive(Debug)]
pub(crate) struct WaitingClock;

impl Clock for WaitingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_293_590_960)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock whose sleeps are over after a tenth of a second, however long they should be: for those who wait
/// for what never comes.
#[derive(Debug)]
pub(crate) struct HastyClock;

impl Clock for HastyClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_293_590_960)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span.min(Duration::from_millis(100))))
    }
}

/// A hasty clock that writes down how long it was asked to sleep.
#[derive(Debug, Default)]
pub(crate) struct NotingClock(Mutex<Vec<Duration>>);

impl NotingClock {
    /// What it was asked since last.
    pub(crate) fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Clock for NotingClock {
    fn now(&self) -> Timestamp {
        HastyClock.now()
    }

    fn sleep(&self, span: Duration) -> Sleep<'_> {
        self.0.lock().unwrap().push(span);
        HastyClock.sleep(span)
    }
}
