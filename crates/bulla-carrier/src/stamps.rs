//! Stamps on what is accepted, with which its recipient can show later what was sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{Address, Clock, Rng, Timestamp};
use bulla_envelope::{Envelope, FrankingStamp, Kind};
use bulla_integrity::{Acceptance, InvalidForm, NotProven, Report, StampKeys};
use bulla_store::{Batch, Commit, Key, SYSTEM_PARTITION, Store, StoreError};

use crate::limits::SWEEP_INTERVAL;
use crate::store_layout::STAMP_KEYS;

/// The keys of stamps, as they are in the store and, when a day has begun since, one further.
pub(crate) struct Stamps {
    keys: Mutex<StampKeys>,
}

impl Stamps {
    /// The keys in `store`, drawn and kept at first use.
    pub(crate) async fn open<S: Store>(store: &S, now: Timestamp, rng: &dyn Rng) -> Result<Self, StoreError> {
        loop {
            if let Some(record) = store.get(SYSTEM_PARTITION, &row(), now).await? {
                let keys = StampKeys::from_bytes(&record.value);
                let mut keys = keys.map_err(|_| StoreError::Damaged { what: "stamp keys" })?;
                // What came before this start can be reported before anything is stamped. A clock that is too
                // far ahead is told of where it is stamped.
                let _: Result<bool, InvalidForm> = keys.advance(now.day());
                return Ok(Self { keys: Mutex::new(keys) });
            }
            let mut batch = Batch::new(SYSTEM_PARTITION);
            batch.expect_absent(row());
            batch.put(row(), StampKeys::new(now.day(), rng).to_bytes().to_vec());
            // Whoever came first, committed or in conflict: there is one now.
            let _: Commit = store.commit(batch).await?;
        }
    }

    /// The stamp of `envelope`, which is accepted `now`. Nothing when the clock is more than a year ahead of
    /// the keys, or before them: what is accepted then is delivered, and cannot be reported.
    pub(crate) fn stamp(&self, envelope: &Envelope, now: Timestamp) -> Option<FrankingStamp> {
        let accepted = acceptance(envelope);
        let mut keys = self.keys();
        let stamp = keys.stamp(&accepted, now).or_else(|| {
            // A day has begun.
            if let Err(error) = keys.advance(now.day()) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the clock is too far ahead for stamps"
                );
            }
            keys.stamp(&accepted, now)
        });
        stamp.map(|stamp| FrankingStamp::from_bytes(stamp.to_bytes()))
    }

    /// Whether all that `reporter` reports was accepted here as it says.
    pub(crate) fn verify(&self, report: &Report, reporter: &Address) -> Result<(), NotProven> {
        // A copy, so that nobody who sends waits for it: reports are few.
        let keys = self.keys().clone();
        report.verify(reporter, &keys)
    }

    /// Destroys the keys of days whose messages can be reported no more, in memory and in `store`: once an
    /// hour, for as long as the carrier is there.
    pub(crate) async fn keep_forgetting<S: Store>(
        &self,
        store: &S,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        loop {
            match self.forget(store, clock.now()).await {
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a key of stamps was not destroyed"
                    );
                }
                Ok(()) => {}
            }
            clock.sleep(SWEEP_INTERVAL).await;
        }
    }

    pub(crate) async fn forget<S: Store>(&self, store: &S, now: Timestamp) -> Result<(), StoreError> {
        let kept = {
            let mut keys = self.keys();
            // Said where it is stamped.
            let _: Result<bool, InvalidForm> = keys.advance(now.day());
            keys.to_bytes()
        };
        // Not by what has changed in memory: an earlier attempt to write it may have failed.
        let stored = store.get(SYSTEM_PARTITION, &row(), now).await?;
        if stored.is_none_or(|stored| stored.value[..] != kept[..]) {
            let mut batch = Batch::new(SYSTEM_PARTITION);
            batch.put(row(), kept.to_vec());
            // It expects nothing.
            let _ = store.commit(batch).await?;
        }
        Ok(())
    }

    fn keys(&self) -> MutexGuard<'_, StampKeys> {
        // A poisoned lock still holds good keys: nothing can panic while it is held.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row() -> Key {
    Key::undated(STAMP_KEYS, "")
}

/// What a stamp binds of `envelope`.
fn acceptance(envelope: &Envelope) -> Acceptance {
    let (kind, category) = match envelope.kind() {
        Kind::Message(category) => (1, Some(category)),
        Kind::Receipt => (2, None),
        _ => (3, None),
    };
    let (from, to) = (envelope.from().clone(), envelope.to().clone());
    Acceptance::new(envelope.id(), from, to, kind, category, *envelope.franking().as_bytes())
}
