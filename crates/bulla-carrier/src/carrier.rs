use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use bulla_base::{Address, Clock, DeviceId, Partition, Party, Pepper, Rng};
use bulla_envelope::{Envelope, InstallationId, InvalidEnvelope, KeyBundle, KeyUpload, Kind};
use bulla_store::{CachedStore, KeyedMutex, Store, StoreError};
use bulla_transport::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, MAX_DELIVERIES, NumberProof, SendOutcome,
    Sequence, Transport, TransportError,
};
use bytes::Bytes;
use tracing::field::display;
use tracing::{Instrument, Span};

use tokio::task::JoinSet;

use crate::acknowledged_envelopes::AcknowledgedEnvelopes;
use crate::blobs::{BlobStorage, BlobWork};
use crate::compared_sides::ComparedSides;
use crate::fencing_token::FencingTokenLocks;
use crate::idle_eviction::IdleEviction;
use crate::key_log::KeyLog;
use crate::ledger::CarrierLedger;
use crate::limits::CACHED_BYTES;
use crate::number_attempts::NumberAttempts;
use crate::number_verifier::{NumberVerifier, TrustedHost};
use crate::pending_sends::PendingSends;
use crate::protection::Protection;
use crate::queue_tails::QueueTails;
use crate::restored_store::StoreGeneration;
use crate::running_erasures::RunningErasures;
use crate::settling::Settling;
use crate::stamps::Stamps;
use crate::stats::Tallies;
use crate::store_layout::PEPPER;
use crate::trace_span;
use crate::upkeep::{Upkeep, once_more};

/// The blind service.
///
/// It keeps its store up by itself, in a task of the tokio runtime it was opened on, until it is closed or
/// dropped. One carrier owns its store: places in queues are given out under locks of this instance.
pub struct Carrier<S> {
    pub(crate) store: Arc<CachedStore<S>>,
    pub(crate) pending: Arc<PendingSends>,
    pub(crate) tails: Arc<QueueTails>,
    pub(crate) acknowledged: Arc<AcknowledgedEnvelopes>,
    /// The commits of envelopes that are being made.
    pub(crate) commits: Arc<Mutex<JoinSet<()>>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pepper: Pepper,
    pub(crate) keyed_mutex: Arc<KeyedMutex>,
    pub(crate) fencing_tokens: FencingTokenLocks,
    pub(crate) erasures: RunningErasures,
    pub(crate) verifier: Arc<dyn NumberVerifier>,
    pub(crate) attempts: NumberAttempts,
    /// What tells places in queues that this instance gives out from those that another did, on whatever
    /// store.
    pub(crate) epoch: u64,
    pub(crate) generation: StoreGeneration,
    pub(crate) tallies: Tallies,
    /// If it keeps any.
    pub(crate) blobs: Option<BlobWork<S>>,
    pub(crate) key_log: Option<KeyLog>,
    pub(crate) stamps: Arc<Stamps>,
    /// If deliveries are counted.
    pub(crate) ledger: CarrierLedger,
    /// If users are protected.
    pub(crate) protection: Option<Arc<Protection<S>>>,
    /// What relays compare with their own just now.
    pub(crate) compared: Arc<ComparedSides>,
    pub(crate) upkeep: Upkeep,
}

impl<S: Store> Carrier<S> {
    /// A carrier on `store`, which is new or was a carrier's before, that trusts its host: whoever registers
    /// a number has it. Finishes erasures that were begun.
    ///
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged pepper.
    pub async fn open(store: S, clock: Arc<dyn Clock>, rng: &dyn Rng) -> Result<Self, StoreError> {
        Self::open_verifying(store, clock, rng, Arc::new(TrustedHost)).await
    }

    /// A carrier as [`open`](Self::open) makes it, in which `verifier` decides who has proven that a number
    /// is theirs.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_verifying(
        store: S,
        clock: Arc<dyn Clock>,
        rng: &dyn Rng,
        verifier: Arc<dyn NumberVerifier>,
    ) -> Result<Self, StoreError> {
        Self::begin(store, clock, rng, verifier, None).instrument(trace_span::for_host("open")).await
    }

    /// A carrier as [`open_verifying`](Self::open_verifying) makes it that keeps
    /// [blobs](bulla_transport::Blobs) as well, in `blobs`. Once it was opened with them, open it with them
    /// again: else an erasure would leave the files of who is erased to the end of their days.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when an erasure was begun and files are not to be removed.
    pub async fn open_with_blobs(
        store: S,
        clock: Arc<dyn Clock>,
        rng: &dyn Rng,
        verifier: Arc<dyn NumberVerifier>,
        blobs: BlobStorage,
    ) -> Result<Self, StoreError> {
        let opening = Self::begin(store, clock, rng, verifier, Some(blobs));
        opening.instrument(trace_span::for_host("open")).await
    }

    async fn begin(
        store: S,
        clock: Arc<dyn Clock>,
        rng: &dyn Rng,
        verifier: Arc<dyn NumberVerifier>,
        blobs: Option<BlobStorage>,
    ) -> Result<Self, StoreError> {
        let store = Arc::new(CachedStore::new(store, CACHED_BYTES));
        let generation = StoreGeneration::of(&store, clock.now()).await?;
        let pepper = bulla_store::pepper(&store, PEPPER, clock.now(), rng).await?;
        let stamps = Arc::new(Stamps::open(&*store, clock.now(), rng).await?);
        let mut epoch = [0; 8];
        rng.fill(&mut epoch);
        // Never 0, which is nobody's.
        let epoch = u64::from_be_bytes(epoch).max(1);
        let blobs = blobs.map(|blobs| BlobWork::new(Arc::clone(&store), blobs, Arc::clone(&clock)));
        let carrier = Self {
            upkeep: Upkeep::new(),
            blobs,
            store,
            pending: Arc::default(),
            tails: Arc::default(),
            acknowledged: Arc::default(),
            commits: Arc::default(),
            clock,
            pepper,
            keyed_mutex: Arc::default(),
            fencing_tokens: FencingTokenLocks::new(),
            erasures: RunningErasures::default(),
            verifier,
            attempts: NumberAttempts::default(),
            epoch,
            generation,
            tallies: Tallies::default(),
            key_log: None,
            protection: None,
            ledger: CarrierLedger::default(),
            compared: Arc::default(),
            stamps,
        };
        carrier.finish_erasures(rng).await?;
        carrier.upkeep.begin(&carrier.store, &carrier.clock, &carrier.ledger);
        carrier.upkeep.spawn("keep settling", carrier.settling().keep_settling());
        carrier.upkeep.spawn("keep evicting", carrier.idle_eviction().keep_evicting());
        let (stamps, store) = (Arc::clone(&carrier.stamps), Arc::clone(&carrier.store));
        let clock = Arc::clone(&carrier.clock);
        let keeping = async move { stamps.keep_forgetting(&*store, &*clock).await };
        carrier.upkeep.spawn("keep forgetting stamps", keeping);
        if let Some(blobs) = &carrier.blobs {
            carrier.upkeep.spawn("keep sweeping blobs", blobs.clone().keep_sweeping());
        }
        tracing::info!("the carrier is open");
        Ok(carrier)
    }

    /// Waits until the carrier cannot go on, and tells why: its store has failed for good, in a call or in
    /// its upkeep. Open it anew.
    pub async fn stopped(&self) -> Arc<StoreError> {
        self.upkeep.failed().await
    }

    /// Stops keeping the store up, and waits until nothing of the carrier runs any more but the calls that
    /// others make. What was acknowledged is taken out of the store before this returns.
    ///
    /// Not to be called is no harm: what is dropped stops, too, and what was acknowledged in the last seconds
    /// comes to its recipients once more.
    pub async fn close(&self) {
        let closing = async {
            self.upkeep.end().await;
            self.compared.end().await;
            self.settling().settle_at_close().await;
            if let Some(protection) = &self.protection
                && let Err(error) = protection.keep_all().await
            {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what was seen of businesses in the last minute is forgotten");
            }
            tracing::info!("the carrier is closed");
        };
        closing.instrument(trace_span::for_host("close")).await;
    }

    /// What takes acknowledged envelopes out of the store.
    pub(crate) fn settling(&self) -> Settling<CachedStore<S>> {
        Settling {
            store: Arc::clone(&self.store),
            keyed_mutex: Arc::clone(&self.keyed_mutex),
            acknowledged: Arc::clone(&self.acknowledged),
            tails: Arc::clone(&self.tails),
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn idle_eviction(&self) -> IdleEviction<S> {
        IdleEviction {
            store: Arc::clone(&self.store),
            tails: Arc::clone(&self.tails),
            pending: Arc::clone(&self.pending),
            commits: Arc::downgrade(&self.commits),
            compared: Arc::downgrade(&self.compared),
            clock: Arc::clone(&self.clock),
        }
    }

    pub(crate) fn partition(&self, address: &Address) -> Partition {
        self.pepper.partition(address.party())
    }

    /// Queues envelopes that all go to one party.
    async fn send_run(&self, caller: &Caller, mut run: Vec<Envelope>) -> SendOutcome {
        let Some(to) = run.first().map(|envelope| envelope.to().clone()) else {
            return SendOutcome::default();
        };
        let span = self.call("send", caller.address(), Some(&to));
        if let [envelope] = &run[..] {
            span.record("message", display(envelope.id()));
        }
        let mut taken = 0;
        let sent = async {
            self.nobody_is_being_erased(&to).await?;
            let _pass = self.pass(caller).await?;
            let ours = run.iter().take_while(|envelope| envelope.from() == caller.address()).count();
            let foreign = (ours < run.len()).then_some(TransportError::NotTheSender);
            run.truncate(ours);
            let sent = self.send_admitted(run).await;
            taken = sent.taken;
            sent.error.or(foreign).map_or(Ok(()), Err)
        };
        let error = self.watched(span, sent).await.err();
        SendOutcome { taken, error }
    }
}

impl<S: Store> Carrier<S> {
    /// Queues those of `run`, all of one party for one other, that may go.
    async fn send_admitted(&self, run: Vec<Envelope>) -> SendOutcome {
        let Some(first) = run.first() else { return SendOutcome::default() };
        let (from, to) = (first.from().party().clone(), first.to().party().clone());
        let says_something = run.iter().any(|envelope| matches!(envelope.kind(), Kind::Message(_)));
        if let Err(error) = self.begin_admission(first).await {
            return SendOutcome::none(error);
        }
        let SendOutcome { taken, error } = self.enqueue(self.pepper.partition(&to), run).await;
        let noted = match (&from, &error) {
            (_, Some(TransportError::UnknownRecipient)) if says_something => {
                self.note_unreachable(&from, &to).await
            }
            (Party::Business(business), _) => self.end_admission(*business).await,
            _ => Ok(()),
        };
        SendOutcome { taken, error: noted.err().or(error) }
    }
}

/// The carrier as the transport of a program that holds it.
impl<S: Store> Transport for Carrier<S> {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        let registered = async {
            self.nobody_is_being_erased(caller.address()).await?;
            self.remember_business(caller.address()).await?;
            self.take_over(caller, proof).await?;
            let connected = self.connected(caller.address()).await?;
            Ok(connected.standing(self.standing_to_tell(caller).await?))
        };
        self.watched(self.call("register", caller.address(), None), registered).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        let connected = async {
            self.nobody_is_being_erased(caller.address()).await?;
            self.remember_business(caller.address()).await?;
            self.raise_fencing_token(caller).await?;
            let connected = self.connected(caller.address()).await?;
            Ok(connected.standing(self.standing_to_tell(caller).await?))
        };
        self.watched(self.call("connect", caller.address(), None), connected).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        let published = async {
            let _pass = self.pass(caller).await?;
            if InstallationId::of_identity(&keys.identity) != caller.installation() {
                let field = "identity key (it must be that of the installation that was registered)";
                return Err(InvalidEnvelope::Field { field }.into());
            }
            self.keep_keys(caller.address(), keys).await
        };
        self.watched(self.call("publish", caller.address(), None), published).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        let bundle = async {
            self.nobody_is_being_erased(of).await?;
            let _pass = self.pass(caller).await?;
            let given = self.give_bundle(caller.address(), of).await;
            if let Err(TransportError::UnknownRecipient) = given {
                self.note_unreachable(caller.address().party(), of.party()).await?;
            }
            given
        };
        self.watched(self.call("bundle", caller.address(), Some(of)), bundle).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        let span = self.call("send", caller.address(), Some(envelope.to()));
        span.record("message", display(envelope.id()));
        let sent = async {
            self.nobody_is_being_erased(envelope.to()).await?;
            let _pass = self.pass(caller).await?;
            if envelope.from() != caller.address() {
                return Err(TransportError::NotTheSender);
            }
            let SendOutcome { error, .. } = self.send_admitted(vec![envelope]).await;
            error.map_or(Ok(()), Err)
        };
        self.watched(span, sent).await
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        let (limit, actual) = (MAX_DELIVERIES, envelopes.len());
        if actual > limit {
            return SendOutcome::none(
                InvalidEnvelope::TooLarge { field: "envelopes at once", actual, limit }.into(),
            );
        }
        let (mut all, mut rest) = (SendOutcome::default(), VecDeque::from(envelopes));
        while all.error.is_none()
            && let Some(first) = rest.pop_front()
        {
            // What goes to one party after the other.
            let to = first.to().party().clone();
            let mut run = vec![first];
            let others = rest.iter().position(|next| *next.to().party() != to).unwrap_or(rest.len());
            run.extend(rest.drain(..others));
            let SendOutcome { taken, error } = self.send_run(caller, run).await;
            all = SendOutcome { taken: all.taken + taken, error };
        }
        all
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let span = self.call("receive", caller.address(), None);
        // Waited for by every business there is: not moved, for what is moved into a future is there twice.
        let received = self.await_deliveries(caller, after).instrument(span.clone()).await;
        span.in_scope(|| self.noted(received))
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        let span = self.call("low stock", caller.address(), None);
        let low = self.await_low_stock(caller, at_most).instrument(span.clone()).await;
        span.in_scope(|| self.noted(low))
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        let acknowledged = async {
            let _pass = self.pass(caller).await?;
            self.acknowledge_places(caller.address(), sequences).await
        };
        self.watched(self.call("acknowledge", caller.address(), None), acknowledged).await
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        let removed = self.remove_for(caller, device);
        self.watched(self.call("remove", caller.address(), None), removed).await
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        let head = async {
            let _pass = self.pass(caller).await?;
            self.signed_log_head().await
        };
        self.watched(self.call("log head", caller.address(), None), head).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        let proven = async {
            let _pass = self.pass(caller).await?;
            self.prove_log_consistency(old, new).await
        };
        self.watched(self.call("log consistency", caller.address(), None), proven).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        let leaves = async {
            let _pass = self.pass(caller).await?;
            self.leaves_of_log(first).await
        };
        self.watched(self.call("log leaves", caller.address(), None), leaves).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        let taken = async {
            let _pass = self.pass(caller).await?;
            self.take_report(caller.address(), &report).await
        };
        self.watched(self.call("report", caller.address(), None), taken).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        let answered = async {
            let pass = self.pass(caller).await?;
            match caller.address().party() {
                Party::Business(business) => self.answer_billing(*business, &request, pass).await,
                _ => Err(TransportError::NoStatement),
            }
        };
        self.watched(self.call("billing", caller.address(), None), answered).await
    }
}

impl<S: Store> Carrier<S> {
    /// Carries out `call` in `span`, and takes note of what it comes to.
    pub(crate) fn watched<R>(
        &self,
        span: Span,
        call: impl Future<Output = Result<R, TransportError>> + Send,
    ) -> impl Future<Output = Result<R, TransportError>> + Send {
        // In a box, and before anything waits: what is moved into a future is in it twice.
        let call = Box::pin(call);
        async move { self.noted(call.await) }.instrument(span)
    }

    /// Passes on what a call comes to. If it is refused, that is counted; if the store has failed for good,
    /// the carrier has: nobody need wait for the next upkeep to be told.
    pub(crate) fn noted<R>(&self, outcome: Result<R, TransportError>) -> Result<R, TransportError> {
        if let Err(TransportError::CarrierFailed { source }) = &outcome
            && let Some(why) = source.downcast_ref::<Arc<StoreError>>()
            && why.is_final()
        {
            self.upkeep.fail(Arc::clone(why));
        }
        self.tallies.noted(outcome)
    }

    /// Carries out `call` of the host in `span`. A store that fails for good in it is the end of the carrier,
    /// and whoever waits for that hears it, as of any other call.
    pub(crate) async fn for_host<R>(
        &self,
        span: Span,
        call: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        let noting = async {
            let outcome = call.await;
            if let Err(why) = &outcome
                && why.is_final()
            {
                self.upkeep.fail(Arc::new(once_more(why)));
            }
            outcome
        };
        noting.instrument(span).await
    }

    /// Before anybody can write to it: whoever is erased later has to be looked for in its queue.
    pub(crate) async fn remember_business(&self, address: &Address) -> Result<(), TransportError> {
        match address.party() {
            Party::Business(business) => self.remember(*business).await,
            _ => Ok(()),
        }
    }
}

/// A store's failure, as the carrier's callers see it: the call may or may not have been carried out.
pub(crate) fn store_failed(source: StoreError) -> TransportError {
    tracing::error!(error = &source as &dyn std::error::Error, "the carrier's store failed");
    TransportError::carrier_failed(Arc::new(source))
}

/// Somebody else has changed what only this carrier may.
pub(crate) fn not_alone() -> TransportError {
    TransportError::carrier_failed("another carrier writes to this store; stop one of the two")
}

impl<S> fmt::Debug for Carrier<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}
