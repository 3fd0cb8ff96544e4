use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::Partition;
use tokio::sync::Notify;

use crate::limits::MIN_SWEPT_WATCHES;
use crate::{Batch, Space};

/// Tells when records of one space of one partition may have changed.
///
/// Those who wait for the same are woken in the order in which they began to.
#[derive(Debug)]
pub struct Watch {
    changes: Arc<Changes>,
    /// How many changes it has told.
    told: u64,
}

/// What has changed under the eyes of some watches. Not a [`tokio::sync::watch`], which leaves to chance in
/// what order those who wait are woken: a run of a simulator would not be the same twice.
#[derive(Debug, Default)]
struct Changes {
    count: AtomicU64,
    changed: Notify,
}

impl Watch {
    /// Waits for a commit that put or deleted a record, since the watch was made or this was last called.
    /// Many commits may be told as one. Never returns when the store is gone.
    ///
    /// Cancel safe: a change that was not waited for is told the next time.
    pub async fn changed(&mut self) {
        loop {
            // Before the look: what changes after it wakes this.
            let changed = self.changes.changed.notified();
            let count = self.changes.count.load(Ordering::Acquire);
            if count != self.told {
                self.told = count;
                return;
            }
            changed.await;
        }
    }
}

/// The watches of one engine: a part for engines to use.
#[derive(Debug, Default)]
pub struct Watchers(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    changes: HashMap<(Partition, Space), Arc<Changes>>,
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
        if watched.changes.len() > watched.enough.max(MIN_SWEPT_WATCHES) {
            watched.changes.retain(|_, changes| is_watched(changes));
            // Doubled, or each new one of thousands would look through all of them.
            watched.enough = watched.changes.len() * 2;
        }
        let changes = Arc::clone(watched.changes.entry((partition, space)).or_default());
        Watch { told: changes.count.load(Ordering::Acquire), changes }
    }

    /// Wakes the watches that `batch`, now durable, concerns, and forgets those nobody holds any more.
    pub fn notify(&self, batch: &Batch) {
        let puts = batch.puts().iter().map(|put| put.key.space());
        self.notify_spaces(batch.partition(), puts.chain(batch.deletes().iter().map(|key| key.space())));
    }

    /// The same for engines that do not keep the batch until it is durable: these spaces of the partition it
    /// was on have changed.
    pub fn notify_spaces(&self, partition: Partition, spaces: impl IntoIterator<Item = Space>) {
        let all = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).changes;
        if all.is_empty() {
            return;
        }
        for space in spaces {
            let watched = (partition, space);
            let Some(changes) = all.get(&watched) else { continue };
            if is_watched(changes) {
                // Counted before anybody is woken: who is woken has to find it.
                changes.count.fetch_add(1, Ordering::Release);
                changes.changed.notify_waiters();
            } else {
                // In passing: whoever writes here comes by anyway, and no task is needed that looks for
                // them.
                all.remove(&watched);
            }
        }
    }
}

/// Whether anybody but the engine holds it. Nobody comes to hold it while the engine's lock is held.
fn is_watched(changes: &Arc<Changes>) -> bool {
    Arc::strong_count(changes) > 1
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
        assert!(watched.changes.len() <= 2 * MIN_SWEPT_WATCHES, "{} are kept", watched.changes.len());
        assert!(watched.changes.contains_key(&(Partition::from_bytes([0; 16]), Space::new(0))));
        drop(held);
    }

    #[tokio::test]
    async fn those_who_wait_for_the_same_are_woken_in_the_order_in_which_they_began_to() {
        let (watchers, partition, space) = (Watchers::new(), Partition::from_bytes([0; 16]), Space::new(0));
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..32 {
            let (mut watch, woken) = (watchers.watch(partition, space), Arc::clone(&woken));
            waiting.spawn(async move {
                watch.changed().await;
                woken.lock().unwrap().push(number);
            });
        }
        tokio::task::yield_now().await;
        watchers.notify_spaces(partition, [space]);
        waiting.join_all().await;
        assert_eq!(*woken.lock().unwrap(), (0..32).collect::<Vec<_>>());
    }

    /// Else each new one of thousands would look through all of them.
    #[test]
    fn watches_that_are_held_are_looked_through_more_and_more_seldom() {
        let watchers = Watchers::new();
        let held: Vec<_> = (0..1_000_u128)
            .map(|number| watchers.watch(Partition::from_bytes(number.to_be_bytes()), Space::new(1)))
            .collect();
        let watched = watchers.0.lock().unwrap();
        assert_eq!(watched.changes.len(), held.len());
        // With 65, and then each time there are more than twice as many.
        assert_eq!(watched.enough, 1_054);
    }
}
