use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use tokio::sync::Notify;

use crate::limits::MIN_SHRUNK_ROOM;
use crate::{Batch, Space};

/// Tells when records of one space of one partition may have changed.
///
/// Those who wait for the same are woken in the order in which they began to.
pub struct Watch {
    changes: Arc<Changes>,
    /// How many changes it has told.
    told: u64,
    of: Watched,
    /// Where it is listed until it is dropped.
    watchers: Watchers,
}

/// What a watch is on.
type Watched = (Partition, Space);

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

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.watchers.listed();
        if let Some(listed) = all.get_mut(&self.of) {
            listed.watches -= 1;
            if listed.watches == 0 {
                all.remove(&self.of);
                give_back_room(&mut all);
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("told", &self.told).finish_non_exhaustive()
    }
}

/// The watches of one engine: a part for engines to use.
///
/// # Cost
/// Nothing for what nobody watches: the last watch that is dropped takes the memory with it.
#[derive(Debug, Default)]
pub struct Watchers(Arc<Mutex<HashMap<Watched, Listed>>>);

/// What is known of something that is watched.
#[derive(Debug, Default)]
struct Listed {
    changes: Arc<Changes>,
    /// How many watches are on it.
    watches: usize,
}

impl Watchers {
    /// No watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new watch on `space` of `partition`.
    pub fn watch(&self, partition: Partition, space: Space) -> Watch {
        let (mut all, of) = (self.listed(), (partition, space));
        let listed = all.entry(of).or_default();
        listed.watches += 1;
        let (changes, watchers) = (Arc::clone(&listed.changes), Self(Arc::clone(&self.0)));
        Watch { told: changes.count.load(Ordering::Acquire), changes, of, watchers }
    }

    /// Wakes the watches that `batch`, now durable, concerns.
    pub fn notify(&self, batch: &Batch) {
        let puts = batch.puts().iter().map(|put| put.key.space());
        self.notify_spaces(batch.partition(), puts.chain(batch.deletes().iter().map(|key| key.space())));
    }

    /// The same for engines that do not keep the batch until it is durable: these spaces of the partition it
    /// was on have changed.
    pub fn notify_spaces(&self, partition: Partition, spaces: impl IntoIterator<Item = Space>) {
        let all = self.listed();
        if all.is_empty() {
            return;
        }
        for space in spaces {
            let Some(Listed { changes, .. }) = all.get(&(partition, space)) else { continue };
            // Counted before anybody is woken: who is woken has to find it.
            changes.count.fetch_add(1, Ordering::Release);
            changes.changed.notify_waiters();
        }
    }

    fn listed(&self) -> MutexGuard<'_, HashMap<Watched, Listed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives back the room of those that are gone: thousands may have waited at once.
fn give_back_room(all: &mut HashMap<Watched, Listed>) {
    let room = all.capacity();
    if room > MIN_SHRUNK_ROOM && all.len() <= room / 4 {
        all.shrink_to(room / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_that_are_dropped_leave_nothing_behind() {
        let (watchers, space) = (Watchers::new(), Space::new(1));
        let watch = |number: u128| watchers.watch(Partition::from_bytes(number.to_be_bytes()), space);
        let (first, second) = (watch(0), watch(0));
        let many: Vec<_> = (0..10_000).map(watch).collect();
        assert_eq!(watchers.listed().len(), 10_000);
        drop(many);
        drop(first);
        assert_eq!(watchers.listed().len(), 1, "another holds it");
        drop(second);
        let left = watchers.listed();
        assert!(left.is_empty() && left.capacity() <= MIN_SHRUNK_ROOM, "room for {}", left.capacity());
    }

    /// Else it would be told of what changed before it.
    #[tokio::test]
    async fn a_watch_that_comes_after_others_were_dropped_begins_anew() {
        let (watchers, partition, space) = (Watchers::new(), Partition::from_bytes([0; 16]), Space::new(0));
        let mut watch = watchers.watch(partition, space);
        watchers.notify_spaces(partition, [space]);
        watch.changed().await;
        drop(watch);
        watchers.notify_spaces(partition, [space]);
        let mut next = watchers.watch(partition, space);
        tokio::select! {
            biased;
            () = next.changed() => panic!("it was before this one"),
            () = std::future::ready(()) => {}
        }
        watchers.notify_spaces(partition, [space]);
        next.changed().await;
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
}
