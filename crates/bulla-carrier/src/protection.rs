//! Users are protected from businesses that write what nobody wants, by who cannot read what is written.

mod appeals;
mod watched;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Category, Clock, Number, Partition, Party, Pepper, PhoneNumberId, Rng, Timestamp};
use bulla_envelope::{Envelope, Kind};
use bulla_integrity::{Observation, Refused, Report, Rung};
use bulla_store::{Batch, CachedStore, KeyedMutex, SYSTEM_PARTITION, Store, StoreError};
use bulla_transport::{Restriction, TransportError};

use self::watched::{Sent, Watched};
use crate::Carrier;
use crate::carrier::store_failed;
use crate::erase_business::listed;
use crate::limits::{MAX_MET_ROWS, PROTECTION_INTERVAL, UNWATCHED_AFTER};
use crate::metrics::{ENFORCEMENTS, WATCHED};
use crate::store_layout::{met, standing};

/// What every business does, and what users think of it, and what is done about it.
///
/// A business is read from the store when something happens for the first time, and written every minute, and
/// at once when something is done about it. A crash forgets what was seen in the minute before.
pub(crate) struct Protection<S> {
    store: Arc<CachedStore<S>>,
    keyed_mutex: Arc<KeyedMutex>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    pepper: Pepper,
    watched: Mutex<HashMap<PhoneNumberId, Watched>>,
}

impl<S: Store> Carrier<S> {
    /// Has the carrier protect users: it watches how fast each business writes to users it has not met, how
    /// many of them there are not, and who reports it, and warns it, limits it, pauses it or stops it by the
    /// rules of [`Standing`](bulla_integrity::Standing). `rng` draws the keys of tags.
    ///
    /// A business that is restricted, or writes to new users faster than it ever has, is refused:
    /// [`TransportError::Restricted`] and [`TransportError::TooFast`]. Say [of which](Self::verify_business)
    /// somebody knows who they are: they begin faster.
    ///
    /// Must be called on a tokio runtime.
    ///
    /// # Cost
    /// Two HMACs a message. In memory some 36 bytes for each user that a business has met in a day, and at
    /// most two kilobytes for a business. Every minute one record for each business at which something was
    /// seen, of 12 bytes a user.
    #[must_use]
    pub fn with_protection(mut self, rng: Arc<dyn Rng>) -> Self {
        let protection = Arc::new(Protection {
            store: Arc::clone(&self.store),
            keyed_mutex: Arc::clone(&self.keyed_mutex),
            clock: Arc::clone(&self.clock),
            rng,
            pepper: self.pepper.clone(),
            watched: Mutex::default(),
        });
        self.upkeep.spawn("keep watching", Arc::clone(&protection).keep_watching());
        self.protection = Some(protection);
        self
    }

    /// Has what [`admits`](Self::admits) asks in memory.
    pub(crate) async fn begin_admission(&self, one: &Envelope) -> Result<(), TransportError> {
        if let (Some(protection), Some(business)) = (&self.protection, business_of(one)) {
            protection.load(business).await.map_err(store_failed)?;
        }
        Ok(())
    }

    /// Whether `envelope`, which was never queued, may be; then it is taken note of. What comes of that is to
    /// be [kept](Self::end_admission).
    pub(crate) fn admits(&self, envelope: &Envelope) -> Result<(), TransportError> {
        // What is sent again was admitted before; receipts and retry requests say nothing to anybody.
        let (Some(protection), Kind::Message(category), 0) =
            (&self.protection, envelope.kind(), envelope.attempt())
        else {
            return Ok(());
        };
        match (envelope.from().party(), envelope.to().party()) {
            (Party::Business(business), Party::User(user)) => {
                protection.business_writes(*business, user, category)
            }
            (user, Party::Business(business)) => {
                protection.user_writes(*business, self.pepper.partition(user))
            }
            _ => Ok(()),
        }
    }

    /// Keeps what came of it that `business` has written, before it hears whether that was taken.
    pub(crate) async fn end_admission(&self, business: PhoneNumberId) -> Result<(), TransportError> {
        match &self.protection {
            Some(protection) => protection.keep_events(business).await.map_err(store_failed),
            None => Ok(()),
        }
    }

    /// Takes note of a business that has written to somebody who is not there.
    pub(crate) async fn note_unreachable(&self, from: &Party, to: &Party) -> Result<(), TransportError> {
        match (&self.protection, from, to) {
            (Some(protection), Party::Business(business), Party::User(_)) => {
                let user = self.pepper.partition(to);
                let noted =
                    protection.watch(*business, |watched, now, rng| watched.note_unreachable(user, now, rng));
                noted.await.map(drop).map_err(store_failed)
            }
            _ => Ok(()),
        }
    }
}

impl<S: Store> Protection<S> {
    fn business_writes(
        &self,
        business: PhoneNumberId,
        user: &Number,
        category: Category,
    ) -> Result<(), TransportError> {
        let sent = Sent {
            user: self.pepper.partition(&Party::User(user.clone())),
            is_template: category != Category::Service,
            neighbourhood: self.neighbourhood(user),
        };
        let (now, mut all) = (self.clock.now(), self.watched());
        let watched = all.get_mut(&business);
        watched.map_or(Ok(()), |watched| watched.business_writes(&sent, now, &*self.rng)).map_err(refusal)
    }

    fn user_writes(&self, business: PhoneNumberId, user: Partition) -> Result<(), TransportError> {
        let (now, mut all) = (self.clock.now(), self.watched());
        let watched = all.get_mut(&business);
        watched.map_or(Ok(()), |watched| watched.user_writes(user, now, &*self.rng)).map_err(refusal)
    }

    /// Writes down what was done about a business, if something was.
    async fn keep_events(&self, business: PhoneNumberId) -> Result<(), StoreError> {
        let has_events = self.watched().get(&business).is_some_and(Watched::has_events);
        if has_events { self.keep(business, false).await } else { Ok(()) }
    }

    /// Takes note of what was handed to a user. What nobody watches at the moment is not worth a read.
    pub(crate) fn note_delivered<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) {
        let now = self.clock.now();
        for envelope in envelopes {
            if let (Kind::Message(_), Party::Business(business)) = (envelope.kind(), envelope.from().party())
                && let Some(watched) = self.watched().get_mut(business)
            {
                watched.note(Observation::Delivered, now);
            }
        }
    }

    /// Takes note of a verified `report` of `business`, and puts what comes of it into the `batch` that keeps
    /// the report: to be called under the lock of its partition, with which it was
    /// [loaded](Self::load). To be told [what became of it](Self::kept).
    pub(crate) fn note_report(
        &self,
        business: PhoneNumberId,
        reporter: Partition,
        report: &Report,
        batch: &mut Batch,
    ) -> usize {
        let (now, user) = (self.clock.now(), tag(reporter));
        let mut all = self.watched();
        let Some(watched) = all.get_mut(&business) else { return 0 };
        for message in report.messages() {
            let (reached, reason) = (message.stamp().accepted(), report.reason());
            watched.note(Observation::Reported { user, reached, reason }, now);
        }
        watched.put(batch)
    }

    /// What was put into a batch is in the store.
    pub(crate) fn kept(&self, business: PhoneNumberId, events: usize) {
        if let Some(watched) = self.watched().get_mut(&business) {
            for event in watched.kept(events) {
                let what = event.what().name();
                metrics::counter!(ENFORCEMENTS, "what" => what).increment(1);
                tracing::warn!(%business, what, score = event.score(), "something was done about a business");
            }
        }
    }

    /// Looks at a business, and keeps what comes of it before anybody hears of it. Nothing of one that has
    /// never connected.
    async fn watch<R>(
        &self,
        business: PhoneNumberId,
        mut look: impl FnMut(&mut Watched, Timestamp, &dyn Rng) -> R,
    ) -> Result<Option<R>, StoreError> {
        while self.load(business).await? {
            let looked = {
                let mut all = self.watched();
                all.get_mut(&business).map(|watched| look(watched, self.clock.now(), &*self.rng))
            };
            // Nobody may have watched it for an hour, and just then.
            let Some(looked) = looked else { continue };
            self.keep_events(business).await?;
            return Ok(Some(looked));
        }
        Ok(None)
    }

    /// Reads what there is of a business, unless it is watched. False if it has never connected: whoever
    /// makes numbers up takes no room.
    pub(crate) async fn load(&self, business: PhoneNumberId) -> Result<bool, StoreError> {
        if self.watched().contains_key(&business) {
            return Ok(true);
        }
        let (partition, now) = (self.partition(business), self.clock.now());
        let stored = self.store.get(partition, &standing(), now).await?;
        let mut rows = Vec::new();
        while let Some(number) = u8::try_from(rows.len()).ok().filter(|number| *number < MAX_MET_ROWS)
            && let Some(row) = self.store.get(partition, &met(number), now).await?
        {
            rows.push(row.value);
        }
        let watched = match stored {
            Some(stored) => Watched::read(partition, &stored.value, &rows, now, &*self.rng)?,
            None if self.store.get(SYSTEM_PARTITION, &listed(business), now).await?.is_none() => {
                return Ok(false);
            }
            None => Watched::new(partition, now, &*self.rng),
        };
        let mut all = self.watched();
        all.entry(business).or_insert(watched);
        metrics::gauge!(WATCHED).set(u32::try_from(all.len()).unwrap_or(u32::MAX));
        Ok(true)
    }

    /// Writes down how a business stands, and if `and_met` whom it has met.
    async fn keep(&self, business: PhoneNumberId, and_met: bool) -> Result<(), StoreError> {
        let partition = self.partition(business);
        let _lock = self.keyed_mutex.lock(partition).await;
        let mut batch = Batch::new(partition);
        let put = self.watched().get_mut(&business).map(|watched| {
            if and_met {
                watched.put_met(&mut batch);
            }
            watched.put(&mut batch)
        });
        // It was erased meanwhile.
        let Some(events) = put else { return Ok(()) };
        match self.store.commit(batch).await {
            // It expects nothing.
            Ok(_) => {
                self.kept(business, events);
                Ok(())
            }
            Err(error) => {
                if let Some(watched) = self.watched().get_mut(&business) {
                    watched.is_changed = true;
                }
                Err(error)
            }
        }
    }

    /// Forgets a business that is erased. To be called under the lock of its partition.
    pub(crate) fn forget(&self, partition: Partition) {
        self.watched().retain(|_, watched| watched.partition != partition);
    }

    /// Forgets that `business` has met a user who is erased.
    pub(crate) async fn forget_user(
        &self,
        business: PhoneNumberId,
        user: Partition,
    ) -> Result<(), StoreError> {
        match self.watch(business, |watched, now, rng| watched.forget_user(user, now, rng)).await? {
            Some(true) => self.keep(business, true).await,
            _ => Ok(()),
        }
    }

    /// Writes down every minute what has changed, and lets go of businesses at which nothing happens.
    async fn keep_watching(self: Arc<Self>) -> Result<(), StoreError> {
        loop {
            self.clock.sleep(PROTECTION_INTERVAL).await;
            match self.keep_all().await {
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "how businesses stand was not written down");
                }
                Ok(()) => {}
            }
        }
    }

    /// Writes down all that has changed. The first error; what could not be written is tried again.
    pub(crate) async fn keep_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let changed: Vec<PhoneNumberId> = {
            let mut all = self.watched();
            all.retain(|_, watched| {
                watched.sweep(now, &*self.rng);
                watched.is_changed || !watched.is_idle(now.before(UNWATCHED_AFTER))
            });
            metrics::gauge!(WATCHED).set(u32::try_from(all.len()).unwrap_or(u32::MAX));
            all.iter().filter(|(_, watched)| watched.is_changed).map(|(business, _)| *business).collect()
        };
        let mut outcome = Ok(());
        for business in changed {
            let kept = self.keep(business, true).await;
            outcome = outcome.and(kept);
        }
        outcome
    }

    fn partition(&self, business: PhoneNumberId) -> Partition {
        self.pepper.partition(&Party::Business(business))
    }

    /// A tag of a number but for its last digit.
    fn neighbourhood(&self, user: &Number) -> u64 {
        let digits = user.digits();
        let shorter = digits.get(..digits.len().saturating_sub(1)).and_then(|most| Number::parse(most).ok());
        tag(self.pepper.partition(&Party::User(shorter.unwrap_or_else(|| user.clone()))))
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<PhoneNumberId, Watched>> {
        // A poisoned lock still holds what was seen: nothing can panic while it is held.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The business that has sent `envelope`, or that it is for.
fn business_of(envelope: &Envelope) -> Option<PhoneNumberId> {
    [envelope.from(), envelope.to()].into_iter().find_map(|address| match address.party() {
        Party::Business(business) => Some(*business),
        _ => None,
    })
}

/// Eight bytes of a keyed tag are enough to tell a few hundred users apart.
fn tag(partition: Partition) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *partition.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What a business hears that may not write.
fn refusal(refused: Refused) -> TransportError {
    match refused {
        Refused::Pace { retry_after } => TransportError::TooFast { retry_after },
        Refused::Restricted { rung, until } => {
            let restriction = match rung {
                Rung::Stopped => Restriction::Stopped,
                Rung::Paused => Restriction::Paused,
                _ => Restriction::Limited,
            };
            TransportError::Restricted { restriction, until }
        }
        // A newer rule: what it does not say passes by waiting.
        _ => TransportError::Restricted { restriction: Restriction::Limited, until: None },
    }
}
