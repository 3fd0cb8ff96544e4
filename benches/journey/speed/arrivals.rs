use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Where a message is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Shown,
    Read,
    Forwarded,
}

/// Who waits for which message, and where.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<HashMap<(Stage, usize), oneshot::Sender<()>>>);

impl Arrivals {
    pub(crate) fn expect(&self, stage: Stage, place: usize) -> oneshot::Receiver<()> {
        let (sender, arrived) = oneshot::channel();
        self.lock().insert((stage, place), sender);
        arrived
    }

    /// The message has come to `stage`.
    pub(crate) fn arrive(&self, stage: Stage, place: usize) {
        if let Some(waiting) = self.lock().remove(&(stage, place)) {
            // Who waits is there until it has come.
            let _ = waiting.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Stage, usize), oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
