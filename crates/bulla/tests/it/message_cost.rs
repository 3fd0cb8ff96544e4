//! What a message costs the stores of all three parties, whatever came before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId, Rng};
use bulla::carrier::Carrier;
use bulla::content::Text;
use bulla::device::{Device, DeviceEventKind};
use bulla::relay::{Business, Event, EventSink, Outgoing, OutgoingBody, Relay, Settings, SinkError, Status};
use bulla::store::{CountingStore, Counts, MemoryStore};
use bulla::transport::InProcess;
use bulla::{SystemClock, SystemRng};
use tokio::sync::Notify;

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

type TestStore = Arc<CountingStore<MemoryStore>>;

/// What the business has been told was read.
#[derive(Default)]
struct ReadReceipts {
    read: AtomicUsize,
    moved: Notify,
}

impl EventSink for ReadReceipts {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if let Event::Status(_, update) = event
            && update.status == Status::Read
        {
            self.read.fetch_add(1, Ordering::Relaxed);
            self.moved.notify_one();
        }
        Ok(())
    }
}

fn store() -> (TestStore, Counts) {
    let store = CountingStore::new(MemoryStore::new());
    let counts = store.counts();
    (Arc::new(store), counts)
}

/// A business that has written to a user, who has read it.
struct System {
    relay: Relay<TestStore, InProcess<Carrier<TestStore>>, Arc<ReadReceipts>>,
    device: Device<TestStore, InProcess<Carrier<TestStore>>>,
    receipts: Arc<ReadReceipts>,
    alice: Number,
    /// The device's.
    store: TestStore,
    link: InProcess<Carrier<TestStore>>,
    /// Those of relay, carrier and device.
    counts: [Counts; 3],
}

impl System {
    async fn new() -> Self {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let [(relay, of_relay), (carrier, of_carrier), (device, of_device)] = [store(), store(), store()];
        let carrier = Arc::new(Carrier::open(carrier, clock.clone(), &*rng).await.unwrap());
        let link = InProcess::new(carrier);
        let (receipts, alice) = (Arc::new(ReadReceipts::default()), Number::parse("16505551234").unwrap());
        let shop = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
        let store = device.clone();
        let device = Device::open(device, link.clone(), clock.clone(), rng.clone(), alice.clone());
        let device = device.await.unwrap();
        let settings = Settings::default();
        let relay = Relay::builder(relay, link.clone(), receipts.clone(), clock, rng)
            .business(shop)
            .settings(settings)
            .open()
            .await
            .unwrap();
        let system =
            Self { relay, device, receipts, alice, store, link, counts: [of_relay, of_carrier, of_device] };
        system.deliver(1).await;
        system
    }

    /// The same device again.
    async fn reopen_device(&self) -> Device<TestStore, InProcess<Carrier<TestStore>>> {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        Device::open(self.store.clone(), self.link.clone(), clock, rng, self.alice.clone()).await.unwrap()
    }

    /// Has `count` messages written, shown and read, and waits until the business has been told so.
    async fn deliver(&self, count: usize) {
        let before = self.receipts.read.load(Ordering::Relaxed);
        for _ in 0..count {
            let message =
                Outgoing::new(self.alice.clone(), OutgoingBody::Text(Text::new("Good morning").unwrap()));
            self.relay.submit(SHOP, message).await.unwrap();
            let event = self.device.next().await.unwrap();
            assert!(matches!(event.kind(), DeviceEventKind::Message(_)));
            self.device.acknowledge(event).await.unwrap();
        }
        while self.receipts.read.load(Ordering::Relaxed) < before + count {
            self.receipts.moved.notified().await;
        }
    }
}

/// What a message may ask of a store: look-ups, rows found, their bytes, commits, rows written. Nothing is
/// scanned.
type Budget = [usize; 5];

/// With all three statuses told. The relay looks up whether it has opened each receipt, and the message that
/// each status is about, the carrier whether it has had each envelope, the device whether it has opened the
/// message. What a message says is one row of the relay's, which is put with it and goes when it is
/// delivered; what a report of it takes is one of the device's.
const RELAY: Budget = [5, 3, 100, 7, 30];
const CARRIER: Budget = [3, 0, 0, 3, 12];
const DEVICE: Budget = [1, 0, 0, 2, 15];

/// How many are measured together. Sessions take a step now and then that writes more than others.
const MESSAGES: usize = 200;

#[tokio::test]
async fn a_message_costs_the_stores_the_same_whatever_came_before() {
    let system = System::new().await;
    // A day begins, and sessions are completed.
    system.deliver(50).await;
    for before in [50, 1000] {
        system.counts.iter().for_each(|counts| drop(counts.take()));
        system.deliver(MESSAGES).await;
        for (counts, budget) in system.counts.iter().zip([RELAY, CARRIER, DEVICE]) {
            let asked = counts.take();
            assert_eq!(asked.scans.values().sum::<usize>(), 0, "after {before} messages: {asked:?}");
            let spent = [asked.reads(), asked.rows_read, asked.bytes_read, asked.commits, asked.rows_written];
            for (spent, budget) in spent.into_iter().zip(budget) {
                assert!(spent <= budget * MESSAGES, "{budget} a message; after {before} messages: {asked:?}");
            }
        }
        system.deliver(1000 - MESSAGES).await;
    }
}

#[tokio::test]
async fn what_waits_for_a_device_is_opened_and_confirmed_together() {
    const WAITING: usize = 32;
    let mut system = System::new().await;
    system.device.close().await;
    for number in 0..WAITING {
        let text = OutgoingBody::Text(Text::new(format!("number {number}")).unwrap());
        system.relay.submit(SHOP, Outgoing::new(system.alice.clone(), text)).await.unwrap();
    }
    system.counts.iter().for_each(|counts| drop(counts.take()));
    system.device = system.reopen_device().await;
    for number in 0..WAITING {
        let event = system.device.next().await.unwrap();
        let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
        assert_eq!(content, &bulla::content::Content::text(Text::new(format!("number {number}")).unwrap()));
    }
    // The device takes its incarnation, and opens sixteen in a record.
    let commits = system.counts[2].take().commits;
    assert!(commits <= 8, "{commits} commits for {WAITING} messages");
}

/// Every call is moved about, allocated and cleared as a whole, so what it takes is paid for each message.
#[tokio::test]
async fn what_a_call_takes_while_it_waits_is_small() {
    const MOST: usize = 4_096;
    let system = System::new().await;
    let text = || OutgoingBody::Text(Text::new("Good morning").unwrap());
    let submitting = size_of_val(&system.relay.submit(SHOP, Outgoing::new(system.alice.clone(), text())));
    let content = bulla::content::Content::text(Text::new("Good morning").unwrap());
    let sending = size_of_val(&system.device.send(SHOP, &content));
    let showing = size_of_val(&system.device.next());
    for (call, bytes) in [("submit", submitting), ("send", sending), ("next", showing)] {
        assert!(bytes <= MOST, "{call} takes {bytes} bytes");
    }
}
