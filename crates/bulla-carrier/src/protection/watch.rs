use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use bulla_base::{Number, Partition, Party, PhoneNumberId, Rng, Timestamp};
use bulla_integrity::{Observation, Report};
use bulla_store::{Batch, Counter, SYSTEM_PARTITION, Store, StoreError};
use bulla_transport::TransportError;

use super::Protection;
use super::contacts::KindPut;
use super::held::Held;
use super::watched::{Also, Met, Put, UnderWay, Watched, tag};
use crate::limits::{MAX_REACHED_APART, PROTECTION_INTERVAL, UNWATCHED_AFTER};
use crate::metrics::{ENFORCEMENTS, WATCHED};
use crate::store_layout::{STANDING, reached};

impl<S: Store> Protection<S> {
    /// Looks at a business that was [loaded](Self::load).
    pub(super) fn look<R: Default>(
        &self,
        business: PhoneNumberId,
        look: impl FnOnce(&mut Watched, Timestamp, &dyn Rng) -> Result<R, TransportError>,
    ) -> Result<R, TransportError> {
        let now = self.clock.now();
        let mut all = self.watched();
        // One that has never connected: nobody has said anything of it.
        all.get_mut(&business).map_or_else(|| Ok(R::default()), |watched| look(watched, now, &*self.rng))
    }

    /// Looks at a business, and keeps what comes of it before anybody hears of it. Nothing of one that has
    /// never connected.
    pub(super) async fn watch<R>(
        &self,
        business: PhoneNumberId,
        look: impl FnOnce(&mut Watched, Timestamp, &dyn Rng) -> R,
    ) -> Result<Option<R>, StoreError> {
        if !self.load(business).await? {
            return Ok(None);
        }
        let looked = {
            let (now, mut all) = (self.clock.now(), self.watched());
            all.get_mut(&business).map(|watched| look(watched, now, &*self.rng))
        };
        self.keep_events(business).await?;
        Ok(looked)
    }

    /// Writes down what was done about a business, if something was.
    pub(super) async fn keep_events(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        let has_events = self.watched().get(&business).is_some_and(Watched::has_events);
        if has_events { self.keep(business, Also::Nothing).await } else { Ok(()) }
    }

    /// Takes note of a verified `report` of `business`, and puts what comes of it into the `batch` that keeps
    /// the report: to be called under the lock of its partition, when it was [loaded](Self::load). To be told
    /// [when it is in the store](Self::kept).
    pub(crate) fn note_report(
        &self,
        business: PhoneNumberId,
        reporter: Partition,
        report: &Report,
        batch: &mut Batch,
    ) -> Option<Put> {
        let (now, user) = (self.clock.now(), tag(reporter));
        let mut all = self.watched();
        let watched = all.get_mut(&business)?;
        for message in report.messages() {
            let (reached, reason) = (message.stamp().accepted(), report.reason());
            watched.note(Observation::Reported { user, reached, reason }, now);
        }
        Some(watched.put(batch, now))
    }

    /// What was put into a batch is in the store.
    pub(crate) fn kept(&self, business: PhoneNumberId, put: Put) {
        if let Some(watched) = self.watched().get_mut(&business) {
            let (events, stands_otherwise) = watched.kept(put);
            if stands_otherwise {
                self.changed.notify_spaces(watched.partition, [STANDING]);
            }
            for event in events {
                let what = event.what().name();
                metrics::counter!(ENFORCEMENTS, "what" => what).increment(1);
                let (score, signals) = (event.score(), event.reasons());
                tracing::warn!(%business, what, score, signals, "something was done about a business");
            }
        }
    }

    /// Writes down how a business stands, and `also` more of it: each kind of people on its own, for all of
    /// them are more than a batch holds.
    pub(super) async fn keep(&self, business: PhoneNumberId, also: Also) -> Result<(), StoreError> {
        let partition = self.partition(business);
        let _lock = self.keyed_mutex.lock(partition).await;
        let mut batch = Batch::new(partition);
        let now = self.clock.now();
        let put = self.watched().get(&business).map(|watched| {
            let met = watched.put_also(business, also, now);
            (watched.put(&mut batch, now), met)
        });
        // It was erased meanwhile.
        let Some((put, Met { changes, puts })) = put else { return Ok(()) };
        // It expects nothing.
        let _ = self.store.commit(batch).await?;
        self.kept(business, put);
        for put in puts {
            self.keep_kind(business, put).await?;
        }
        if let (Also::All, Some(watched)) = (also, self.watched().get_mut(&business)) {
            watched.kept_all(changes);
        }
        Ok(())
    }

    async fn keep_kind(&self, business: PhoneNumberId, mut put: KindPut) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut put.batch);
        let Some(batch) = batch.filter(Batch::writes) else { return Ok(()) };
        // It expects nothing.
        let _ = self.store.commit(batch).await?;
        if let Some(watched) = self.watched().get_mut(&business)
            && watched.kept_kind(put)
        {
            self.changed.notify_spaces(watched.partition, [STANDING]);
        }
        Ok(())
    }

    /// Writes down the key under which users are counted, unless it is in the store: it is there before
    /// anybody is counted under it in the record of a message. Once a day for each business.
    pub(super) async fn keep_key(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        self.keep_reached(business, |watched, now, rng| !watched.has_stored_key(now, rng)).await
    }

    /// Puts together who stands with their message in the store, if there are many.
    pub(super) async fn keep_many_apart(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        self.keep_reached(business, |watched, _, _| watched.has_many_apart()).await
    }

    async fn keep_reached(
        &self,
        business: PhoneNumberId,
        is_due: impl Fn(&mut Watched, Timestamp, &dyn Rng) -> bool,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let is_due_now = || self.watched().get_mut(&business).is_some_and(|it| is_due(it, now, &*self.rng));
        if !is_due_now() {
            return Ok(());
        }
        let _lock = self.keyed_mutex.lock(self.partition(business)).await;
        // Whoever had the lock before may have done so.
        if !is_due_now() {
            return Ok(());
        }
        let put = self.watched().get(&business).map(|watched| watched.put_reached(business, now));
        match put {
            Some(put) => self.keep_kind(business, put).await,
            None => Ok(()),
        }
    }

    /// Has a message of `business` count while it is queued.
    pub(super) fn hold(self: &Arc<Self>, business: PhoneNumberId, message: UnderWay) -> Held {
        let protection = Arc::clone(self);
        let counted = message.counted_user().map(|counted| reached(business, counted));
        let in_record = counted.clone();
        Held::new(in_record, move |went| {
            let (now, mut all) = (protection.clock.now(), protection.watched());
            // One that was erased and is back has not been written to.
            match all.get_mut(&business).filter(|watched| watched.serial == message.serial) {
                Some(watched) => watched.settle(message, went, now, &*protection.rng),
                None if went => protection.stray().extend(counted),
                None => {}
            }
        })
    }

    /// Writes down every minute what has changed, and lets go of businesses at which nothing happens.
    pub(super) async fn keep_watching(self: Arc<Self>) -> Result<(), StoreError> {
        let mut has_looked = false;
        loop {
            // Whom the others have met is to be forgotten in time, whether or not anything happens.
            if !has_looked {
                has_looked = may_pass(self.load_met().await)?;
            }
            self.clock.sleep(PROTECTION_INTERVAL).await;
            may_pass(self.keep_all().await)?;
        }
    }

    /// Removes what was counted of businesses that were erased meanwhile.
    async fn remove_stray(&self) -> Result<(), StoreError> {
        // One at a time: whoever closes the carrier while it writes down, or twice at once, would take what
        // came meanwhile for what is removed.
        let _lock = self.keyed_mutex.lock(SYSTEM_PARTITION).await;
        let stray: Vec<_> = self.stray().iter().take(MAX_REACHED_APART).cloned().collect();
        if stray.is_empty() {
            return Ok(());
        }
        let (mut batch, count) = (Batch::new(SYSTEM_PARTITION), stray.len());
        stray.into_iter().for_each(|counted| batch.remove_counter(counted));
        // It expects nothing.
        let _ = self.store.commit(batch).await?;
        let mut stray = self.stray();
        let count = count.min(stray.len());
        stray.drain(..count);
        Ok(())
    }

    /// Writes down all that has changed. The first error; what could not be written is tried again.
    pub(crate) async fn keep_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let changed: Vec<PhoneNumberId> = {
            let mut all = self.watched();
            all.retain(|_, watched| {
                watched.sweep(now, &*self.rng);
                !watched.is_idle(now.before(UNWATCHED_AFTER))
            });
            metrics::gauge!(WATCHED).set(u32::try_from(all.len()).unwrap_or(u32::MAX));
            all.iter().filter(|(_, watched)| watched.has_changed()).map(|(business, _)| *business).collect()
        };
        let mut outcome = self.remove_stray().await;
        for business in changed {
            let kept = self.keep(business, Also::All).await;
            outcome = outcome.and(kept);
        }
        outcome
    }

    pub(super) fn partition(&self, business: PhoneNumberId) -> Partition {
        self.pepper.partition(&Party::Business(business))
    }

    /// A tag of a number but for its last digit.
    pub(super) fn neighbourhood(&self, user: &Number) -> u64 {
        let digits = user.digits();
        let shorter = digits.get(..digits.len().saturating_sub(1)).and_then(|most| Number::parse(most).ok());
        tag(self.neighbours.partition(&Party::User(shorter.unwrap_or_else(|| user.clone()))))
    }

    fn stray(&self) -> MutexGuard<'_, Vec<Counter>> {
        self.stray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watched(&self) -> MutexGuard<'_, HashMap<PhoneNumberId, Watched>> {
        // A poisoned lock still holds what was seen: nothing can panic while it is held.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it was done. What was not is tried again, unless the store has failed for good.
fn may_pass(done: Result<(), StoreError>) -> Result<bool, StoreError> {
    match done {
        Err(error) if error.is_final() => Err(error),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "how businesses stand was not read or written down");
            Ok(false)
        }
        Ok(()) => Ok(true),
    }
}

#[cfg(test)]
mod tests;
