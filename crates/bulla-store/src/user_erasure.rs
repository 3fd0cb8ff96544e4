use bulla_base::{Clock, Partition, Timestamp};
use bytes::Bytes;

use crate::limits::ERASE_ATTEMPTS;
use crate::scan::goes_on;
use crate::{Batch, Key, SYSTEM_PARTITION, Scan, Space, Store, StoreError};

/// Before any record's expiry: read at this moment, everything that is on disk is there.
pub const BEFORE_ALL: Timestamp = Timestamp::from_millis(0);

/// The receipt for an erasure: that at this moment the store was read once more, and held nothing about the
/// user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    at: Timestamp,
    records: usize,
}

impl Erased {
    /// When nothing was found any more.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }

    /// How many records this call removed. 0 when there were none, or when a call before this one got to
    /// them.
    #[must_use]
    pub const fn records(self) -> usize {
        self.records
    }

    /// The receipt for those who asked for the same and found it done.
    #[must_use]
    pub const fn by_another(self) -> Self {
        Self { at: self.at, records: 0 }
    }
}

/// The wish that a user be erased, which is durable before anything is removed, and is there until nothing is
/// left.
///
/// Whoever keeps records about users beyond their own partition carries out erasures with it: what is removed
/// where is theirs to say, and that it is begun, repeated until nothing is found, and taken up after a crash
/// is the same for all. They keep writers out meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserErasure {
    user: Partition,
    intents: Space,
}

impl UserErasure {
    /// The erasure of `user`, noted in `intents` of [`SYSTEM_PARTITION`]. The user is named by the keyed tag:
    /// no number stands in the wish to forget it.
    #[must_use]
    pub const fn new(user: Partition, intents: Space) -> Self {
        Self { user, intents }
    }

    /// Those noted in `intents` that are not done: to be carried out before anything else when a store is
    /// opened.
    ///
    /// # Errors
    /// When the store fails or a note is damaged.
    pub async fn begun<S: Store>(store: &S, intents: Space, now: Timestamp) -> Result<Vec<Self>, StoreError> {
        let (mut begun, mut scan) = (Vec::new(), Scan::undated(intents));
        loop {
            let page = store.scan(SYSTEM_PARTITION, &scan, now).await?;
            let (Some((first, _)), Some((last, _))) = (page.first(), page.last()) else { return Ok(begun) };
            // An engine that gives the same page again would keep this at it for ever.
            goes_on(scan.begin_after(), first)?;
            scan = Scan::undated(intents).after(last.clone());
            for (key, _) in page {
                let user = key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "erasure" })?;
                begun.push(Self::new(Partition::from_bytes(user), intents));
            }
        }
    }

    /// Who is to be erased.
    #[must_use]
    pub const fn user(self) -> Partition {
        self.user
    }

    /// Notes the wish: from when this returns, it is carried out whatever happens.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin<S: Store>(self, store: &S) -> Result<(), StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        // It expects nothing, so nothing can be in its way.
        batch.put(self.key(), Bytes::new());
        let _ = store.commit(batch).await?;
        Ok(())
    }

    /// Calls `pass`, which removes what it finds and says how many records that were, until it finds nothing;
    /// then takes back the wish.
    ///
    /// # Errors
    /// When `pass` or the store fails, or records stay however often they are removed. The wish stands; carry
    /// it out again.
    pub async fn carry_out<S: Store, P: Future<Output = Result<usize, StoreError>>>(
        self,
        store: &S,
        clock: &dyn Clock,
        mut pass: impl FnMut() -> P,
    ) -> Result<Erased, StoreError> {
        let mut records = 0;
        for _ in 0..ERASE_ATTEMPTS {
            let removed = pass().await?;
            records += removed;
            // Only a pass that finds nothing shows that nobody wrote behind the one before.
            if removed > 0 {
                continue;
            }
            let mut batch = Batch::new(SYSTEM_PARTITION);
            batch.delete(self.key());
            let _ = store.commit(batch).await?;
            return Ok(Erased { at: clock.now(), records });
        }
        Err(StoreError::Damaged { what: "record to be erased" })
    }

    fn key(self) -> Key {
        Key::undated(self.intents, Bytes::copy_from_slice(self.user.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::ManualClock;

    use super::*;
    use crate::MemoryStore;

    const INTENTS: Space = Space::new(1);
    const USER: UserErasure = UserErasure::new(Partition::from_bytes([7; 16]), INTENTS);

    async fn begun(store: &MemoryStore) -> Vec<UserErasure> {
        UserErasure::begun(store, INTENTS, BEFORE_ALL).await.unwrap()
    }

    /// A pass that finds these many records, one after the other.
    fn finding<const N: usize>(
        counts: [usize; N],
    ) -> impl FnMut() -> std::future::Ready<Result<usize, StoreError>> {
        let mut counts = counts.into_iter();
        move || std::future::ready(counts.next().ok_or(StoreError::Closed))
    }

    #[tokio::test]
    async fn an_erasure_stands_until_a_pass_finds_nothing() {
        let (store, clock) = (MemoryStore::new(), ManualClock::new(Timestamp::from_millis(5)));
        USER.begin(&store).await.unwrap();
        let cut_short = USER.carry_out(&store, &clock, finding([3])).await;
        assert!(matches!(cut_short, Err(StoreError::Closed)));
        assert_eq!(begun(&store).await, [USER]);
        let erased = USER.carry_out(&store, &clock, finding([3, 1, 0])).await.unwrap();
        assert_eq!((erased.records(), erased.at()), (4, Timestamp::from_millis(5)));
        assert_eq!(begun(&store).await, []);
    }

    #[tokio::test]
    async fn records_that_come_back_are_told_and_the_erasure_stands() {
        let (store, clock) = (MemoryStore::new(), ManualClock::new(BEFORE_ALL));
        USER.begin(&store).await.unwrap();
        let resisted = USER.carry_out(&store, &clock, finding([1, 1, 1, 0])).await;
        assert!(matches!(resisted, Err(StoreError::Damaged { .. })));
        assert_eq!(begun(&store).await, [USER]);
    }
}
