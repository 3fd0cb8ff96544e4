//! The lease by which several relays on one store know which of them acts.
//!
//! It is a row that its holder renews and that another takes when it was not renewed for a while. It says
//! nothing of time: who stands by goes by how long the row has stayed the same, which no wrong clock changes.
//! It is there so that somebody acts; that nobody else does is seen to by the incarnation of each number.

use bulla_base::Rng;
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, SYSTEM_PARTITION, Store, StoreError, Version};

use crate::limits::LEASE_LOOKS;
use crate::store_layout::LEASE;

/// The form of the row.
const FORM: u8 = 1;

/// The lease of a store, as one relay sees it.
///
/// ```text
/// 1 ‖ whose it is (16 bytes)
/// ```
#[derive(Debug)]
pub(super) struct Lease {
    value: [u8; 17],
}

/// What a relay that stands by has seen of the lease.
#[derive(Debug, Default)]
pub(super) struct LeaseWatch {
    last: Option<Version>,
    /// How often it was the same.
    looks: u32,
}

impl Lease {
    pub(super) fn new(rng: &dyn Rng) -> Self {
        let mut value = [FORM; 17];
        rng.fill(&mut value[1..]);
        Self { value }
    }

    /// Takes or renews the lease, if it is as it was when it had `version`; if nobody had it, for none.
    pub(super) async fn put<S: Store>(
        &self,
        store: &S,
        version: Option<Version>,
    ) -> Result<Option<Version>, StoreError> {
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.expect(key(), version);
        batch.put(key(), self.value.to_vec());
        match store.commit(batch).await? {
            Commit::Committed(version) => Ok(Some(version)),
            // Perhaps it is ours, of a commit of which nothing was heard.
            _ => self.version(store).await,
        }
    }

    /// The version of the lease, if it is ours.
    async fn version<S: Store>(&self, store: &S) -> Result<Option<Version>, StoreError> {
        let held = store.get(SYSTEM_PARTITION, &key(), BEFORE_ALL).await?;
        Ok(held.filter(|held| held.value[..] == self.value).map(|held| held.version))
    }

    /// Whether it is ours now, as the store has it.
    pub(super) async fn is_held<S: Store>(&self, store: &S) -> Result<bool, StoreError> {
        Ok(self.version(store).await?.is_some())
    }

    /// Gives it back, if it is ours.
    pub(super) async fn release<S: Store>(&self, store: &S) -> Result<(), StoreError> {
        let Some(version) = self.version(store).await? else { return Ok(()) };
        let mut batch = Batch::new(SYSTEM_PARTITION);
        batch.expect_version(key(), version);
        batch.delete(key());
        // Whoever was faster has it.
        let _ = store.commit(batch).await?;
        Ok(())
    }

    /// Takes the lease if it is free, or was not renewed for long enough. `is_late` when so long has passed
    /// since the last look that a holder that lives has renewed it.
    pub(super) async fn take_if_over<S: Store>(
        &self,
        store: &S,
        watch: &mut LeaseWatch,
        is_late: bool,
    ) -> Result<Option<Version>, StoreError> {
        let held = store.get(SYSTEM_PARTITION, &key(), BEFORE_ALL).await?.map(|held| held.version);
        if !watch.is_over(held, is_late) {
            return Ok(None);
        }
        *watch = LeaseWatch::default();
        self.put(store, held).await
    }
}

impl LeaseWatch {
    /// Notes one more look. Whether nobody has it any more.
    fn is_over(&mut self, held: Option<Version>, is_late: bool) -> bool {
        if held.is_none() {
            return true;
        }
        if self.last == held {
            self.looks += u32::from(is_late);
        } else {
            *self = Self { last: held, looks: 0 };
        }
        self.looks >= LEASE_LOOKS
    }
}

fn key() -> Key {
    Key::undated(LEASE, "")
}

/// What a write of a relay comes to that was replaced. It may pass: the relay may act again.
pub(super) fn taken_over() -> StoreError {
    StoreError::Unavailable { source: std::io::Error::other("another relay has taken over") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_over_when_it_was_not_renewed_for_so_many_looks_and_not_one_sooner() {
        let (one, two) = (Some(Version::new(1)), Some(Version::new(2)));
        let mut watch = LeaseWatch::default();
        assert!(!watch.is_over(one, true));
        for _ in 1..LEASE_LOOKS {
            assert!(!watch.is_over(one, true));
            assert!(!watch.is_over(one, false), "a look that comes early says nothing");
        }
        assert!(!watch.is_over(two, true), "it was renewed");
        for _ in 1..LEASE_LOOKS {
            assert!(!watch.is_over(two, true));
        }
        assert!(watch.is_over(two, true));
    }

    #[test]
    fn a_lease_that_nobody_has_is_free_at_once() {
        assert!(LeaseWatch::default().is_over(None, false));
    }
}
