use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{
    Address, BusinessAccountId, Clock, DeviceId, Number, Party, PhoneNumberId, Rng, SeededRng, Sleep,
    Timestamp,
};
use bulla_carrier::Carrier;
use bulla_content::{Content, Text};
use bulla_device::Device;
use bulla_envelope::{Envelope, KeyBundle, KeyUpload, Kind};
use bulla_meter::Bill;
use bulla_relay::{Business, Outgoing, OutgoingBody, Relay, RelayError, Settings};
use bulla_store::{BoxStore, MemoryStore, Pause, SlowStore};
use bulla_transport::{
    Caller, Connected, Delivery, InProcess, LogConsistency, LogLeaves, NumberProof, Sequence, Transport,
    TransportError,
};
use bytes::Bytes;
use tokio::time::Instant;

use crate::device_lists::GhostDevice;
use crate::key_log::ShownLog;
pub(crate) use crate::recording_sink::RecordingSink;

pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const BAKERY: PhoneNumberId = PhoneNumberId::new(106_540_352_242_923);
const EPOCH: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// The paused time of the test's runtime, and how far the clock is ahead of it.
#[derive(Debug)]
pub(crate) struct VirtualClock(Instant, Arc<Mutex<Duration>>);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        EPOCH.after(self.0.elapsed() + *self.1.lock().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A line to the carrier that can be cut.
#[derive(Clone)]
pub(crate) struct Line {
    carrier: InProcess<Carrier<Arc<MemoryStore>>>,
    ledger: Arc<Carrier<Arc<MemoryStore>>>,
    cut: Arc<Mutex<bool>>,
    no_keys: Arc<Mutex<bool>>,
    knows_no_user: Arc<Mutex<bool>>,
    is_silent_of_stock: Arc<Mutex<bool>>,
    declared: Arc<Mutex<Option<Kind>>>,
    uploads: Arc<Mutex<Vec<KeyUpload>>>,
    broken_for: Arc<Mutex<Option<PhoneNumberId>>>,
    garbled: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    requests: Arc<Mutex<usize>>,
    messages: Arc<Mutex<usize>>,
    log: Option<Arc<ShownLog>>,
    pub(crate) ghost: Arc<GhostDevice>,
}

impl Line {
    /// A line to `carrier`.
    pub(crate) fn to(carrier: Carrier<Arc<MemoryStore>>) -> Self {
        let ledger = Arc::new(carrier);
        Self {
            carrier: InProcess::new(Arc::clone(&ledger)),
            ledger,
            cut: Arc::default(),
            no_keys: Arc::default(),
            knows_no_user: Arc::default(),
            is_silent_of_stock: Arc::default(),
            declared: Arc::default(),
            uploads: Arc::default(),
            broken_for: Arc::default(),
            garbled: Arc::default(),
            requests: Arc::default(),
            messages: Arc::default(),
            log: None,
            ghost: Arc::default(),
        }
    }

    /// The same line, at whose end the carrier's log of keys is as `log` says.
    pub(crate) fn showing(mut self, log: Arc<ShownLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// Another line to the same carrier.
    pub(crate) fn beside(&self) -> Self {
        Self { cut: Arc::default(), ..self.clone() }
    }

    /// The carrier itself.
    pub(crate) fn ledger(&self) -> &Carrier<Arc<MemoryStore>> {
        &self.ledger
    }

    /// Makes so many of the next messages that are delivered to users, or to businesses, unreadable.
    pub(crate) fn garble(&self, to: &'static str, count: usize) {
        self.garbled.lock().unwrap().insert(to, count);
    }

    /// Loses so many of the next requests of users to send something again.
    pub(crate) fn lose_requests(&self, count: usize) {
        self.garbled.lock().unwrap().insert("requests", count);
    }

    /// Loses so many of the next requests of businesses to send something again.
    pub(crate) fn lose_requests_of_businesses(&self, count: usize) {
        self.garbled.lock().unwrap().insert("requests of businesses", count);
    }

    /// How many requests of businesses have come to the carrier.
    pub(crate) fn requests_of_businesses(&self) -> usize {
        *self.requests.lock().unwrap()
    }

    /// How many messages of businesses the carrier has taken, each as often as it was handed over.
    pub(crate) fn messages_of_businesses(&self) -> usize {
        *self.messages.lock().unwrap()
    }

    /// Whether one of those that are to be hit is at hand.
    fn hits(&self, what: &'static str) -> bool {
        let mut garbled = self.garbled.lock().unwrap();
        let left = garbled.entry(what).or_default();
        let hits = *left > 0;
        *left = left.saturating_sub(1);
        hits
    }

    /// Panics whenever this business connects, or never.
    pub(crate) fn break_for(&self, business: Option<PhoneNumberId>) {
        *self.broken_for.lock().unwrap() = business;
    }

    /// The keys that were left with the carrier since this was last asked.
    pub(crate) fn uploads(&self) -> Vec<KeyUpload> {
        std::mem::take(&mut self.uploads.lock().unwrap())
    }

    pub(crate) fn cut(&self, cut: bool) {
        *self.cut.lock().unwrap() = cut;
    }

    /// Whether the carrier does not answer when it is asked for keys.
    pub(crate) fn withhold_keys(&self, withheld: bool) {
        *self.no_keys.lock().unwrap() = withheld;
    }

    /// Has the carrier say of every user whose keys are asked for that it does not know them.
    pub(crate) fn forget_users(&self) {
        *self.knows_no_user.lock().unwrap() = true;
    }

    /// Has the carrier never say that keys run out.
    pub(crate) fn be_silent_of_stock(&self) {
        *self.is_silent_of_stock.lock().unwrap() = true;
    }

    /// What users' envelopes are declared as, whatever they hold.
    pub(crate) fn declare(&self, declared: Kind) {
        *self.declared.lock().unwrap() = Some(declared);
    }

    pub(crate) async fn bill(&self, business: PhoneNumberId) -> Bill {
        self.ledger.bill(business).await.unwrap()
    }

    fn check(&self) -> Result<(), TransportError> {
        if *self.cut.lock().unwrap() { Err(TransportError::unavailable("the line is cut")) } else { Ok(()) }
    }
}

impl Transport for Line {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.check()?;
        self.carrier.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.check()?;
        let broken = self.broken_for.lock().unwrap().map(Party::Business);
        assert!(broken.as_ref() != Some(caller.address().party()), "the host's transport is broken");
        if let Some(log) = &self.log {
            log.connects(caller).await?;
        }
        self.carrier.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.check()?;
        self.uploads.lock().unwrap().push(keys.clone());
        if let Some(log) = &self.log {
            log.publishes(caller, &keys).await?;
        }
        self.carrier.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.check()?;
        if *self.no_keys.lock().unwrap() {
            return Err(TransportError::unavailable("the directory is busy"));
        }
        if *self.knows_no_user.lock().unwrap() && matches!(of.party(), Party::User(_)) {
            return Err(TransportError::UnknownRecipient);
        }
        if let Some(keys) = self.ghost.keys_of(of) {
            return Ok(keys);
        }
        let bundle = self.ghost.shown(of, self.carrier.bundle(caller, of).await?);
        match &self.log {
            Some(log) => log.given(caller, of, bundle).await,
            None => Ok(bundle),
        }
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.check()?;
        let shown = self.log.as_ref().and_then(|log| log.shown_to(caller));
        shown.unwrap_or(&self.ledger).log_head(caller).await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.check()?;
        self.log.as_ref().map_or(Ok(()), |log| log.proves())?;
        let shown = self.log.as_ref().and_then(|log| log.shown_to(caller));
        shown.unwrap_or(&self.ledger).log_consistency(caller, old, new).await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.check()?;
        let shown = self.log.as_ref().and_then(|log| log.shown_to(caller));
        if self.log.as_ref().is_some_and(|log| !log.shows_leaves()) {
            return Ok(LogLeaves::default());
        }
        shown.unwrap_or(&self.ledger).log_leaves(caller, first).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.carrier.report(caller, report).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.carrier.billing(caller, request).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.check()?;
        let declared = *self.declared.lock().unwrap();
        let envelope = match (envelope.from().party(), declared) {
            (Party::User(_), Some(kind)) => redeclared(&envelope, kind),
            _ => envelope,
        };
        let is_of_user = matches!(envelope.from().party(), Party::User(_));
        let Some(envelope) = self.ghost.passes(envelope)? else { return Ok(()) };
        if envelope.kind() == Kind::RetryRequest {
            *self.requests.lock().unwrap() += usize::from(!is_of_user);
            if self.hits(if is_of_user { "requests" } else { "requests of businesses" }) {
                return Ok(());
            }
        }
        let is_counted = !is_of_user && matches!(envelope.kind(), Kind::Message(_));
        self.carrier.send(caller, envelope).await?;
        *self.messages.lock().unwrap() += usize::from(is_counted);
        Ok(())
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.check()?;
        let mut deliveries = self.carrier.receive(caller, after).await?;
        let to = if matches!(caller.address().party(), Party::User(_)) { "users" } else { "businesses" };
        for delivery in &mut deliveries {
            if matches!(delivery.envelope.kind(), Kind::Message(_)) && self.hits(to) {
                delivery.envelope = garbled(&delivery.envelope);
            }
        }
        Ok(deliveries)
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.check()?;
        self.carrier.remove(caller, device).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.check()?;
        let connected = self.carrier.low_stock(caller, at_most).await;
        if *self.is_silent_of_stock.lock().unwrap() {
            return std::future::pending().await;
        }
        connected
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.check()?;
        self.carrier.acknowledge(caller, sequences).await
    }
}

fn garbled(envelope: &Envelope) -> Envelope {
    let (from, to) = (envelope.from().clone(), envelope.to().clone());
    let (franking, form, mut sealed) = (*envelope.franking(), envelope.form(), envelope.sealed().to_vec());
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    let garbled = Envelope::new(envelope.id(), from, to, envelope.kind(), franking, form, sealed).unwrap();
    garbled.sent_again(envelope.attempt()).unwrap()
}

fn redeclared(envelope: &Envelope, kind: Kind) -> Envelope {
    let (from, to) = (envelope.from().clone(), envelope.to().clone());
    let (franking, form, sealed) = (*envelope.franking(), envelope.form(), envelope.sealed().clone());
    Envelope::new(envelope.id(), from, to, kind, franking, form, sealed).unwrap()
}

/// A store that takes a while, as one with a disk does, and finishes what it began.
pub(crate) type Slow = SlowStore<Arc<MemoryStore>>;

pub(crate) type TestRelay = Relay<BoxStore, Line, RecordingSink>;
pub(crate) type TestDevice = Device<MemoryStore, Line>;

/// A carrier, a relay for two businesses, and whatever devices a test opens.
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    ahead: Arc<Mutex<Duration>>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) store: Slow,
    /// What is in the store.
    pub(crate) rows: Arc<MemoryStore>,
    pub(crate) line: Line,
    pub(crate) sink: RecordingSink,
    pub(crate) relay: TestRelay,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::on(settings, |carrier| carrier).await
    }

    /// With a carrier as `made` makes it.
    pub(crate) async fn on(
        settings: Settings,
        made: impl FnOnce(Carrier<Arc<MemoryStore>>) -> Carrier<Arc<MemoryStore>>,
    ) -> Self {
        let ahead = Arc::<Mutex<Duration>>::default();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock(Instant::now(), Arc::clone(&ahead)));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let carrier = Carrier::open(Arc::new(MemoryStore::new()), Arc::clone(&clock), &*rng).await.unwrap();
        let line = Line::to(made(carrier));
        let (rows, by) = (Arc::new(MemoryStore::new()), Arc::clone(&clock));
        let store = SlowStore::new(Arc::clone(&rows)).finishing_commits().before(move |call| {
            if call.is_commit() {
                Pause::span(Arc::clone(&by), Duration::from_millis(4))
            } else {
                Pause::none()
            }
        });
        let sink = RecordingSink::default();
        let relay = open(&store, &line, &sink, &clock, &rng, settings).await.unwrap();
        Self { clock, ahead, rng, store, rows, line, sink, relay }
    }

    /// Another relay on the same store.
    pub(crate) async fn reopen(&self) -> Result<TestRelay, RelayError> {
        self.reopen_with(Settings::default()).await
    }

    pub(crate) async fn reopen_with(&self, settings: Settings) -> Result<TestRelay, RelayError> {
        open(&self.store, &self.line, &self.sink, &self.clock, &self.rng, settings).await
    }

    /// Another relay on the same store, for these businesses alone.
    pub(crate) async fn reopen_for(&self, businesses: Vec<Business>) -> Result<TestRelay, RelayError> {
        let (store, line, sink) = (self.store.clone(), self.line.clone(), self.sink.clone());
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        Relay::builder(BoxStore::new(store), line, sink, clock, rng).businesses(businesses).open().await
    }

    pub(crate) async fn device(&self, user: Number) -> TestDevice {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::open(MemoryStore::new(), self.line.clone(), clock, rng, user).await.unwrap()
    }

    /// The devices of `count` users, each of whom has said hello to `business`.
    pub(crate) async fn crowd(&self, count: u64, business: PhoneNumberId) -> Vec<(Number, TestDevice)> {
        let mut crowd = Vec::new();
        for user in 0..count {
            let number =
                Number::parse(&format!("{}", 16_505_580_000 + business.number() % 10 * 1000 + user)).unwrap();
            let phone = self.device(number.clone()).await;
            phone.send(business, &says("hello")).await.unwrap();
            crowd.push((number, phone));
        }
        crowd
    }

    /// Puts everybody's clock ahead of the true time by so much.
    pub(crate) fn put_ahead(&self, ahead: Duration) {
        *self.ahead.lock().unwrap() = ahead;
    }

    pub(crate) async fn pass(&self, span: Duration) {
        self.clock.sleep(span).await;
    }
}

async fn open(
    store: &Slow,
    line: &Line,
    sink: &RecordingSink,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    settings: Settings,
) -> Result<TestRelay, RelayError> {
    Relay::builder(
        BoxStore::new(store.clone()),
        line.clone(),
        sink.clone(),
        Arc::clone(clock),
        Arc::clone(rng),
    )
    .businesses([business(SHOP), business(BAKERY)])
    .settings(settings)
    .open()
    .await
}

pub(crate) fn business(id: PhoneNumberId) -> Business {
    Business::new(id, BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}

pub(crate) fn alice() -> Number {
    Number::parse("16505551234").unwrap()
}

pub(crate) fn bob() -> Number {
    Number::parse("4915112345678").unwrap()
}

pub(crate) fn text(words: &str) -> OutgoingBody {
    OutgoingBody::Text(Text::new(words).unwrap())
}

pub(crate) fn to(user: Number, words: &str) -> Outgoing {
    Outgoing::new(user, text(words))
}

pub(crate) fn says(words: &str) -> Content {
    Content::text(Text::new(words).unwrap())
}
