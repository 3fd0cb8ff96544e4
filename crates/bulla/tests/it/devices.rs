//! A user has a phone, a tablet and a desk. Each hears everything, whatever becomes of the others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::Host;
use bulla::base::{Address, BusinessAccountId, Clock, DeviceId, Number, PhoneNumberId, Rng};
use bulla::content::{Body, Text};
use bulla::device::{Device, DeviceError, DeviceEventKind};
use bulla::envelope::{Envelope, KeyBundle, KeyUpload, Kind};
use bulla::meter::Flow;
use bulla::relay::{Business, Event, EventSink, Outgoing, OutgoingBody, SinkError, Status};
use bulla::store::BoxStore;
use bulla::transport::{
    BoxTransport, Caller, Connected, Delivery, InProcess, NumberProof, Sequence, Transport, TransportError,
};
use bulla::{SystemClock, SystemRng};

use crate::test_types::{TestCarrier, TestDevice, TestRelay, any_sink, memory_store};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way to the carrier, on which the next message to a device may be spoilt.
#[derive(Clone)]
struct Line {
    carrier: InProcess<TestCarrier>,
    spoilt: Arc<Mutex<Option<DeviceId>>>,
}

impl Transport for Line {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.carrier.register(caller, proof).await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.carrier.connect(caller).await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.carrier.publish(caller, keys).await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.carrier.bundle(caller, of).await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.carrier.send(caller, envelope).await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let mut deliveries = self.carrier.receive(caller, after).await?;
        let mut spoilt = self.spoilt.lock().unwrap();
        for delivery in &mut deliveries {
            let is_message = matches!(delivery.envelope.kind(), Kind::Message(_));
            if is_message && *spoilt == Some(caller.address().device()) {
                *spoilt = None;
                delivery.envelope = unreadable(&delivery.envelope);
            }
        }
        Ok(deliveries)
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.carrier.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.carrier.acknowledge(caller, sequences).await
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.carrier.remove(caller, device).await
    }
}

fn unreadable(envelope: &Envelope) -> Envelope {
    let (from, to) = (envelope.from().clone(), envelope.to().clone());
    let mut sealed = envelope.sealed().to_vec();
    *sealed.last_mut().unwrap() ^= 1;
    let (franking, form) = (*envelope.franking(), envelope.form());
    Envelope::new(envelope.id(), from, to, envelope.kind(), franking, form, sealed).unwrap()
}

/// The statuses that the business was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Status>>>);

impl Told {
    fn count(&self, status: Status) -> usize {
        self.0.lock().unwrap().iter().filter(|told| **told == status).count()
    }
}

impl EventSink for Told {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if let Event::Status(_, update) = event {
            self.0.lock().unwrap().push(update.status);
        }
        Ok(())
    }
}

struct World {
    carrier: Arc<TestCarrier>,
    line: Line,
    relay: TestRelay,
    told: Told,
}

impl World {
    async fn new() -> Self {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let carrier = Arc::new(TestCarrier::open(memory_store(), clock, &*rng).await.unwrap());
        let line = Line { carrier: InProcess::new(Arc::clone(&carrier)), spoilt: Arc::default() };
        let (business, told) = (
            Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap()),
            Told::default(),
        );
        let transport = BoxTransport::new(line.clone());
        let builder = Host::new().relay(memory_store(), transport, any_sink(told.clone()));
        let relay = builder.business(business).open().await.unwrap();
        Self { carrier, line, relay, told }
    }

    async fn try_open(&self, device: DeviceId, store: &BoxStore) -> Result<TestDevice, DeviceError> {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let transport = BoxTransport::new(self.line.clone());
        Device::open_as(store.clone(), transport, clock, rng, alice(), device).await
    }

    async fn open(&self, device: DeviceId, store: &BoxStore) -> TestDevice {
        self.try_open(device, store).await.unwrap()
    }

    async fn say(&self, words: &str) {
        let outgoing = Outgoing::new(alice(), OutgoingBody::Text(Text::new(words).unwrap()));
        self.relay.submit(SHOP, outgoing).await.unwrap();
    }

    async fn told(&self, status: Status, count: usize) {
        within_reason("the business is told", async {
            while self.told.count(status) < count {
                SystemClock.sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

fn alice() -> Number {
    Number::parse("16505551234").unwrap()
}

async fn within_reason<R>(what: &str, task: impl Future<Output = R>) -> R {
    tokio::select! {
        outcome = task => outcome,
        () = SystemClock.sleep(PATIENCE) => panic!("this never happened: {what}"),
    }
}

/// Whether `device` shows these words next, and nothing else.
async fn shows(device: &TestDevice, words: &[&str]) {
    for words in words {
        let event = within_reason(words, device.next()).await.unwrap();
        let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
        assert!(matches!(content.body(), Body::Text(text) if text.body() == *words), "{event:?}");
        device.acknowledge(event).await.unwrap();
    }
}

#[tokio::test]
async fn three_devices_hear_everything_while_one_is_installed_anew_one_vanishes_and_one_comes_later() {
    let world = World::new().await;
    let [phone_id, tablet_id, desk_id, watch_id] = [1, 2, 3, 4].map(|id| DeviceId::new(id).unwrap());
    let desk_store = memory_store();
    let phone = world.open(phone_id, &memory_store()).await;
    let tablet = world.open(tablet_id, &memory_store()).await;
    let desk = world.open(desk_id, &desk_store).await;
    for (id, device) in [(tablet_id, &tablet), (desk_id, &desk)] {
        phone.approve_device(id, &device.identity()).await.unwrap();
    }
    for words in ["one", "two"] {
        world.say(words).await;
    }
    for device in [&phone, &tablet, &desk] {
        shows(device, &["one", "two"]).await;
    }

    // The tablet is installed anew, and hears what was said meanwhile as well.
    tablet.close().await;
    world.say("three").await;
    world.told(Status::Sent, 3).await;
    let tablet = world.open(tablet_id, &memory_store()).await;
    phone.approve_device(tablet_id, &tablet.identity()).await.unwrap();
    world.say("four").await;
    shows(&phone, &["three", "four"]).await;
    shows(&desk, &["three", "four"]).await;
    let mut shown = Vec::new();
    while shown.len() < 2 {
        let event = within_reason("the new tablet shows it", tablet.next()).await.unwrap();
        if let DeviceEventKind::Message(content) = event.kind()
            && let Body::Text(text) = content.body()
        {
            shown.push(text.body().to_owned());
        }
        tablet.acknowledge(event).await.unwrap();
    }
    // What has to be asked for may come after what was said later.
    shown.sort_unstable();
    assert_eq!(shown, ["four", "three"]);

    // Two of three confirm; the third could not open it, asks again and gets it.
    *world.line.spoilt.lock().unwrap() = Some(desk_id);
    world.say("five").await;
    for device in [&phone, &tablet, &desk] {
        shows(device, &["five"]).await;
    }
    assert_eq!(*world.line.spoilt.lock().unwrap(), None);
    world.told(Status::Read, 5).await;

    // The desk vanishes, and its user removes it. A watch comes.
    desk.close().await;
    phone.remove(desk_id).await.unwrap();
    assert!(matches!(world.try_open(desk_id, &desk_store).await, Err(DeviceError::Removed)));
    let watch = world.open(watch_id, &memory_store()).await;
    phone.approve_device(watch_id, &watch.identity()).await.unwrap();
    world.say("six").await;
    for device in [&phone, &tablet, &watch] {
        shows(device, &["six"]).await;
    }
    world.told(Status::Read, 6).await;
    for status in [Status::Sent, Status::Delivered, Status::Read] {
        assert_eq!(world.told.count(status), 6, "{status:?} is told once of each");
    }
    assert_eq!(world.told.0.lock().unwrap().len(), 18, "and nothing else is");
    let bill = world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser);
    assert_eq!((bill, world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser)), (6, 6));
    world.relay.close().await;
}
