//! What the carrier promises over its port.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod acknowledge;
mod blobs;
mod concurrent_erasures;
mod corpus;
mod device_lists;
mod devices;
mod directory;
mod erase;
mod fencing_token;
mod grants;
mod grpc;
mod identities;
mod idle_memory;
mod key_log;
mod logs;
mod new_devices;
mod protection;
mod queue;
mod queue_cost;
mod register;
mod reports;
mod restored_store;
mod statements;
mod tiers;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{
    Address, Category, Clock, ManualClock, MessageId, Number, PhoneNumberId, Rng, SeededRng, Sleep, Timestamp,
};
use bulla_carrier::Carrier;
use bulla_envelope::{Envelope, Form, FrankingTag, KeyUpload, Kind, OneTimeKey, SignedKey};
use bulla_store::{BoxStore, MemoryStore};
use identities::{installation, key_of};

use bulla_transport::{BoxTransport, Caller, InProcess, Incarnation, Transport};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// A clock that only the test moves: who sleeps by it does so for good.
#[derive(Debug)]
struct Hands(ManualClock);

impl Hands {
    fn set(&self, now: Timestamp) {
        self.0.set(now);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(std::future::pending())
    }
}

struct World {
    clock: Arc<Hands>,
    rng: SeededRng,
    store: Arc<MemoryStore>,
    carrier: Arc<Carrier<BoxStore>>,
    /// The way there over the wire, if the tests are to take it.
    wire: Option<BoxTransport>,
}

impl World {
    async fn new() -> Self {
        Self::changed(|carrier| carrier).await
    }

    /// With a carrier that was opened and then changed.
    async fn changed(change: impl FnOnce(Carrier<BoxStore>) -> Carrier<BoxStore>) -> Self {
        let (clock, rng) = (Arc::new(Hands(ManualClock::new(NOW))), SeededRng::new(1));
        let store = Arc::new(MemoryStore::new());
        let carrier = Carrier::open(BoxStore::new(Arc::clone(&store)), clock.clone(), &rng).await.unwrap();
        Self { clock, rng, store, carrier: Arc::new(change(carrier)), wire: None }.wired().await
    }

    /// The same world with another carrier on its store: what the test has done to the rows is read.
    async fn restart(self) -> Self {
        self.restart_changed(|carrier| carrier).await
    }

    async fn restart_changed(mut self, change: impl FnOnce(Carrier<BoxStore>) -> Carrier<BoxStore>) -> Self {
        let carrier = Carrier::open(BoxStore::new(Arc::clone(&self.store)), self.clock.clone(), &self.rng)
            .await
            .unwrap();
        self.carrier = Arc::new(change(carrier));
        self.wired().await
    }

    /// The same world with its carrier behind a wire, if the tests are told so.
    async fn wired(mut self) -> Self {
        if std::env::var_os(grpc::OVER_THE_WIRE).is_some() {
            self.wire = Some(grpc::wire_to(&self).await);
        }
        self
    }

    fn transport(&self) -> BoxTransport {
        self.wire.clone().unwrap_or_else(|| BoxTransport::new(InProcess::new(Arc::clone(&self.carrier))))
    }

    /// Connects `address` and leaves keys for it.
    async fn join(&self, address: Address) -> Caller {
        let caller = caller(address, 1);
        self.transport().connect(&caller).await.unwrap();
        self.transport().publish(&caller, upload(b"identity", 2)).await.unwrap();
        caller
    }

    fn envelope(&self, from: &Caller, to: &Caller) -> Envelope {
        self.envelope_with(MessageId::new(NOW, &self.rng), from, to)
    }

    fn envelope_with(&self, id: MessageId, from: &Caller, to: &Caller) -> Envelope {
        let mut sealed = vec![0; 40];
        self.rng.fill(&mut sealed);
        let (from, to) = (from.address().clone(), to.address().clone());
        let franking = FrankingTag::from_bytes([0; 32]);
        Envelope::new(id, from, to, Kind::Message(Category::Service), franking, Form::Signal, sealed).unwrap()
    }
}

/// Somebody in this incarnation of the installation with the identity `identity`.
fn caller(address: Address, incarnation: u64) -> Caller {
    Caller::new(address, installation(b"identity"), Incarnation::new(incarnation))
}

fn shop() -> Address {
    Address::business(SHOP)
}

fn alice() -> Address {
    Address::user(Number::parse("16505551234").unwrap())
}

/// Keys of the installation called `identity`, with the one-time keys from id 1 to `one_time`.
fn upload(identity: &'static [u8], one_time: u32) -> KeyUpload {
    let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
    let one_time = (1..=one_time).map(|id| OneTimeKey::new(id, vec![3; 33])).collect();
    KeyUpload::new(7, key_of(identity).to_vec(), signed.clone(), signed, one_time)
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}
