mod queues;
mod trace_span;
mod transaction;

mod active_businesses;
mod handed_over_envelopes;
mod inbox;
mod retry_requests;

mod attachments;
mod device_list;
mod typing;

mod outbox;
mod reports;
mod resends;
mod restored_carrier;

mod key_log;
mod one_time_keys;
mod sweep;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bulla_base::{
    Address, Clock, DeviceId, MessageId, Number, Partition, Party, PhoneNumberId, Retries, Rng,
};
use bulla_content::{Body, Content, Progress, Receipt};
use bulla_endpoint::{Endpoint, IdentityPolicy, Peer, SafetyNumber, SealError, SessionCache};
use bulla_envelope::Kind;
use bulla_integrity::Reason;
use bulla_store::{Batch, CachedStore, Key, Store};
use bulla_transport::{Caller, Incarnation, NumberProof, Transport, TransportError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

#[cfg(feature = "fuzzing")]
pub(crate) use self::queues::QueueIndexes;

use self::active_businesses::ActiveBusinesses;
use self::handed_over_envelopes::HandedOver;
use self::queues::Tails;
use self::retry_requests::Asking;
use self::transaction::Transaction;
use self::typing::TypingIndicators;
use crate::event::Row;
use crate::limits::{BACKOFF, CACHED_BYTES, SESSION_CACHE_BYTES, SWEEP_INTERVAL};
use crate::metrics::{REFUSED, RETRIED, SEALED};
use crate::store_layout::PEPPER;
use crate::{DeviceError, DeviceEvent, DeviceEventKind, ReportError, SendError};

/// The tasks that wait and try again when the carrier does not answer, as they are called in spans and
/// counters.
const RECEIVING: &str = "receive";
const STOCKING: &str = "stock";
const SENDING: &str = "send";
const ASKING: &str = "ask again";

/// A user's device.
///
/// It lives in tasks of the tokio runtime it was opened on. A clone is another hand on the same device. When
/// the last one is dropped without [`Device::close`], its tasks go on until the runtime ends, and hold its
/// store and its way to the carrier; nothing durable depends on which of the two happens.
pub struct Device<S, T>(Arc<Inner<S, T>>);

struct Inner<S, T> {
    store: Arc<CachedStore<S>>,
    tails: Arc<Tails>,
    asking: Asking,
    handed_over: HandedOver,
    typing: TypingIndicators,
    active: ActiveBusinesses,
    /// How many messages of the user are kept because they are not confirmed. Changed within the lane.
    unconfirmed: AtomicUsize,
    /// The last that was forgotten to make room for another. Changed within the lane.
    last_forgotten: Mutex<Option<Key>>,
    transport: T,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    endpoint: Endpoint,
    session_cache: SessionCache,
    caller: Caller,
    home: Partition,
    /// Taken by whoever reads and changes sessions or places.
    lane: tokio::sync::Mutex<()>,
    /// The place of the last event that was shown.
    shown: tokio::sync::Mutex<u64>,
    /// Shown to the carrier if the number has to be registered.
    proof: NumberProof,
    failure: watch::Sender<Option<Arc<DeviceError>>>,
    tasks: Mutex<JoinSet<()>>,
    /// The commits that are being made; nothing when the device is closed.
    commits: Mutex<Option<JoinSet<()>>>,
}

/// When a proof that the number is the user's is shown to the carrier.
enum Proving {
    /// When the carrier does not know the device.
    IfUnknown(NumberProof),
    /// Also when the device was removed, which its user has undone.
    IfUnknownOrRemoved(NumberProof),
}

impl Proving {
    const fn proof(&self) -> &NumberProof {
        match self {
            Self::IfUnknown(proof) | Self::IfUnknownOrRemoved(proof) => proof,
        }
    }
}

impl<S: Store, T: Transport> Device<S, T> {
    /// Opens the first device of the user `number`, on a store that is new or was this device's before, and
    /// takes up whatever was left undone.
    ///
    /// Must be called on a tokio runtime. A carrier that cannot be reached is no error: the device goes on
    /// trying. Several devices may share a store. What the store needs regularly, such as forgetting, each of
    /// them does for as long as it runs, which does no harm.
    ///
    /// If the store tells that it was put back from a backup, the sessions in it open what still comes in
    /// them and are not sealed in any more: the device writes to businesses in new sessions.
    ///
    /// # Errors
    /// When the store fails or is damaged. [`DeviceError::Replaced`] when a later incarnation of the device,
    /// or another that was registered in its place, has spoken to the carrier. [`DeviceError::Removed`] when
    /// the user has removed it. [`DeviceError::Unproven`] when the
    /// carrier wants it proven that the number is the user's: [register](Self::register) it.
    pub async fn open(
        store: S,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        number: Number,
    ) -> Result<Self, DeviceError> {
        Self::open_as(store, transport, clock, rng, number, DeviceId::PRIMARY).await
    }

    /// Opens the device as [`open`](Self::open) does, with a `proof` that the number is the user's. It is
    /// shown to the carrier if this store's device is new there: the first time, and after the user's store
    /// was lost, or the device was removed. Then whatever was the user's first device before, and every copy
    /// of it, is shut out, and businesses are told that it has another identity.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn register(
        store: S,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        number: Number,
        proof: NumberProof,
    ) -> Result<Self, DeviceError> {
        Self::register_as(store, transport, clock, rng, number, DeviceId::PRIMARY, proof).await
    }

    /// Opens one of the user's devices as [`open`](Self::open) does the first: a phone, a second phone, a
    /// desk. Each has a number, a store, an identity and a mailbox of its own, and hears everything that
    /// businesses send from when it was registered on.
    ///
    /// # Errors
    /// As [`open`](Self::open). [`DeviceError::Removed`] when the user has removed this device: then it is to
    /// be registered anew.
    pub async fn open_as(
        store: S,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        number: Number,
        device: DeviceId,
    ) -> Result<Self, DeviceError> {
        let address = Address::new(Party::User(number), device);
        Self::open_at(store, transport, clock, rng, address, Proving::IfUnknown(NumberProof::none())).await
    }

    /// Opens one of the user's devices as [`register`](Self::register) does the first. The user's other
    /// devices stay as they are.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn register_as(
        store: S,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        number: Number,
        device: DeviceId,
        proof: NumberProof,
    ) -> Result<Self, DeviceError> {
        let address = Address::new(Party::User(number), device);
        Self::open_at(store, transport, clock, rng, address, Proving::IfUnknownOrRemoved(proof)).await
    }

    async fn open_at(
        store: S,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        address: Address,
        proving: Proving,
    ) -> Result<Self, DeviceError> {
        let store = Arc::new(CachedStore::new(store, CACHED_BYTES));
        let _was_restored = bulla_endpoint::begin_generation_if_restored(&store).await?;
        let pepper = bulla_store::pepper(&store, PEPPER, clock.now(), &*rng).await?;
        let home = pepper.device_partition(&address);
        let opening = Self::begin(store, transport, clock, rng, address, proving, home);
        opening.instrument(trace_span::of("open", home, None)).await
    }

    async fn begin(
        store: Arc<CachedStore<S>>,
        transport: T,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        address: Address,
        proving: Proving,
        home: Partition,
    ) -> Result<Self, DeviceError> {
        let endpoint = Endpoint::open(&store, home, address.clone(), clock.now(), &*rng).await?;
        // The user is told of a changed identity, and may compare safety numbers; what they write is not held
        // up.
        let session_cache = SessionCache::new(SESSION_CACHE_BYTES);
        let endpoint =
            endpoint.with_identity_policy(IdentityPolicy::Follow).with_session_cache(session_cache.clone());
        let tails = Arc::new(Tails::of(&store, home, clock.now()).await?);
        let incarnation = Incarnation::new(endpoint.incarnation());
        let caller = Caller::new(address, endpoint.installation(), incarnation);
        transport.identify(endpoint.signer());
        let device = Self(Arc::new(Inner {
            store,
            tails,
            asking: Asking::default(),
            handed_over: HandedOver::default(),
            typing: TypingIndicators::default(),
            active: ActiveBusinesses::default(),
            unconfirmed: AtomicUsize::new(0),
            last_forgotten: Mutex::default(),
            transport,
            clock,
            rng,
            endpoint,
            session_cache,
            caller,
            home,
            lane: tokio::sync::Mutex::default(),
            shown: tokio::sync::Mutex::default(),
            proof: proving.proof().clone(),
            failure: watch::Sender::new(None),
            tasks: Mutex::default(),
            commits: Mutex::new(Some(JoinSet::new())),
        }));
        device.0.remember_asked().await?;
        device.0.unconfirmed.store(device.0.count_unconfirmed().await?, Ordering::Relaxed);
        let connected = match device.0.begin_connected(&proving).await {
            Ok(()) => true,
            Err(DeviceError::Transport(error)) if error.may_pass() => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the carrier cannot be reached yet");
                false
            }
            Err(error) => return Err(error),
        };
        tracing::info!(incarnation = device.0.caller.incarnation().number(), connected, "the device is open");
        device.0.spawn(RECEIVING, move |inner| async move { inner.keep_receiving(connected).await });
        device.0.spawn(STOCKING, |inner| async move { inner.keep_stocked().await });
        device.0.spawn(SENDING, |inner| async move { inner.keep_sending().await });
        device.0.spawn(ASKING, |inner| async move { inner.keep_asking().await });
        device.0.spawn("keep sweeping", |inner| async move { inner.keep_sweeping().await });
        device.0.spawn("keep up the store", |inner| async move {
            Ok(bulla_store::keep_up(&inner.store, &*inner.clock).await?)
        });
        Ok(device)
    }

    /// Sends `content` to `business`. When this returns the message is sealed and durable, and will be sent.
    /// A caller that drops the future may have sent it all the same.
    ///
    /// # Errors
    /// [`SendError`]; then nothing was stored.
    ///
    /// # Cost
    /// One commit; the first message to a business also asks the carrier for keys.
    pub async fn send(&self, business: PhoneNumberId, content: &Content) -> Result<MessageId, SendError> {
        let inner = &self.0;
        let sending = async {
            let sent = inner.seal(business, content).await;
            match &sent {
                Ok(_) => metrics::counter!(SEALED).increment(1),
                Err(error) => {
                    let reason = error.reason();
                    tracing::debug!(reason, "a message was not sent");
                    metrics::counter!(REFUSED, "reason" => reason).increment(1);
                    inner.stop_if_final(error);
                }
            }
            sent
        };
        sending.instrument(trace_span::of("send", inner.home, Some(business))).await
    }

    /// The next event in the mailbox, which was not shown since the device was opened. Waits until there is
    /// one.
    ///
    /// Cancel safe: what was not returned was not shown.
    ///
    /// # Errors
    /// Why the device cannot go on.
    pub async fn next(&self) -> Result<DeviceEvent, Arc<DeviceError>> {
        let inner = &self.0;
        let event = inner.next_notice().instrument(trace_span::of("next", inner.home, None));
        tokio::select! {
            biased;
            event = event => event.map_err(|error| Arc::new(error.into())),
            why = inner.failed() => Err(why),
        }
    }

    /// Takes an event out of the mailbox. If it was a message, the business is told that it was read, in
    /// the same record.
    ///
    /// # Errors
    /// When the store fails, or the receipt cannot be sealed; then it stays.
    pub async fn acknowledge(&self, event: DeviceEvent) -> Result<(), SendError> {
        let span = trace_span::of("finish", self.0.home, Some(event.business));
        let finishing = async {
            trace_span::is_about(event.id);
            let taken = self.0.take_out(event).await;
            taken.inspect_err(|error| self.0.stop_if_final(error))
        };
        finishing.instrument(span).await
    }

    /// Shows the carrier up to five messages of `business`, as they came, and nothing else: it can verify
    /// that they were sent, and reads what they say. With `blocks`, it also says that the user wants to hear
    /// from the business no more.
    ///
    /// Each message counts once, however often and from however many devices it is reported. It can be
    /// reported for 30 days.
    ///
    /// # Errors
    /// [`ReportError`]; nothing was reported, but for [`ReportError::Transport`] of a call that may have been
    /// carried out: report again.
    pub async fn report(
        &self,
        business: PhoneNumberId,
        messages: &[MessageId],
        reason: Reason,
        blocks: bool,
    ) -> Result<(), ReportError> {
        let span = trace_span::of("report", self.0.home, Some(business));
        self.0.report(business, messages, (reason, blocks)).instrument(span).await
    }

    /// The number to compare with `business`, to know that nobody stands between the two; nothing before they
    /// have spoken.
    ///
    /// After [`DeviceEventKind::IdentityChanged`] it is that of the new identity.
    ///
    /// # Errors
    /// When the store fails or the sessions are damaged.
    ///
    /// # Cost
    /// About 10 ms of hashing.
    pub async fn safety_number(&self, business: PhoneNumberId) -> Result<Option<SafetyNumber>, SendError> {
        let (inner, address) = (&self.0, Address::business(business));
        let span = trace_span::of("safety number", inner.home, Some(business));
        let peer = inner.endpoint.peer(&inner.store, inner.home, &address, inner.clock.now());
        Ok(peer.instrument(span).await?.safety_number())
    }

    /// Stops, and waits until nothing of the device runs any more. The store stays open, and has noted where
    /// it stands.
    pub async fn close(&self) {
        self.0.stop().instrument(trace_span::of("close", self.0.home, None)).await;
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
        self.settle_at_close().await;
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut commits) = commits {
            commits.shutdown().await;
        }
        tracing::info!("the device is closed");
        if let Err(error) = self.store.upkeep().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store could not note where it stands"
            );
        }
    }

    /// Seals `content` for `business` and makes it durable, to be sent.
    async fn seal(&self, business: PhoneNumberId, content: &Content) -> Result<MessageId, SendError> {
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        let (address, id) = (Address::business(business), MessageId::new(transaction.now, &*self.rng));
        trace_span::is_about(id);
        let mut peer = self.endpoint.peer(&self.store, self.home, &address, transaction.now).await?;
        if peer.needs_keys(transaction.now) {
            Box::pin(self.begin(&mut transaction, &mut peer, business, id)).await?;
        }
        let kind = Kind::Message(bulla_base::Category::Service);
        let envelope = peer.seal(id, kind, content, transaction.now, &*self.rng)?;
        transaction.push_outbox(&envelope);
        self.keep_content(&mut transaction, business, id, (content, peer.session())).await?;
        transaction.put_sessions(peer);
        self.commit(transaction).await?;
        Ok(id)
    }

    /// Begins a session with `business`, for or because of the message `id`.
    async fn begin(
        &self,
        transaction: &mut Transaction,
        peer: &mut Peer<'_>,
        business: PhoneNumberId,
        id: MessageId,
    ) -> Result<(), SendError> {
        let keys = self.transport.bundle(&self.caller, &Address::business(business)).await;
        let keys = keys.map_err(|error| match error {
            TransportError::UnknownRecipient => SendError::UnknownBusiness,
            error => SendError::Unavailable(error),
        })?;
        self.look_at_log(&keys).await?;
        let begun = peer.begin(&self.store, &keys, transaction.now, &*self.rng).await?;
        if begun.identity_changed {
            transaction.push_event(&Row::identity_changed(id, business, transaction.now));
        }
        Ok(())
    }

    async fn take_out(&self, event: DeviceEvent) -> Result<(), SendError> {
        let _lane = self.lane.lock().await;
        let mut transaction = self.transaction().await?;
        transaction.remove_event(event.place);
        if let DeviceEventKind::Message(_) = event.kind {
            let address = Address::business(event.business);
            let mut peer = self.endpoint.peer(&self.store, self.home, &address, transaction.now).await?;
            if !peer.needs_keys(transaction.now) {
                self.seal_receipt(&mut peer, &mut transaction, Progress::Read, vec![event.id])?;
            }
            transaction.put_sessions(peer);
        }
        Ok(self.commit(transaction).await?)
    }

    /// Runs `task` until it fails or the device is closed. Whatever is cut short is as after a crash: taken
    /// up from the store.
    fn spawn<F, R>(self: &Arc<Self>, name: &'static str, task: F)
    where
        F: FnOnce(Arc<Self>) -> R,
        R: Future<Output = Result<(), DeviceError>> + Send + 'static,
    {
        // In a box: what is moved into a future is in it twice.
        let (inner, task) = (Arc::clone(self), Box::pin(task(Arc::clone(self))));
        let running = async move {
            if let Err(error) = task.await {
                tracing::error!(error = &error as &dyn std::error::Error, "the device stops");
                inner.failure.send_if_modified(|failure| {
                    let first = failure.is_none();
                    if first {
                        *failure = Some(Arc::new(error));
                    }
                    first
                });
            }
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(running.instrument(trace_span::task(name, self.home)));
    }

    /// A store that has failed for good stops the device, whoever met it first. Nobody need wait for the next
    /// upkeep.
    fn stop_if_final(self: &Arc<Self>, error: &SendError) {
        let (SendError::Store(error) | SendError::Seal(SealError::Store(error))) = error else { return };
        if error.is_final() {
            // It says again why, and to the device.
            self.spawn("ask the store", |inner| async move {
                let _ = inner.store.commit(Batch::new(inner.home)).await?;
                Ok(())
            });
        }
    }

    /// Drops the days that nothing can be read of any more, for as long as the device runs.
    async fn keep_sweeping(self: Arc<Self>) -> Result<(), DeviceError> {
        let mut ended_on = None;
        loop {
            self.sweep(&mut ended_on).await?;
            if self.endpoint.renewal_is_due(&self.store, self.clock.now()).await? {
                match Box::pin(self.connect()).await {
                    // The next sweep tries again; there is time.
                    Err(DeviceError::Transport(error)) if error.may_pass() => {}
                    renewed => renewed?,
                }
            }
            self.clock.sleep(SWEEP_INTERVAL).await;
        }
    }

    /// Waits until the device cannot go on, and tells why.
    async fn failed(&self) -> Arc<DeviceError> {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(why) = failure.borrow_and_update().clone() {
                return why;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn pause(&self, task: &'static str, retries: &mut Retries) {
        metrics::counter!(RETRIED, "task" => task).increment(1);
        self.clock.sleep(retries.next_wait(&*self.rng)).await;
    }

    fn seal_receipt(
        &self,
        peer: &mut Peer<'_>,
        transaction: &mut Transaction,
        progress: Progress,
        messages: Vec<MessageId>,
    ) -> Result<(), SealError> {
        let Ok(receipt) = Receipt::new(progress, messages) else { return Ok(()) };
        let id = MessageId::new(transaction.now, &*self.rng);
        let content = Content::new(Body::Receipt(receipt));
        let envelope = peer.seal(id, Kind::Receipt, &content, transaction.now, &*self.rng)?;
        transaction.push_outbox(&envelope);
        Ok(())
    }
}

impl<S, T> Clone for Device<S, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, T> fmt::Debug for Device<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("endpoint", &self.0.endpoint).finish_non_exhaustive()
    }
}
