//! A business, its relay, a carrier and users with their devices, in one process on three sealed stores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_carrier::Carrier;
use bulla_content::{Body, Text};
use bulla_device::{Device, DeviceEventKind};
use bulla_relay::{
    Business, Event, EventSink, Incoming, Outgoing, OutgoingBody, Relay, Settings, SinkError, Status,
};
use bulla_store::{Asked, CountingStore, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_transport::InProcess;
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Machine;
use crate::speed::{Arrivals, Stage};

pub(crate) type BenchStore = Arc<CountingStore<Vault<FjallStore>>>;
type Link = InProcess<Carrier<BenchStore>>;

pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

/// A text of about a hundred bytes.
pub(crate) const TEXT: &str =
    "Your order has left our house and will be with you tomorrow between nine and eleven. Thank you!";

/// The same, by which the message is known.
pub(crate) fn text(place: usize) -> String {
    format!("{place} {TEXT}")
}

/// Which message says `text`.
fn place(text: &str) -> Option<usize> {
    text.split_once(' ')?.0.parse().ok()
}

/// What the users do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Their devices are off.
    None,
    /// They see what is shown, and do not read it.
    Look,
    /// They read what is shown at once.
    Read,
}

pub(crate) struct System {
    folder: TempDir,
    pub(crate) relay: Relay<BenchStore, Link, Arc<Receipts>>,
    carrier: Arc<Carrier<BenchStore>>,
    stores: [BenchStore; 3],
    pub(crate) users: Vec<Number>,
    pub(crate) devices: Vec<Device<BenchStore, Link>>,
    readers: JoinSet<()>,
    pub(crate) receipts: Arc<Receipts>,
}

/// What the business and the users were told. The business takes everything at once.
#[derive(Default)]
pub(crate) struct Receipts {
    pub(crate) shown: AtomicUsize,
    pub(crate) read: AtomicUsize,
    pub(crate) failed: AtomicUsize,
    pub(crate) moved: Notify,
    pub(crate) arrivals: Arrivals,
    /// Whether the users look at their devices.
    open: AtomicBool,
    opened: Notify,
}

impl Receipts {
    /// Waits until `counter` has come to `count`.
    pub(crate) async fn until(&self, counter: &AtomicUsize, count: usize) {
        loop {
            let moved = self.moved.notified();
            assert_eq!(self.failed.load(Ordering::Relaxed), 0, "a message failed");
            if counter.load(Ordering::Relaxed) >= count {
                return;
            }
            moved.await;
        }
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
        self.opened.notify_waiters();
    }

    async fn is_open(&self) {
        loop {
            let opened = self.opened.notified();
            if self.open.load(Ordering::SeqCst) {
                return;
            }
            opened.await;
        }
    }

    fn note(&self, counter: &AtomicUsize) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

impl EventSink for Receipts {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::Status(_, update) => match update.status {
                Status::Read => {
                    self.note(&self.read);
                    if let Some(place) = update.tracking.as_ref().and_then(|tracking| tracking.parse().ok()) {
                        self.arrivals.arrive(Stage::Read, place);
                    }
                }
                Status::Failed(_) => self.note(&self.failed),
                _ => {}
            },
            Event::Message(_, Incoming::Text { text, .. }) => {
                if let Some(place) = place(text.body()) {
                    self.arrivals.arrive(Stage::Forwarded, place);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl System {
    pub(crate) async fn new(users: usize) -> Self {
        Self::with(users, Readers::Read, FjallOptions::default()).await
    }

    pub(crate) async fn with(users: usize, does: Readers, options: FjallOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = async |name: &str| open_store(&folder.path().join(name), options).await;
        let stores = [store("relay").await, store("carrier").await, store("devices").await];
        let [of_relay, of_carrier, of_devices] = stores.clone();
        let (clock, rng) = (Arc::new(Machine), Arc::new(Machine));
        let carrier = Arc::new(Carrier::open(of_carrier, clock.clone(), &Machine).await.unwrap());
        let link = InProcess::new(Arc::clone(&carrier));
        let receipts = Arc::new(Receipts::default());
        let account = BusinessAccountId::new(1);
        let shop = Business::new(SHOP, account, Number::parse("15550783881").unwrap());
        let settings = Settings::default();
        let relay = Relay::builder(of_relay, link.clone(), receipts.clone(), clock.clone(), rng.clone())
            .business(shop)
            .settings(settings)
            .open()
            .await
            .unwrap();
        let users: Vec<Number> =
            (0..users).map(|user| Number::parse(&format!("1650{user:07}")).unwrap()).collect();
        let devices = users.iter().map(|number| {
            Device::open(of_devices.clone(), link.clone(), clock.clone(), rng.clone(), number.clone())
        });
        let devices = futures_util::future::try_join_all(devices).await.unwrap();
        let mut readers = JoinSet::new();
        for device in devices.clone() {
            match does {
                Readers::Read => drop(readers.spawn(read_on(device, receipts.clone()))),
                Readers::Look => drop(readers.spawn(look_on(device, receipts.clone()))),
                Readers::None => device.close().await,
            }
        }
        receipts.set_open(true);
        Self { folder, relay, carrier, stores, users, devices, readers, receipts }
    }

    /// Where the stores' files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Has the relay accept a text to the user at `place`.
    pub(crate) async fn write(&self, place: usize) {
        let to = self.users[place % self.users.len()].clone();
        let text = OutgoingBody::Text(Text::new(TEXT).unwrap());
        self.relay.submit(SHOP, Outgoing::new(to, text)).await.unwrap();
    }

    /// What relay, carrier and devices have asked of their stores since this was last called.
    pub(crate) fn asked(&self) -> [Asked; 3] {
        self.stores.each_ref().map(|store| store.counts().take())
    }

    pub(crate) async fn close(mut self) {
        self.readers.shutdown().await;
        for device in &self.devices {
            device.close().await;
        }
        self.relay.close().await;
        self.carrier.close().await;
        for store in &self.stores {
            store.close().await.unwrap();
        }
    }
}

/// A user who reads whatever is shown at once, as long as users look.
async fn read_on(device: Device<BenchStore, Link>, receipts: Arc<Receipts>) {
    loop {
        let event = device.next().await.unwrap();
        receipts.is_open().await;
        if matches!(event.kind(), DeviceEventKind::Message(_)) {
            receipts.note(&receipts.shown);
        }
        device.acknowledge(event).await.unwrap();
    }
}

/// A user who looks at whatever is shown.
async fn look_on(device: Device<BenchStore, Link>, receipts: Arc<Receipts>) {
    loop {
        let event = device.next().await.unwrap();
        if let DeviceEventKind::Message(content) = event.kind()
            && let Body::Text(text) = content.body()
            && let Some(place) = place(text.body())
        {
            receipts.arrivals.arrive(Stage::Shown, place);
        }
    }
}

pub(crate) async fn open_store(folder: &Path, options: FjallOptions) -> BenchStore {
    let rng = Arc::new(Machine);
    let keys = OperatorKey::from_bytes([7; 32], rng.clone());
    let engine = FjallStore::open(folder, options).unwrap();
    let vault = Vault::open(engine, MemoryKeyring::new(), &keys, Arc::new(Machine), rng).await.unwrap();
    Arc::new(CountingStore::new(vault))
}
