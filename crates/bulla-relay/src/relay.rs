mod attempts;
mod conversation;
mod trace_span;
mod transaction;

mod attach_media;
mod deferred_messages;
mod device_lists;
mod fill_template;
mod idempotency;
mod mark_read;
mod media_header;
mod media_rows;
mod message_status;
mod pending_identity_approval;
mod received_media;
mod reseal_for_changed_devices;
mod resends;
mod restored_carrier;
mod rule_check;
mod rule_state;
mod service_windows;
mod submit;
mod tell_accounts;
mod tell_standing;
mod template_rows;

mod receive;
mod retry_requests;

mod acknowledged_events;
mod active_workers;
mod calls_in_flight;
mod confirm_again;
mod dead_letters;
mod forward_events;
mod forwarded_messages;
mod open_envelopes;
mod outbox;
mod pace_notice;
mod queue_page;
mod queue_worker;
mod recipient_devices;
mod report_user;
mod sink_outages;
mod sink_permits;

mod active_business;
mod add_and_remove_businesses;
mod billing;
mod blocked_users;
mod business_registry;
mod business_start;
mod configuration_rows;
mod gate;
mod identities;
mod key_log;
mod log_reading;

mod lease;
mod leased_store;
mod ledger;
mod role;
mod takeover;

mod conversation_expiry;
mod conversation_index;
mod deadline_scheduler;
mod erase_business;
mod erase_user;
mod idle_eviction;
mod running_erasures;
mod sweep;

mod fault_isolation;
mod shutdown;
mod unreadable_records;
mod upload_rows;
mod usage;
mod volume_tiers;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bulla_base::{Clock, Pepper, PhoneNumberId, Rng};
use bulla_endpoint::{KeyLog, OnSplitLog, SessionCache};
use bulla_meter::{Bill, Tally};
use bulla_store::{CachedStore, Counter, KeyedMutex, Store, StoreError};
use bulla_transport::{BoxBlobs, Transport, TransportError};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use self::acknowledged_events::AcknowledgedEvents;
use self::active_business::ActiveBusiness;
use self::active_workers::ActiveWorkers;
use self::business_registry::{BusinessRegistry, BusinessState};
use self::calls_in_flight::CallsInFlight;
use self::conversation::Conversation;
use self::conversation_index::ConversationIndex;
pub use self::dead_letters::{DeadLetter, DeadLetterId};
use self::deadline_scheduler::Deadlines;
use self::fault_isolation::Suspensions;
use self::forwarded_messages::ForwardedMessages;
use self::lease::Lease;
use self::pending_identity_approval::PendingApproval;
use self::role::{Phase, Role};
use self::running_erasures::Erasures;
use self::shutdown::Shutdown;
use self::sink_outages::SinkOutages;
use self::sink_permits::SinkPermits;
use self::tell_accounts::AccountNews;
pub use self::unreadable_records::SetAside;
pub use self::usage::{Counted, UsagePage};
use crate::host_reports::ReportLog;
use crate::limits::{CACHED_BYTES, OPENED_AT_ONCE, SESSION_CACHE_BYTES};
use crate::stats::Counts;
use crate::store_layout::{METER, PEPPER};
use crate::{
    EventSink, RelayBuilder, RelayError, Report, Reports, Settings, Stats, SubmitError, TemplateReview,
};

/// The relay: it speaks for businesses until it is closed.
///
/// It lives in tasks of the tokio runtime it was opened on. A clone is another hand on the same relay. When
/// the last one is dropped without [`Relay::close`], its tasks go on until the runtime ends; nothing durable
/// depends on which of the two happens.
pub struct Relay<S, T, K>(Arc<Inner<S, T, K>>);

pub(crate) struct Inner<S, T, K> {
    store: CachedStore<S>,
    session_cache: SessionCache,
    transport: T,
    blobs: Option<BoxBlobs>,
    reviewer: Arc<dyn TemplateReview>,
    sink: K,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    settings: Settings,
    pepper: Pepper,
    businesses: BusinessRegistry,
    suspensions: Suspensions,
    role: Role,
    lease: Lease,
    /// Permits for those who connect to the carrier.
    connecting: Semaphore,
    /// Whether the carrier did not answer the last that connected.
    carrier_is_away: AtomicBool,
    keyed_mutex: KeyedMutex,
    index: ConversationIndex,
    deadlines: Deadlines,
    erasures: Erasures,
    pending_approval: PendingApproval,
    sink_outages: SinkOutages,
    sink_permits: SinkPermits,
    account_news: AccountNews,
    workers: ActiveWorkers,
    calls: Arc<CallsInFlight>,
    acknowledged_events: AcknowledgedEvents,
    forwarded_messages: ForwardedMessages,
    shutdown: Shutdown,
    reports: Arc<ReportLog>,
    counts: Counts,
    key_log: Option<KeyLog>,
}

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// A relay that keeps its records in `store`, reaches the carrier by `transport`, and hands to `sink`
    /// what it has for businesses. It is still to be [opened](RelayBuilder::open): until then it speaks for
    /// nobody.
    ///
    /// # Security
    /// Every key comes from `rng`. Anything but the operating system's generator is for tests.
    pub fn builder(
        store: S,
        transport: T,
        sink: K,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> RelayBuilder<S, T, K> {
        RelayBuilder::new(store, transport, sink, clock, rng)
    }

    pub(crate) async fn open(builder: RelayBuilder<S, T, K>) -> Result<Self, RelayError> {
        Self::begin(builder).instrument(trace_span::call("open", None)).await
    }

    async fn begin(builder: RelayBuilder<S, T, K>) -> Result<Self, RelayError> {
        let RelayBuilder { store, transport, sink, clock, rng, businesses, settings, blobs, reviewer } =
            builder;
        settings.check()?;
        let sink_permits = SinkPermits::new(settings.at_sink, settings.at_sink_per_business);
        // Undated rows only: messages and contacts name users, whom nothing is to outlast that is not needed.
        let store = CachedStore::new(store, CACHED_BYTES);
        let _was_restored = bulla_endpoint::begin_generation_if_restored(&store).await?;
        let pepper = bulla_store::pepper(&store, PEPPER, clock.now(), &*rng).await?;
        let key_log = match &settings.key_log {
            Some(key) => Some(KeyLog::open(&store, key.clone(), OnSplitLog::GoOn, clock.now()).await?),
            None => None,
        };
        let (registry, mut ids) = (BusinessRegistry::default(), Vec::with_capacity(businesses.len()));
        for business in businesses {
            let id = business.id();
            if registry.enter(business) {
                ids.push(id);
            }
        }
        let role = Role::new(if settings.failover { Phase::StandBy } else { Phase::Opening });
        let relay = Self(Arc::new(Inner {
            role,
            lease: Lease::new(&*rng),
            store,
            session_cache: SessionCache::new(SESSION_CACHE_BYTES),
            transport,
            blobs,
            reviewer,
            sink,
            clock,
            rng,
            settings,
            pepper,
            businesses: registry,
            suspensions: Suspensions::default(),
            connecting: Semaphore::new(OPENED_AT_ONCE),
            carrier_is_away: AtomicBool::new(false),
            keyed_mutex: KeyedMutex::new(),
            index: ConversationIndex::default(),
            deadlines: Deadlines::default(),
            erasures: Erasures::default(),
            pending_approval: PendingApproval::default(),
            sink_outages: SinkOutages::default(),
            sink_permits,
            account_news: AccountNews::default(),
            workers: ActiveWorkers::default(),
            calls: Arc::default(),
            acknowledged_events: AcknowledgedEvents::default(),
            forwarded_messages: ForwardedMessages::default(),
            shutdown: Shutdown::default(),
            reports: Arc::default(),
            counts: Counts::default(),
            key_log,
        }));
        if let Some(evidence) = relay.0.key_log.as_ref().and_then(KeyLog::evidence) {
            relay.0.reports.tell(Report::LogSplit { evidence });
        }
        let count = ids.len();
        match relay.0.start(ids).await {
            Ok(()) => {
                tracing::info!(businesses = count, "the relay is open");
                Ok(relay)
            }
            Err(error) => {
                relay.close().await;
                Err(error)
            }
        }
    }

    /// What `business` has sent and received through this relay, by day and category.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    pub async fn bill(&self, business: PhoneNumberId) -> Result<Bill, StoreError> {
        let prefix = Tally::prefix(business);
        let counts = bulla_store::every_counter(&self.0.store, METER, &prefix);
        let counts = counts.instrument(trace_span::call("bill", Some(business))).await;
        let counts = counts.map_err(|error| self.0.survive(error).unwrap_or(StoreError::Closed))?;
        let tally = |(counter, count): (Counter, u64)| {
            let tally = Tally::from_name(counter.name()).ok_or(StoreError::Damaged { what: "counter" })?;
            Ok((tally, count))
        };
        counts.into_iter().map(tally).collect()
    }

    /// Waits until the relay has stopped, and tells why: an error it cannot go on after, or nothing when it
    /// was closed.
    ///
    /// # Errors
    /// The first such error.
    pub async fn stopped(&self) -> Result<(), Arc<RelayError>> {
        self.0.shutdown.stopped().await
    }

    /// What the host must hear of, from the opening on. Bounded: see [`Report::Missed`].
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.0.reports.read()
    }

    /// What the relay has done since it was opened, and what it has before it.
    ///
    /// # Cost
    /// Looks at every conversation that has work just now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (waiting, since) = self.0.workers.at_work();
        Stats {
            businesses: self.0.businesses.count(),
            suspended: self.suspended().len(),
            waiting,
            oldest: since.map_or(Duration::ZERO, |since| self.0.clock.now().since(since)),
            ..self.0.counts.sums()
        }
    }

    /// Stops, and waits until nothing of the relay runs any more. What is not finished is taken up when a
    /// relay is opened on the store again. The store stays open, and has noted where it stands.
    pub async fn close(&self) {
        let closing = async {
            self.0.stop(None);
            self.0.shutdown.tasks().all_ended().await;
            // What another may write to is not this one's to settle.
            if self.0.role.may_act() {
                self.0.settle_at_close().await;
                self.0.settle_messages_at_close().await;
            }
            self.0.release_lease().await;
            if let Err(error) = self.0.store.upkeep().await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the store could not note where it stands");
            }
        };
        closing.instrument(trace_span::call("close", None)).await;
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Finishes erasures that were begun, brings up the businesses, then starts what is done for all.
    async fn start(self: &Arc<Self>, businesses: Vec<PhoneNumberId>) -> Result<(), RelayError> {
        let (losses, mut acts) = (self.role.losses(), true);
        if self.settings.failover {
            let held = self.take_lease_if_free().await?;
            acts = held.is_some();
            self.spawn(trace_span::task("keep lease"), move |inner| inner.keep_lease(held));
        }
        // While another acts they are its own to finish.
        if acts {
            self.finish_erasures().await?;
            self.finish_erasures_of_businesses().await?;
            self.role.advance(Phase::Opening, losses);
        }
        self.bring_up_all(businesses).await;
        if acts {
            self.role.advance(Phase::Acting, losses);
        }
        self.spawn_while_acting(trace_span::task("keep deadlines"), Self::keep_deadlines);
        self.spawn_while_acting(trace_span::task("keep sweeping"), Self::keep_sweeping);
        self.spawn_while_acting(trace_span::task("keep settling"), Self::keep_settling);
        self.spawn_while_acting(trace_span::task("keep telling accounts"), Self::keep_telling_accounts);
        self.spawn_while_acting(trace_span::task("keep reading log"), Self::keep_reading_log);
        if self.settings.failover {
            self.spawn_while_acting(trace_span::task("keep looking"), Self::keep_looking_for_work);
        }
        self.spawn(trace_span::task("keep up the store"), |inner| async move {
            Ok(bulla_store::keep_up(&inner.store, &*inner.clock).await?)
        });
        match self.shutdown.is_stopped() {
            true => self.shutdown.stopped().await.map_err(|why| RelayError::Stopped { why }),
            false => Ok(()),
        }
    }

    /// Runs `task` until it ends or the relay stops. Whatever is cut short is as after a crash: taken up from
    /// the store.
    fn spawn<F, R>(self: &Arc<Self>, span: Span, task: F)
    where
        F: FnOnce(Arc<Self>) -> R + Send + 'static,
        R: Future<Output = Result<(), RelayError>> + Send + 'static,
    {
        let Some(member) = self.shutdown.tasks().join() else { return };
        let inner = Arc::clone(self);
        let running = async move {
            let _member = member;
            let task = AssertUnwindSafe(task(Arc::clone(&inner))).catch_unwind();
            tokio::select! {
                biased;
                () = inner.shutdown.tasks().stopped() => {}
                ended = task => if let Err(error) = ended.unwrap_or(Err(RelayError::Panicked)) {
                    inner.stop(Some(error));
                }
            }
        };
        tokio::spawn(running.instrument(span));
    }

    /// Runs `task` of a business, perhaps of one conversation of it, until it ends or the relay or the
    /// business stops. An error stops what it is about. False when it is not begun, because one of them has
    /// stopped.
    fn spawn_for<F, R>(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        conversation: Option<Conversation>,
        task: F,
    ) -> bool
    where
        F: FnOnce(Arc<Self>) -> R + Send + 'static,
        R: Future<Output = Result<(), RelayError>> + Send + 'static,
    {
        let (Some(of_relay), Some(of_business)) = (self.shutdown.tasks().join(), tenant.tasks.join()) else {
            return false;
        };
        let (inner, tenant) = (Arc::clone(self), Arc::clone(tenant));
        let span = trace_span::of(tenant.business(), conversation);
        let task = async move {
            let _member = (of_relay, of_business);
            let task = AssertUnwindSafe(task(Arc::clone(&inner))).catch_unwind();
            let ended = tokio::select! {
                biased;
                () = inner.shutdown.tasks().stopped() => Ok(()),
                () = tenant.tasks.stopped() => Ok(()),
                ended = task => ended.unwrap_or(Err(RelayError::Panicked)),
            };
            if let Err(passing) = ended.or_else(|error| inner.contain(&tenant, conversation, error)) {
                // Whoever waits for something to pass does so within the task.
                inner.suspend_business(&tenant, Arc::new(passing));
            }
        };
        tokio::spawn(task.instrument(span));
        true
    }

    /// The outcome of `task`, which goes on when the caller does not wait for it any more; nothing when the
    /// relay stopped first, or it panicked.
    ///
    /// A caller that left between a commit and what follows from it would leave a message behind that nobody
    /// sends until the next one.
    async fn see_through<R: Send + 'static>(
        self: &Arc<Self>,
        task: impl Future<Output = R> + Send + 'static,
    ) -> Option<R> {
        let (outcome, waiting) = tokio::sync::oneshot::channel();
        let member = self.shutdown.tasks().join()?;
        let inner = Arc::clone(self);
        let task = async move {
            let _member = member;
            tokio::select! {
                biased;
                () = inner.shutdown.tasks().stopped() => {}
                done = task => drop(outcome.send(done)),
            }
        };
        tokio::spawn(task.in_current_span());
        waiting.await.ok()
    }

    /// As [`see_through`](Self::see_through), for nobody in particular.
    async fn see_through_alone<R: Send + 'static>(
        self: &Arc<Self>,
        task: impl Future<Output = R> + Send + 'static,
    ) -> Result<R, SubmitError> {
        let task = Box::pin(AssertUnwindSafe(task).catch_unwind());
        self.see_through(task).await.ok_or(SubmitError::Stopped)?.map_err(|_| SubmitError::Panicked)
    }

    /// As [`see_through`](Self::see_through), for a business, which does not stop before this is done.
    fn see_through_for<R: Send + 'static>(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        task: impl Future<Output = R> + Send + 'static,
    ) -> impl Future<Output = Result<R, SubmitError>> + Send {
        // In a box, and before anything waits: what is moved into a future is in it twice.
        let task = Box::pin(AssertUnwindSafe(task).catch_unwind());
        async move {
            let business = tenant.business();
            // It has stopped since it was looked up.
            let gone = || self.tenant(business).err().unwrap_or(SubmitError::UnknownBusiness { business });
            let member = tenant.tasks.join().ok_or_else(gone)?;
            let seen = self.see_through(async move {
                let _member = member;
                task.await
            });
            seen.await.ok_or(SubmitError::Stopped)?.map_err(|_| SubmitError::Panicked)
        }
    }

    /// Stops everything, for good: nothing tries again with a store that is dead or a relay that was
    /// replaced. The first reason stays.
    fn stop(&self, why: Option<RelayError>) {
        let why = why.map(Arc::new);
        if !self.shutdown.stop(why.clone()) {
            return;
        }
        if let Some(why) = why {
            tracing::error!(error = &*why as &dyn std::error::Error, "the relay stops");
            self.reports.tell(Report::Stopped { why });
        } else {
            tracing::info!("the relay is closed");
        }
        self.reports.end();
    }

    /// Who speaks for `business`.
    fn tenant(&self, business: PhoneNumberId) -> Result<Arc<ActiveBusiness>, SubmitError> {
        match self.businesses.state(business) {
            _ if self.shutdown.is_stopped() => Err(SubmitError::Stopped),
            Some(BusinessState::Speaking(tenant)) => Ok(tenant),
            Some(BusinessState::Suspended(suspended, _)) => match &*suspended.why {
                RelayError::StandsBy => Err(SubmitError::StandsBy { business }),
                RelayError::Transport(TransportError::Fenced { ours, .. }) => {
                    Err(SubmitError::Fenced { ours: *ours })
                }
                _ => Err(SubmitError::Suspended { part: suspended.part, why: Arc::clone(&suspended.why) }),
            },
            Some(BusinessState::Opening) => Err(SubmitError::NotYet { business }),
            None => Err(SubmitError::UnknownBusiness { business }),
        }
    }
}

impl<S, T, K> Clone for Relay<S, T, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, T, K> fmt::Debug for Relay<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("businesses", &self.0.businesses.count()).finish_non_exhaustive()
    }
}
