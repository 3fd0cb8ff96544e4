mod accept;
mod conversation;
mod erase;
mod erasures;
mod forward;
mod jitter;
mod outages;
mod outbox;
mod places;
mod pumps;
mod read;
mod receive;
mod running;
mod sweep;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bulla_base::{Address, Clock, Party, Pepper, PhoneNumberId, Rng};
use bulla_endpoint::Endpoint;
use bulla_meter::{Bill, Tally};
use bulla_store::{Counter, Lanes, Store, StoreError};
use bulla_transport::{Caller, Incarnation, Transport};
use futures_util::FutureExt;

use self::conversation::Marks;
use self::erasures::Erasures;
use self::outages::Outages;
use self::places::Places;
use self::pumps::Pumps;
use self::running::Running;
use crate::report::Board;
use crate::scope::Scope;
use crate::space::{METER, PEPPER};
use crate::{AcceptError, Business, RelayError, Report, Reports, Settings, Sink};

/// The relay: it speaks for businesses until it is closed.
///
/// It lives in tasks of the tokio runtime it was opened on. A clone is another hand on the same relay. When the last one is dropped
/// without [`Relay::close`], its tasks go on until the runtime ends; nothing durable depends on which of the two happens.
pub struct Relay<S, T, K>(Arc<Inner<S, T, K>>);

pub(crate) struct Inner<S, T, K> {
    store: S,
    transport: T,
    sink: K,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    settings: Settings,
    pepper: Pepper,
    voices: BTreeMap<PhoneNumberId, Voice>,
    lanes: Lanes,
    marks: Marks,
    erasures: Erasures,
    outages: Outages,
    places: Places,
    pumps: Pumps,
    running: Running,
    reports: Arc<Board>,
}

/// One business the relay speaks for.
pub(crate) struct Voice {
    business: Business,
    endpoint: Endpoint,
    caller: Caller,
    scope: Scope,
}

impl<S: Store, T: Transport, K: Sink> Relay<S, T, K> {
    /// Opens a relay for `businesses`, on a store that is new or was a relay's before, and takes up whatever was left undone.
    ///
    /// Must be called on a tokio runtime. A carrier that cannot be reached is no error: the relay goes on trying. What the store needs
    /// regularly, such as forgetting, the relay does for as long as it runs.
    ///
    /// If the store tells that it was put back from a backup, the sessions in it open what still comes in them and are not sealed in any more:
    /// the relay takes a later incarnation than any before, writes to users in new sessions, and then takes the store for the present one. What
    /// was accepted after the backup was taken is lost.
    ///
    /// # Errors
    /// When the store fails or is damaged, or a later incarnation of one of the numbers has spoken to the carrier: this relay, or the copy
    /// of the store it was opened on, has been replaced. When no relay can run with `settings`.
    ///
    /// # Security
    /// A store that keeps nothing outside of itself cannot tell that it was put back from a backup; then only a carrier that has seen a later
    /// incarnation can. A vault tells.
    ///
    /// # Cost
    /// Two commits a business, and one scan of the conversations of the last 30 days.
    pub async fn open(
        store: S,
        transport: T,
        sink: K,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        businesses: Vec<Business>,
        settings: Settings,
    ) -> Result<Self, RelayError> {
        settings.check()?;
        let places = Places::new(settings.at_sink, settings.at_sink_per_business);
        let _was_restored = bulla_endpoint::begin_life_if_restored(&store).await?;
        let pepper = bulla_store::pepper(&store, PEPPER, clock.now(), &*rng).await?;
        let mut voices = BTreeMap::new();
        for business in businesses {
            let voice = Voice::open(&store, &pepper, business, &*clock, &*rng).await?;
            voices.insert(voice.business.id(), voice);
        }
        let relay = Self(Arc::new(Inner {
            store,
            transport,
            sink,
            clock,
            rng,
            settings,
            pepper,
            voices,
            lanes: Lanes::new(),
            marks: Marks::default(),
            erasures: Erasures::default(),
            outages: Outages::default(),
            places,
            pumps: Pumps::default(),
            running: Running::default(),
            reports: Arc::default(),
        }));
        relay.0.start().await?;
        Ok(relay)
    }

    /// The business with this number, if the relay speaks for it.
    #[must_use]
    pub fn business(&self, id: PhoneNumberId) -> Option<&Business> {
        self.0.voices.get(&id).map(|voice| &voice.business)
    }

    /// What `business` has sent and received through this relay, by day and category.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    pub async fn bill(&self, business: PhoneNumberId) -> Result<Bill, StoreError> {
        let counts = bulla_store::every_counter(&self.0.store, METER, &Tally::prefix(business)).await?;
        let tally = |(counter, count): (Counter, u64)| {
            let tally = Tally::from_name(counter.name()).ok_or(StoreError::Damaged { what: "counter" })?;
            Ok((tally, count))
        };
        counts.into_iter().map(tally).collect()
    }

    /// Waits until the relay has stopped, and tells why: an error it cannot go on after, or nothing when it was closed.
    ///
    /// # Errors
    /// The first such error.
    pub async fn stopped(&self) -> Result<(), Arc<RelayError>> {
        self.0.running.stopped().await
    }

    /// What the host must hear of, from the opening on. Bounded: see [`Report::Missed`].
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.0.reports.read()
    }

    /// Stops, and waits until nothing of the relay runs any more. What is not finished is taken up when a relay is opened on the store
    /// again. The store stays open, and has noted where it stands.
    pub async fn close(&self) {
        self.0.stop(None);
        self.0.running.all_tasks_ended().await;
        if let Err(error) = self.0.store.upkeep().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store could not note where it stands"
            );
        }
    }
}

impl<S: Store, T: Transport, K: Sink> Inner<S, T, K> {
    /// Finishes erasures that were begun, connects every voice once, then starts the tasks.
    async fn start(self: &Arc<Self>) -> Result<(), RelayError> {
        self.finish_erasures().await?;
        let mut connected = BTreeMap::new();
        for (business, voice) in &self.voices {
            let reached = match self.connect(voice).await {
                Ok(()) => true,
                Err(RelayError::Transport(error)) if error.may_pass() => {
                    tracing::warn!(%business, "the carrier cannot be reached yet");
                    false
                }
                Err(error) => return Err(error),
            };
            connected.insert(*business, reached);
        }
        for (business, connected) in connected {
            self.resume(business).await?;
            self.spawn(move |inner| async move { inner.keep_receiving(business, connected).await });
        }
        self.spawn(|inner| async move { inner.keep_sweeping().await });
        self.spawn(|inner| async move { Ok(bulla_store::keep_up(&inner.store, &*inner.clock).await?) });
        Ok(())
    }

    /// Runs `task` until it ends or the relay stops. Whatever is cut short is as after a crash: taken up from the store.
    fn spawn<F, R>(self: &Arc<Self>, task: F)
    where
        F: FnOnce(Arc<Self>) -> R + Send + 'static,
        R: Future<Output = Result<(), RelayError>> + Send + 'static,
    {
        let inner = Arc::clone(self);
        self.running.spawn(async move {
            let task = AssertUnwindSafe(task(Arc::clone(&inner))).catch_unwind();
            let error = match inner.running.unless_stopped(task).await {
                Some(Ok(Err(error))) => error,
                // A host's sink or port has panicked. To go on without the task would leave its conversation unserved in silence.
                Some(Err(_)) => RelayError::Panicked,
                Some(Ok(Ok(()))) | None => return,
            };
            inner.stop(Some(error));
        });
    }

    /// Stops everything, for good: nothing tries again with a store that is dead or a relay that was replaced. The first reason stays.
    fn stop(&self, why: Option<RelayError>) {
        let why = why.map(Arc::new);
        if !self.running.stop(why.clone()) {
            return;
        }
        if let Some(why) = why {
            tracing::error!(error = &*why as &dyn std::error::Error, "the relay stops");
            self.reports.tell(Report::Stopped { why });
        }
        self.reports.end();
    }

    /// The outcome of `task`, which goes on when the caller does not wait for it any more; nothing when the relay stopped first.
    ///
    /// A caller that left between a commit and what follows from it would leave a message behind that nobody sends until the next one.
    async fn see_through<R: Send + 'static>(
        self: &Arc<Self>,
        task: impl Future<Output = R> + Send + 'static,
    ) -> Option<R> {
        let (outcome, waiting) = tokio::sync::oneshot::channel();
        self.spawn(|_| async move {
            let _ = outcome.send(task.await);
            Ok(())
        });
        waiting.await.ok()
    }

    fn voice(&self, business: PhoneNumberId) -> Result<&Voice, AcceptError> {
        if self.running.is_stopped() {
            return Err(AcceptError::Stopped);
        }
        self.voices.get(&business).ok_or(AcceptError::UnknownBusiness { business })
    }
}

impl Voice {
    async fn open<S: Store>(
        store: &S,
        pepper: &Pepper,
        business: Business,
        clock: &dyn Clock,
        rng: &dyn Rng,
    ) -> Result<Self, RelayError> {
        let address = Address::business(business.id());
        let home = pepper.partition(&Party::Business(business.id()));
        let endpoint = Endpoint::open(store, home, address.clone(), clock.now(), rng)
            .await
            .map_err(|source| RelayError::Identity { business: business.id(), source })?;
        let caller = Caller::new(address, Incarnation::new(endpoint.incarnation()));
        let scope = Scope::new(pepper, business.id());
        Ok(Self { business, endpoint, caller, scope })
    }
}

impl<S, T, K> Clone for Relay<S, T, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, T, K> fmt::Debug for Relay<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("businesses", &self.0.voices.len()).finish_non_exhaustive()
    }
}
