//! What is on its way to the program.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what is on its way.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    landed: Notify,
}

impl InFlight {
    /// One more, until what this returns is dropped.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        self.count.fetch_add(1, Ordering::SeqCst);
        UnderWay(self)
    }

    /// Whether nothing is.
    pub(crate) fn is_none(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Waits until something has landed, if anything is on its way.
    pub(crate) async fn landed(&self) {
        let landed = self.landed.notified();
        if !self.is_none() {
            landed.await;
        }
    }
}

/// Something that is on its way.
pub(super) struct UnderWay<'a>(&'a InFlight);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.landed.notify_waiters();
    }
}
