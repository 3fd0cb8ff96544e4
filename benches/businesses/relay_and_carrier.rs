//! A relay and a carrier in one program, each on an engine of its own under a vault.

use std::path::Path;
use std::sync::Arc;

use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_carrier::Carrier;
use bulla_relay::{Business, Event, EventSink, Outgoing, OutgoingBody, Relay, SinkError};
use bulla_store::Store;
use bulla_store_fjall::{FjallOptions, FjallStore};
use bulla_transport::InProcess;
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use tempfile::TempDir;

use crate::clock::Machine;

type BenchStore = Arc<Vault<FjallStore>>;

/// Of so many businesses it is asked whether they are served.
const ASKED: u64 = 64;

/// Where everything stands while it is closed.
pub(crate) struct Closed {
    folder: TempDir,
    keyrings: [MemoryKeyring; 2],
    businesses: u64,
}

/// A relay that is open, and what it stands on.
pub(crate) struct Open {
    pub(crate) relay: Relay<BenchStore, InProcess<Carrier<BenchStore>>, IgnoreEvents>,
    pub(crate) rest: Rest,
}

/// The carrier and the stores.
pub(crate) struct Rest {
    carrier: Arc<Carrier<BenchStore>>,
    stores: [BenchStore; 2],
    businesses: u64,
}

/// Takes every event and does nothing.
pub(crate) struct IgnoreEvents;

impl EventSink for IgnoreEvents {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

impl Closed {
    pub(crate) fn new(businesses: u64) -> Self {
        let keyrings = [MemoryKeyring::new(), MemoryKeyring::new()];
        Self { folder: tempfile::tempdir().unwrap(), keyrings, businesses }
    }

    /// The stores of the relay and the carrier.
    pub(crate) async fn stores(&self) -> [BenchStore; 2] {
        let [of_relay, of_carrier] = &self.keyrings;
        let store = |name: &str| self.folder.path().join(name);
        [open_store(&store("relay"), of_relay).await, open_store(&store("carrier"), of_carrier).await]
    }

    pub(crate) async fn open(&self, stores: [BenchStore; 2]) -> Open {
        let [of_relay, of_carrier] = stores.clone();
        let carrier = Arc::new(Carrier::open(of_carrier, Arc::new(Machine), &Machine).await.unwrap());
        let transport = InProcess::new(Arc::clone(&carrier));
        let (clock, rng) = (Arc::new(Machine), Arc::new(Machine));
        let businesses = (0..self.businesses).map(business);
        let relay =
            Relay::builder(of_relay, transport, IgnoreEvents, clock, rng).businesses(businesses).open().await;
        Open { relay: relay.unwrap(), rest: Rest { carrier, stores, businesses: self.businesses } }
    }
}

impl Open {
    /// That the relay speaks for all, and takes messages: the carrier, which knows no such user, answers each
    /// of those asked.
    pub(crate) async fn serves_all(&self) {
        let businesses = self.rest.businesses;
        assert_eq!(self.relay.stats().businesses as u64, businesses);
        assert!(self.relay.suspended().is_empty());
        let text = bulla_content::Text::new("are you there?").unwrap();
        let asked = (0..businesses).step_by((businesses / ASKED).max(1) as usize).map(|number| {
            let to = Number::parse("16505551234").unwrap();
            self.relay.submit(id(number), Outgoing::new(to, OutgoingBody::Text(text.clone())))
        });
        for answer in futures_util::future::join_all(asked).await {
            answer.unwrap();
        }
    }
}

impl Rest {
    pub(crate) async fn close(self) {
        self.carrier.close().await;
        for store in &self.stores {
            store.close().await.unwrap();
        }
    }
}

async fn open_store(folder: &Path, keyring: &MemoryKeyring) -> BenchStore {
    let rng = Arc::new(Machine);
    let keys = OperatorKey::from_bytes([7; 32], rng.clone());
    let engine = FjallStore::open(folder, FjallOptions::default()).unwrap();
    Arc::new(Vault::open(engine, keyring.clone(), &keys, Arc::new(Machine), rng).await.unwrap())
}

const fn id(number: u64) -> PhoneNumberId {
    PhoneNumberId::new(1_000_000 + number)
}

fn business(number: u64) -> Business {
    Business::new(id(number), BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}
