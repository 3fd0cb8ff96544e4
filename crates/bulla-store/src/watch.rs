use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bulla_base::Partition;
use tokio::sync::watch;

use crate::{Batch, Space};

/// Tells when records of one space of one partition may have changed.
#[derive(Debug)]
pub struct Watch(watch::Receiver<()>);

impl Watch {
    /// Waits for a commit that put or deleted a record, since the watch was made or this was last called. Many commits may be told as
    /// one. Never returns when the store is gone.
    ///
    /// Cancel safe: a change that was not waited for is told the next time.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The watches of one engine: a part for engines to use.
#[derive(Debug, Default)]
pub struct Watchers(Mutex<HashMap<(Partition, Space), watch::Sender<()>>>);

impl Watchers {
    /// No watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new watch on `space` of `partition`.
    pub fn watch(&self, partition: Partition, space: Space) -> Watch {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Watch(senders.entry((partition, space)).or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    /// Wakes the watches that `batch`, now durable, concerns, and forgets those nobody holds any more.
    pub fn notify(&self, batch: &Batch) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if senders.is_empty() {
            return;
        }
        let changed = batch
            .puts()
            .iter()
            .map(|put| put.key.space())
            .chain(batch.deletes().iter().map(|key| key.space()));
        for space in changed {
            let watched = (batch.partition(), space);
            if senders.get(&watched).is_some_and(|sender| sender.send(()).is_err()) {
                senders.remove(&watched);
            }
        }
    }
}
