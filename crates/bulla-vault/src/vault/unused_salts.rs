//! Conversations of which nothing is left, and that their salt goes too.
//!
//! Whoever writes to a partition first brings its salt along, and a note of the day on which it is looked
//! whether anything is left there. The note is asked for first, so that no salt is there that nobody ever
//! looks for. If a record is left, the note moves on to a later day; if none is, the salt is destroyed.
//!
//! # A salt never goes before the last record sealed under it
//! Whoever looks has the partition's lock alone, so nobody is about to write under the salt who has not asked
//! the store for it yet. What was asked for and not waited for may still be on its way: a write to the
//! partition that changes nothing comes after it, and only then what is there counts. Whoever comes later
//! finds no salt and brings a new one.

use std::future::poll_fn;
use std::sync::PoisonError;
use std::task::Poll;

use bulla_base::{Day, Partition};
use bulla_store::{BEFORE_ALL, Batch, Commit, SYSTEM_PARTITION, Scan, Space, Store, StoreError};

use super::Vault;
use crate::limits::{MAX_SALT_CHECKS, SALT_CHECK_DAYS};
use crate::metrics::SALTS;
use crate::store_layout::{self, VAULT};

impl<S: Store> Vault<S> {
    /// Commits the first batch on a partition, which brings its salt along.
    ///
    /// # Cost
    /// One more commit, which is asked for before the other and shares its sync.
    pub(super) async fn commit_first(
        &self,
        partition: Partition,
        sealed: Batch,
    ) -> Result<Commit, StoreError> {
        // What belongs to no customer stays.
        if partition == SYSTEM_PARTITION {
            return self.engine.commit(sealed).await;
        }
        let mut note = Batch::new(SYSTEM_PARTITION);
        note.put(store_layout::look(later(self.today(), SALT_CHECK_DAYS), partition), "");
        let (noted, outcome) = tokio::join!(biased; self.engine.commit(note), self.engine.commit(sealed));
        if let (Err(error), Ok(Commit::Committed(_))) = (noted, &outcome) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a conversation's salt will stay when nothing of the conversation is left");
        }
        outcome
    }

    /// Takes the looks that are due, as many as may be taken at a time.
    pub(super) async fn drop_unused_salts(&self) -> Result<(), StoreError> {
        let today = self.today();
        let after = self.looked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let looks = store_layout::looks().limit(MAX_SALT_CHECKS);
        let looks = after.map_or(looks.clone(), |after| looks.after(after));
        let (mut batch, mut last, mut unused) = (Batch::new(SYSTEM_PARTITION), None, 0);
        for (key, _) in self.engine.scan(SYSTEM_PARTITION, &looks, BEFORE_ALL).await? {
            // What is no note of ours is taken away.
            if let Some((day, partition)) = store_layout::read_look(&key) {
                if day > today {
                    break;
                }
                match self.is_in_use(partition).await? {
                    true => batch.put(store_layout::look(later(today, SALT_CHECK_DAYS), partition), ""),
                    false => unused += 1,
                }
            }
            batch.delete(key.clone());
            last = Some(key);
            give_way().await;
        }
        if last.is_some() {
            let _outcome = self.engine.commit(batch).await?;
            *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = last;
        }
        ::metrics::counter!(SALTS, "reason" => "nothing_left").increment(unused);
        Ok(())
    }

    /// Forgets when it was to be looked at a partition that was erased.
    pub(super) async fn forget_looks(&self, partition: Partition) -> Result<(), StoreError> {
        let (today, mut batch) = (self.today(), Batch::new(SYSTEM_PARTITION));
        // One that is overdue for longer is taken soon, and finds nothing.
        let first = today.minus(SALT_CHECK_DAYS).number();
        for day in first..=later(today, SALT_CHECK_DAYS).number() {
            batch.delete(store_layout::look(Day::from_number(day), partition));
        }
        let _outcome = self.engine.commit(batch).await?;
        Ok(())
    }

    /// Whether anything is left of `partition`; if not, its salt is destroyed.
    async fn is_in_use(&self, partition: Partition) -> Result<bool, StoreError> {
        let _alone = self.partition_lock(partition).write().await;
        if self.salts().is_erasing(partition) || self.holds_a_record(partition).await? {
            return Ok(true);
        }
        // A write that was asked for and given up by its caller may be on its way still; what is committed
        // after it comes behind it.
        let mut barrier = Batch::new(partition);
        barrier.delete(store_layout::nothing());
        let _outcome = self.engine.commit(barrier).await?;
        if self.holds_a_record(partition).await? {
            return Ok(true);
        }
        let mut batch = Batch::new(partition);
        batch.delete(store_layout::salt());
        // Until it is known to be gone nobody may seal under it, also when nobody waits for the end of this:
        // whoever writes then erases what is there, which is nothing.
        self.salts().begin_erasure(partition);
        let _outcome = self.engine.commit(batch).await?;
        self.salts().end_erasure(partition);
        Ok(false)
    }

    /// Whether there is any record but the salt, be it expired.
    ///
    /// # Cost
    /// Up to 255 scans of one row, fewer if there is one.
    async fn holds_a_record(&self, partition: Partition) -> Result<bool, StoreError> {
        for space in (0..=u8::MAX).map(Space::new).filter(|space| *space != VAULT) {
            let any = Scan::everything(space).limit(1);
            if !self.engine.scan(partition, &any, BEFORE_ALL).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The day it is for the vault, which does not go back.
    fn today(&self) -> Day {
        self.epochs().time().day()
    }
}

fn later(day: Day, days: u32) -> Day {
    Day::from_number(day.number().saturating_add(days))
}

/// Lets whatever runs this do something else first: engines may find all they are asked for at once.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
