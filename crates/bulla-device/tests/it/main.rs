//! What a device promises to its user, on virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_base::{
    Address, Category, Clock, MessageId, Number, PhoneNumberId, Rng, SeededRng, Sleep, Timestamp,
};
use bulla_carrier::Carrier;
use bulla_content::{Body, Content, Progress, Text, Typing};
use bulla_device::{Device, DeviceError, DeviceEventKind, SendError};
use bulla_endpoint::Endpoint;
use bulla_envelope::Kind;
use bulla_store::{Batch, MemoryStore, Store};
use bulla_transport::{Caller, InProcess, Incarnation, NumberProof, Sequence, Transport};
use tokio::time::Instant;

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);

mod attachments;
mod corpus;
mod dead_store;
mod devices;
mod handed_over;
mod lost_device;
mod one_time_keys;
mod reports;
mod retry_requests;
mod store_watches;
mod sweep;

/// The runtime's time, and by how many days the device's clock is ahead of it.
#[derive(Debug)]
struct VirtualClock {
    start: Instant,
    days_ahead: Arc<AtomicU64>,
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.days_ahead.load(Ordering::Relaxed) * 86_400);
        Timestamp::from_millis(1_795_293_590_960).after(self.start.elapsed() + ahead)
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
    fn sleep(&self, span: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(span))
    }
}

type Line = InProcess<Carrier<MemoryStore>>;

/// A carrier, and a shop that is no more than an endpoint.
struct World {
    clock: Arc<dyn Clock>,
    days_ahead: Arc<AtomicU64>,
    carrier: Arc<Carrier<MemoryStore>>,
    rng: Arc<dyn Rng>,
    line: Line,
    shop: Endpoint,
    shop_store: MemoryStore,
    caller: Caller,
}

impl World {
    async fn new() -> Self {
        let days_ahead = Arc::<AtomicU64>::default();
        let clock: Arc<dyn Clock> =
            Arc::new(VirtualClock { start: Instant::now(), days_ahead: Arc::clone(&days_ahead) });
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let carrier = Carrier::open(MemoryStore::new(), Arc::clone(&clock), &*rng).await.unwrap();
        Self::around(Arc::new(carrier), clock, rng, days_ahead).await
    }

    async fn around(
        carrier: Arc<Carrier<MemoryStore>>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        days_ahead: Arc<AtomicU64>,
    ) -> Self {
        let line = InProcess::new(Arc::clone(&carrier));
        let (shop, shop_store, caller) = install(SHOP, &line, &*clock, &*rng).await;
        Self { clock, days_ahead, carrier, rng, line, shop, shop_store, caller }
    }

    async fn device(&self, store: &Arc<MemoryStore>) -> Device<Arc<MemoryStore>, Line> {
        self.try_device(store).await.unwrap()
    }

    async fn try_device(
        &self,
        store: &Arc<MemoryStore>,
    ) -> Result<Device<Arc<MemoryStore>, Line>, DeviceError> {
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        Device::open(Arc::clone(store), self.line.clone(), clock, rng, alice()).await
    }

    /// The shop says something to alice.
    async fn say(&self, words: &str) -> MessageId {
        self.write(Kind::Message(Category::Service), &says(words)).await
    }

    async fn write(&self, kind: Kind, content: &Content) -> MessageId {
        let (now, user) = (self.clock.now(), bulla_base::Partition::from_bytes([2; 16]));
        let address = Address::user(alice());
        let mut peer = self.shop.peer(&self.shop_store, user, &address, now).await.unwrap();
        if peer.needs_keys(now) {
            let keys = self.line.bundle(&self.caller, &address).await.unwrap();
            let _ = peer.begin(&self.shop_store, &keys, now, &*self.rng).await.unwrap();
        }
        let id = MessageId::new(now, &*self.rng);
        let envelope = peer.seal(id, kind, content, now, &*self.rng).unwrap();
        let mut batch = Batch::new(user);
        drop(peer.write(&mut batch));
        let _ = self.shop_store.commit(batch).await.unwrap();
        self.line.send(&self.caller, envelope).await.unwrap();
        id
    }

    /// What alice's device has sent to the shop, opened.
    async fn hear(&self, count: usize) -> Vec<(MessageId, Content)> {
        let (user, address) = (bulla_base::Partition::from_bytes([2; 16]), Address::user(alice()));
        let mut after = Sequence::START;
        let mut heard = Vec::new();
        while heard.len() < count {
            for delivery in self.line.receive(&self.caller, after).await.unwrap() {
                after = delivery.sequence;
                let now = self.clock.now();
                let mut peer = self.shop.peer(&self.shop_store, user, &address, now).await.unwrap();
                let opened = peer.open(&self.shop_store, &delivery.envelope, now, &*self.rng).await.unwrap();
                let mut batch = Batch::new(user);
                drop(peer.write(&mut batch));
                let _ = self.shop_store.commit(batch).await.unwrap();
                self.line.acknowledge(&self.caller, &[after]).await.unwrap();
                heard.push((delivery.envelope.id(), opened.content.unwrap()));
            }
        }
        heard
    }
}

/// A business begins anew: another identity, which registers the number.
async fn install(
    id: PhoneNumberId,
    line: &Line,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> (Endpoint, MemoryStore, Caller) {
    let (store, home) = (MemoryStore::new(), bulla_base::Partition::from_bytes([1; 16]));
    let shop = Endpoint::open(&store, home, Address::business(id), clock.now(), rng).await.unwrap();
    let caller = Caller::new(shop.address().clone(), shop.installation(), Incarnation::new(1));
    line.register(&caller, &NumberProof::none()).await.unwrap();
    let keys = shop.keys_to_publish(&store, 0, 0, clock.now(), rng).await.unwrap();
    line.publish(&caller, keys).await.unwrap();
    (shop, store, caller)
}

fn alice() -> Number {
    Number::parse("16505551234").unwrap()
}

fn says(words: &str) -> Content {
    Content::text(Text::new(words).unwrap())
}

fn receipt(content: &Content) -> (Progress, MessageId) {
    match content.body() {
        Body::Receipt(receipt) => (receipt.progress(), receipt.messages()[0]),
        other => panic!("{other:?} is no receipt"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_is_confirmed_at_once_and_what_is_finished_is_read() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let id = world.say("hello").await;
    let event = device.next().await.unwrap();
    assert_eq!((event.id(), event.kind()), (id, &DeviceEventKind::Message(says("hello"))));
    device.acknowledge(event).await.unwrap();
    let heard = world.hear(2).await;
    assert_eq!(receipt(&heard[0].1), (Progress::Delivered, id));
    assert_eq!(receipt(&heard[1].1), (Progress::Read, id));
}

/// What a newer business says is not lost on an older phone, and what passes by is not kept.
#[tokio::test(start_paused = true)]
async fn a_message_of_a_kind_that_is_not_known_is_shown_and_confirmed_and_a_signal_is_not() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    world.say("hello").await;
    let first = device.next().await.unwrap();
    world.write(Kind::Receipt, &Content::new(Body::Typing(Typing))).await;
    let mut plaintext = [&[7; 32][..], &[0x32, 2, b'o', b'k', 0xfa, 0x01, 1, b'x', 0x80]].concat();
    plaintext.resize(256, 0);
    let (newer, _) = Content::decode(&plaintext).unwrap();
    let id = world.write(Kind::Message(Category::Service), &newer).await;
    device.acknowledge(first).await.unwrap();
    let event = device.next().await.unwrap();
    assert_eq!((event.id(), event.kind()), (id, &DeviceEventKind::Message(newer.clone())));
    assert_eq!((newer.fallback(), newer.body().name()), (Some("ok"), "unsupported"));
    device.acknowledge(event).await.unwrap();
    let heard = world.hear(4).await;
    let about: Vec<_> =
        heard.iter().map(|(_, content)| receipt(content)).filter(|(_, of)| *of == id).collect();
    assert_eq!(about, [(Progress::Delivered, id), (Progress::Read, id)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_finished_is_shown_again_after_a_restart_and_what_was_is_not() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    for words in ["one", "two"] {
        world.say(words).await;
    }
    let first = device.next().await.unwrap();
    device.acknowledge(first).await.unwrap();
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("two")));
    device.close().await;

    let device = world.device(&store).await;
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("two")));
    world.say("three").await;
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("three")));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_arrives_in_order_also_when_the_device_was_closed_right_after() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let mut sent = Vec::new();
    for number in 0..5 {
        let content = says(&number.to_string());
        sent.push((device.send(SHOP, &content).await.unwrap(), content));
    }
    device.close().await;
    let _device = world.device(&store).await;
    assert_eq!(world.hear(5).await, sent);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_business_nobody_knows() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let refused = device.send(PhoneNumberId::new(7), &says("hello")).await;
    assert!(matches!(refused, Err(SendError::UnknownBusiness)));
}

/// The clock was a day ahead for a moment. What arrived after it was corrected stood before what had been
/// shown, and was not shown any more, also after a restart, for as long as the clock had been ahead.
#[tokio::test(start_paused = true)]
async fn what_arrives_after_a_clock_was_corrected_is_shown() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let show = async |device: &Device<Arc<MemoryStore>, Line>, words: &str| {
        assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    };
    world.days_ahead.store(1, Ordering::Relaxed);
    world.say("a day ahead").await;
    show(&device, "a day ahead").await;
    world.days_ahead.store(0, Ordering::Relaxed);
    for words in ["corrected", "and on"] {
        world.say(words).await;
        show(&device, words).await;
    }
    device.send(SHOP, &says("and this leaves")).await.unwrap();
    world.hear(4).await;
    device.close().await;

    // Nothing was finished: all of it is shown again, in its order.
    let device = world.device(&store).await;
    world.days_ahead.store(400, Ordering::Relaxed);
    world.days_ahead.store(0, Ordering::Relaxed);
    for words in ["a day ahead", "corrected", "and on"] {
        show(&device, words).await;
    }
}
