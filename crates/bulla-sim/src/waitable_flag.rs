//! A flag that can be waited for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Something that is so or not, and can be waited for. Who waits is woken in order: a `watch` of tokio draws
/// lots of its own, and the same seed would not do the same.
#[derive(Debug, Default)]
pub(crate) struct WaitableFlag {
    is_set: AtomicBool,
    changed: Notify,
}

impl WaitableFlag {
    pub(crate) fn set(&self, is_set: bool) {
        self.is_set.store(is_set, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until it is as asked.
    pub(crate) async fn is(&self, wanted: bool) {
        loop {
            let changed = self.changed.notified();
            if self.is_set() == wanted {
                return;
            }
            changed.await;
        }
    }
}
