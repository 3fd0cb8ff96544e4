use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bulla_base::Partition;
use tokio::sync::watch;

use crate::limits::MIN_SWEPT_WATCHES;
use crate::{Batch, Space};

/// Tells when records of one space of one partition may have changed.
#[derive(Debug)]
pub struct Watch(watch::Receiver<()>);

impl Watch {
    /// Waits for a commit that put or deleted a record, since the watch was made or this was last called.
    /// Many commits may be told as one. Never returns when the store is gone.
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
pub struct Watchers(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    senders: HashMap<(Partition, Space), watch::Sender<()>>,
    /// How many there may be before those nobody holds any more are looked for.
    enough: usize,
}

impl Watchers {
    /// No watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new watch on `space` of `partition`.
    pub fn watch(&self, partition: Partition, space: Space) -> Watch {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.senders.len() > watched.enough.max(MIN_SWEPT_WATCHES) {
            watched.senders.retain(|_, sender| sender.receiver_count() > 0);
            watched.enough = watched.senders.len() * 2;
        }
        Watch(watched.senders.entry((partition, space)).or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    /// Wakes the watches that `batch`, now durable, concerns, and forgets those nobody holds any more.
    pub fn notify(&self, batch: &Batch) {
        let puts = batch.puts().iter().map(|put| put.key.space());
        self.notify_spaces(batch.partition(), puts.chain(batch.deletes().iter().map(|key| key.space())));
    }

    /// The same for engines that do not keep the batch until it is durable: these spaces of the partition it
    /// was on have changed.
    pub fn notify_spaces(&self, partition: Partition, spaces: impl IntoIterator<Item = Space>) {
        let senders = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).senders;
        if senders.is_empty() {
            return;
        }
        for space in spaces {
            let watched = (partition, space);
            if senders.get(&watched).is_some_and(|sender| sender.send(()).is_err()) {
                senders.remove(&watched);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_nobody_holds_do_not_pile_up() {
        let watchers = Watchers::new();
        let held = watchers.watch(Partition::from_bytes([0; 16]), Space::new(0));
        for number in 0..10_000_u128 {
            drop(watchers.watch(Partition::from_bytes(number.to_be_bytes()), Space::new(1)));
        }
        let watched = watchers.0.lock().unwrap();
        assert!(watched.senders.len() <= 2 * MIN_SWEPT_WATCHES, "{} are kept", watched.senders.len());
        assert!(watched.senders.contains_key(&(Partition::from_bytes([0; 16]), Space::new(0))));
        drop(held);
    }

    /// Else each new one of thousands would look through all of them.
    #[test]
    fn watches_that_are_held_are_looked_through_more_and_more_seldom() {
        let watchers = Watchers::new();
        let held: Vec<_> = (0..1_000_u128)
            .map(|number| watchers.watch(Partition::from_bytes(number.to_be_bytes()), Space::new(1)))
            .collect();
        let watched = watchers.0.lock().unwrap();
        assert_eq!(watched.senders.len(), held.len());
        // With 65, and then each time there are more than twice as many.
        assert_eq!(watched.enough, 1_054);
    }
}
