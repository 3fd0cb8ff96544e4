//! Users whom businesses report: who was reported by too many of them is paused.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_base::{Address, Number, Partition, Party, Timestamp};
use bulla_envelope::{Envelope, Kind};
use bulla_integrity::{REPORTERS_SPAN, Reporters};
use bulla_store::{Batch, Key, Retention, Scan, Store, StoreError};
use bulla_transport::{Restriction, TransportError};

use super::Protection;
use super::watched::tag;
use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::MAX_KNOWN_USERS;
use crate::metrics::ENFORCEMENTS;
use crate::store_layout::{REPORTERS, REPORTS_MADE, reporters};

/// Until when users are paused who have written lately, as the rows say: each message asks.
#[derive(Debug, Default)]
pub(crate) struct PausedUsers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    until: HashMap<Partition, Option<Timestamp>>,
    /// How often something was changed: what was read before that may be old.
    changes: u64,
}

impl PausedUsers {
    /// Until when `user` is paused, if that is known; or how often something was changed.
    fn of(&self, user: Partition) -> Result<Option<Timestamp>, u64> {
        let known = self.known();
        known.until.get(&user).copied().ok_or(known.changes)
    }

    /// Remembers what was read when there had been so many `changes`.
    fn remember(&self, user: Partition, until: Option<Timestamp>, changes: u64) {
        let mut known = self.known();
        if known.changes == changes {
            // Beyond the bound all are read once more, which does no harm.
            if known.until.len() >= MAX_KNOWN_USERS {
                known.until.clear();
            }
            known.until.insert(user, until);
        }
    }

    /// What is known of `user` holds no more.
    pub(crate) fn forget(&self, user: Partition) {
        let mut known = self.known();
        known.changes += 1;
        known.until.remove(&user);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a report makes of who has reported a user.
pub(crate) struct Noted {
    user: Partition,
    /// Whether it pauses the user.
    pauses: bool,
}

impl<S> Protection<S> {
    /// What was noted is in the store.
    pub(crate) fn reporter_noted(&self, noted: &Noted) {
        self.paused_users.forget(noted.user);
        if noted.pauses {
            metrics::counter!(ENFORCEMENTS, "what" => "user paused").increment(1);
            tracing::warn!("a user was paused whom businesses have reported");
        }
    }
}

impl<S: Store> Carrier<S> {
    /// Refuses what a user writes to a business who is paused. To be asked of what was never queued.
    pub(crate) async fn user_may_write(
        &self,
        envelope: &Envelope,
        now: Timestamp,
    ) -> Result<(), TransportError> {
        let (Some(protection), Kind::Message(_), Party::User(_), Party::Business(_)) =
            (&self.protection, envelope.kind(), envelope.from().party(), envelope.to().party())
        else {
            return Ok(());
        };
        let user = self.partition(envelope.from());
        let until = match protection.paused_users.of(user) {
            Ok(until) => until,
            Err(changes) => {
                let stored = self.reporters_of(user, now).await.map_err(store_failed)?;
                let until = stored.reporters.paused_until(now);
                protection.paused_users.remember(user, until, changes);
                until
            }
        };
        match until.filter(|until| now < *until) {
            None => Ok(()),
            until => Err(TransportError::Restricted { restriction: Restriction::Paused, until }),
        }
    }

    /// Puts into the `batch` that keeps a report of a user that the business of `reporter` has made it, when
    /// it is in the store that there is something of the business's there. To be called under the lock of the
    /// user's partition, and to be told [when it is durable](Protection::reporter_noted).
    ///
    /// The last of what is reported was `accepted` then. If that was before a pause ended, it is what the
    /// pause was for, and does not prolong it. When the record has left, a week after the last report, nobody
    /// knows any more, and it counts.
    pub(crate) async fn note_reporter(
        &self,
        reporter: Partition,
        accepted: Timestamp,
        batch: &mut Batch,
        now: Timestamp,
    ) -> Result<Noted, StoreError> {
        let user = batch.partition();
        // First, and in another partition: without the report it leads to nothing.
        let mut made = Batch::new(reporter);
        let key = Key::dated(REPORTS_MADE, now.day(), user.as_bytes().to_vec());
        made.put_until(key, Vec::new(), Retention::LONGEST.from(now));
        // It expects nothing.
        let _ = self.store.commit(made).await?;
        let stored = self.reporters_of(user, now).await?;
        let before = stored.reporters;
        if before.pause_end().is_some_and(|end| accepted < end) {
            return Ok(Noted { user, pauses: false });
        }
        let after = before.report(tag(reporter), now);
        stored.replace(batch, &after, now);
        let pauses = before.paused_until(now).is_none() && after.paused_until(now).is_some();
        Ok(Noted { user, pauses })
    }

    /// Puts into `batch` that the business of `reporter` has not reported the user of its partition.
    pub(crate) async fn forget_reporter(
        &self,
        reporter: Partition,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let (user, now) = (batch.partition(), self.clock.now());
        let stored = self.reporters_of(user, now).await?;
        let after = stored.reporters.without(tag(reporter));
        if after != stored.reporters {
            stored.replace(batch, &after, now);
        }
        Ok(())
    }

    /// Until when `user`, whom businesses have reported, may write to none, by the rule of
    /// [`Reporters`](bulla_integrity::Reporters). Nothing if they may, also when the record of it is damaged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user_paused_until(&self, user: &Number) -> Result<Option<Timestamp>, StoreError> {
        let (address, now) = (Address::user(user.clone()), self.clock.now());
        let stored = self.reporters_of(self.partition(&address), now);
        let stored = self.for_host(self.call("watch", &address, None), stored).await?;
        Ok(stored.reporters.paused_until(now))
    }

    /// Forgets who has reported `user`, who may write to businesses again; the reports themselves stay. False
    /// if nobody has of late.
    ///
    /// # Errors
    /// As [`user_paused_until`](Self::user_paused_until); then ask again.
    pub async fn forgive_user(&self, user: &Number) -> Result<bool, StoreError> {
        let address = Address::user(user.clone());
        let partition = self.partition(&address);
        let forgiving = async {
            let _lock = self.keyed_mutex.lock(partition).await;
            let stored = self.reporters_of(partition, self.clock.now()).await?;
            let mut batch = Batch::new(partition);
            stored.keys.into_iter().for_each(|key| batch.delete(key));
            // It expects nothing.
            let _ = self.store.commit(batch).await?;
            self.forget_paused(partition);
            Ok(stored.reporters != Reporters::default())
        };
        self.for_host(self.call("watch", &address, None), forgiving).await
    }

    /// What is known of `user` holds no more.
    pub(crate) fn forget_paused(&self, user: Partition) {
        if let Some(protection) = &self.protection {
            protection.paused_users.forget(user);
        }
    }

    /// Who has reported a user. What cannot be read is nobody, and the next report takes its place: else the
    /// user could write to nobody for good.
    async fn reporters_of(&self, user: Partition, now: Timestamp) -> Result<Stored, StoreError> {
        let everything = Scan::everything(REPORTERS);
        let damaged = match self.store.scan(user, &everything, now).await {
            Ok(rows) => {
                let newest = rows.last().map(|(_, stored)| stored.value[..].try_into());
                if let Ok(newest) = newest.transpose() {
                    let reporters = newest.map(Reporters::from_bytes).unwrap_or_default();
                    return Ok(Stored { reporters, keys: rows.into_iter().map(|(key, _)| key).collect() });
                }
                StoreError::Damaged { what: "reporters of a user" }
            }
            Err(error) if error.is_of_a_record() => error,
            Err(error) => return Err(error),
        };
        tracing::warn!(
            error = &damaged as &dyn std::error::Error,
            "who has reported a user cannot be read, and counts as nobody"
        );
        let keys = self.store.keys(user, &everything, now).await?;
        Ok(Stored { reporters: Reporters::default(), keys })
    }
}

/// Who has reported a user, as it stands in the store: by the day of the last report, with which it leaves.
struct Stored {
    reporters: Reporters,
    /// Where it stands: one, or none.
    keys: Vec<Key>,
}

impl Stored {
    /// Puts `after` into `batch` in place of it: all of it stands by the day of `now` then.
    fn replace(self, batch: &mut Batch, after: &Reporters, now: Timestamp) {
        let today = reporters(now.day());
        self.keys.into_iter().filter(|key| *key != today).for_each(|key| batch.delete(key));
        // A span as short as that is one.
        let expiry = Retention::new(REPORTERS_SPAN).unwrap_or(Retention::LONGEST).from(now);
        batch.put_until(today, after.to_bytes(), expiry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_and_they_stay_within_their_bound() {
        let (known, [ann, bob]) =
            (PausedUsers::default(), [1, 2].map(|byte| Partition::from_bytes([byte; 16])));
        let changes = known.of(ann).unwrap_err();
        known.forget(ann);
        known.remember(ann, None, changes);
        let changes = known.of(ann).unwrap_err();
        known.remember(ann, None, changes);
        assert_eq!(known.of(ann), Ok(None));
        for other in 1..MAX_KNOWN_USERS as u128 {
            known.remember(Partition::from_bytes((other << 64).to_be_bytes()), None, changes);
        }
        // Not in one expression: it would wait for its own lock.
        let count = || known.known().until.len();
        assert_eq!(count(), MAX_KNOWN_USERS);
        assert_eq!(known.of(ann), Ok(None));
        known.remember(bob, None, changes);
        assert_eq!(count(), 1);
        assert_eq!(known.of(ann), Err(changes));
    }
}
