use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{
    Address, BusinessAccountId, Clock, Number, Partition, PhoneNumberId, Rng, SeededRng, Sleep, Timestamp,
};
use bulla_carrier::Carrier;
use bulla_content::{Content, Text};
use bulla_device::Device;
use bulla_envelope::{Envelope, KeyBundle, KeyUpload};
use bulla_relay::{Business, Event, Outgoing, Relay, RelayError, Saying, Settings, Sink, SinkError};
use bulla_store::{Batch, Commit, Layer, MemoryStore, Store, StoreError, erase_by_page};
use bulla_transport::{Caller, Connected, Delivery, InProcess, Sequence, Transport, TransportError};
use tokio::time::Instant;

pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const BAKERY: PhoneNumberId = PhoneNumberId::new(106_540_352_242_923);
const EPOCH: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// The paused time of the test's runtime.
#[derive(Debug)]
pub(crate) struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        EPOCH.after(self.0.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A sink that does as it is told, and notes what it took.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<DeskState>>);

#[derive(Default)]
struct DeskState {
    taken: Vec<Event>,
    offered: usize,
    refusals: VecDeque<&'static str>,
    refused_user: Option<Number>,
}

impl Desk {
    /// Refuses the next events, with these words.
    pub(crate) fn refuse(&self, words: &[&'static str]) {
        self.0.lock().unwrap().refusals.extend(words);
    }

    /// Refuses everything about this user, or nothing.
    pub(crate) fn refuse_user(&self, user: Option<Number>) {
        self.0.lock().unwrap().refused_user = user;
    }

    pub(crate) fn taken(&self) -> Vec<Event> {
        self.0.lock().unwrap().taken.clone()
    }

    pub(crate) fn offered(&self) -> usize {
        self.0.lock().unwrap().offered
    }

    /// Waits until so many events were taken.
    pub(crate) async fn wait_for(&self, count: usize, clock: &dyn Clock) -> Vec<Event> {
        for _ in 0..100_000 {
            if self.taken().len() >= count {
                return self.taken();
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
        panic!("of {count} events only these came: {:#?}", self.taken());
    }
}

impl Sink for Desk {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        let mut state = self.0.lock().unwrap();
        state.offered += 1;
        match state.refusals.pop_front() {
            Some("panic") => {
                drop(state);
                panic!("the host's sink is broken");
            }
            Some(words) => return Err(SinkError::new(words)),
            None => {}
        }
        if state.refused_user.as_ref() == Some(&event.subject().user) {
            return Err(SinkError::new("not this one"));
        }
        state.taken.push(event.clone());
        Ok(())
    }
}

/// A line to the carrier that can be cut.
#[derive(Clone)]
pub(crate) struct Line {
    carrier: InProcess<Carrier<Arc<MemoryStore>>>,
    cut: Arc<Mutex<bool>>,
    no_keys: Arc<Mutex<bool>>,
}

impl Line {
    pub(crate) fn cut(&self, cut: bool) {
        *self.cut.lock().unwrap() = cut;
    }

    /// Whether the carrier does not answer when it is asked for keys.
    pub(crate) fn withhold_keys(&self, withheld: bool) {
        *self.no_keys.lock().unwrap() = withheld;
    }

    fn check(&self) -> Result<(), TransportError> {
        if *self.cut.lock().unwrap() { Err(TransportError::unavailable("the line is cut")) } else { Ok(()) }
    }
}

impl Transport for Line {
    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.check()?;
        self.carrier.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.check()?;
        self.carrier.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.check()?;
        if *self.no_keys.lock().unwrap() {
            return Err(TransportError::unavailable("the directory is busy"));
        }
        self.carrier.bundle(caller, of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.check()?;
        self.carrier.send(caller, envelope).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.check()?;
        self.carrier.receive(caller, after).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.check()?;
        self.carrier.acknowledge(caller, sequences).await
    }
}

/// A store that takes a while, as one with a disk does, and finishes what it began whether or not anybody waits for it.
#[derive(Clone)]
pub(crate) struct Slow {
    pub(crate) rows: Arc<MemoryStore>,
    clock: Arc<dyn Clock>,
}

impl Layer for Slow {
    type Beneath = MemoryStore;

    fn beneath(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let this = self.clone();
        let committed = tokio::spawn(async move {
            this.clock.sleep(Duration::from_millis(4)).await;
            this.rows.commit(batch).await
        });
        committed.await.unwrap()
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
    }
}

pub(crate) type TestRelay = Relay<Slow, Line, Desk>;
pub(crate) type TestDevice = Device<MemoryStore, Line>;

/// A carrier, a relay for two businesses, and whatever devices a test opens.
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) store: Slow,
    pub(crate) line: Line,
    pub(crate) desk: Desk,
    pub(crate) relay: TestRelay,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock(Instant::now()));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let carrier = Carrier::open(Arc::new(MemoryStore::new()), Arc::clone(&clock), &*rng).await.unwrap();
        let line =
            Line { carrier: InProcess::new(Arc::new(carrier)), cut: Arc::default(), no_keys: Arc::default() };
        let store = Slow { rows: Arc::default(), clock: Arc::clone(&clock) };
        let desk = Desk::default();
        let relay = open(&store, &line, &desk, &clock, &rng, settings).await.unwrap();
        Self { clock, rng, store, line, desk, relay }
    }

    /// Another relay on the same store.
    pub(crate) async fn reopen(&self) -> Result<TestRelay, RelayError> {
        open(&self.store, &self.line, &self.desk, &self.clock, &self.rng, Settings::default()).await
    }

    pub(crate) async fn device(&self, user: Number) -> TestDevice {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::open(MemoryStore::new(), self.line.clone(), clock, rng, user).await.unwrap()
    }

    pub(crate) async fn pass(&self, span: Duration) {
        self.clock.sleep(span).await;
    }
}

async fn open(
    store: &Slow,
    line: &Line,
    desk: &Desk,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    settings: Settings,
) -> Result<TestRelay, RelayError> {
    Relay::open(
        store.clone(),
        line.clone(),
        desk.clone(),
        Arc::clone(clock),
        Arc::clone(rng),
        vec![business(SHOP), business(BAKERY)],
        settings,
    )
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

pub(crate) fn text(words: &str) -> Saying {
    Saying::Text(Text::new(words).unwrap())
}

pub(crate) fn to(user: Number, words: &str) -> Outgoing {
    Outgoing::new(user, text(words))
}

pub(crate) fn says(words: &str) -> Content {
    Content::text(Text::new(words).unwrap())
}
