//! What a device cannot open it asks for, and what it is asked for it sends again; both within bounds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Address, Category, MessageId, Partition, Timestamp};
use bulla_content::{Body, Content, Progress, RetryRequest};
use bulla_device::{Device, DeviceEventKind, FIRST_WAIT, MAX_ASKED_FOR, MAX_UNCONFIRMED};
use bulla_envelope::{Envelope, Form, FrankingTag, Kind};
use bulla_store::{Batch, Key, MemoryStore, Scan, Space, Store, StoreError, StoreWrapper};
use bulla_transport::{Sequence, Transport};

use crate::{Line, SHOP, World, alice, receipt, says};

const UNCONFIRMED: Space = Space::new(0x36);

type Phone = Device<Arc<MemoryStore>, Line>;

impl World {
    /// The shop seals `content`, under this id and for this time.
    async fn seal(&self, id: MessageId, kind: Kind, attempt: u8, content: &Content) -> Envelope {
        let (now, user) = (self.clock.now(), Partition::from_bytes([2; 16]));
        let address = Address::user(alice());
        let mut peer = self.shop.peer(&self.shop_store, user, &address, now).await.unwrap();
        if peer.needs_keys(now) {
            let keys = self.line.bundle(&self.caller, &address).await.unwrap();
            let _ = peer.begin(&self.shop_store, &keys, now, &*self.rng).await.unwrap();
        }
        let sealed = peer.seal(id, kind, content, now, &*self.rng).unwrap();
        let mut batch = Batch::new(user);
        let _ = peer.write(&mut batch);
        let _ = self.shop_store.commit(batch).await.unwrap();
        sealed.sent_again(attempt).unwrap()
    }

    /// The shop sends something that nobody can open.
    async fn send_noise(&self) -> MessageId {
        let id = MessageId::new(self.clock.now(), &*self.rng);
        let (from, to, kind) =
            (Address::business(SHOP), Address::user(alice()), Kind::Message(Category::Service));
        let tag = FrankingTag::from_bytes([0; 32]);
        let noise = Envelope::new(id, from, to, kind, tag, Form::Signal, vec![7; 64]).unwrap();
        self.line.send(&self.caller, noise).await.unwrap();
        id
    }

    /// The shop asks for the message `id` again.
    async fn ask_for(&self, id: MessageId) {
        let envelope = MessageId::new(self.clock.now(), &*self.rng);
        let request = Content::new(Body::RetryRequest(RetryRequest::new(id, 0)));
        let request = self.seal(envelope, Kind::RetryRequest, 0, &request).await;
        self.line.send(&self.caller, request).await.unwrap();
    }

    /// How many requests wait for the shop.
    async fn requests(&self) -> usize {
        let (mut after, mut requests, mut last) = (Sequence::START, 0, false);
        while !last {
            tokio::select! {
                biased;
                deliveries = self.line.receive(&self.caller, after) => {
                    for delivery in deliveries.unwrap() {
                        after = delivery.sequence;
                        requests += usize::from(delivery.envelope.kind() == Kind::RetryRequest);
                    }
                }
                () = self.clock.sleep(Duration::from_secs(1)) => last = true,
            }
        }
        requests
    }
}

async fn unconfirmed(store: &MemoryStore) -> usize {
    let (mut count, mut scan) = (0, Scan::everything(UNCONFIRMED));
    let home = crate::lost_device::home_of(store).await;
    loop {
        let page: Vec<Key> = store.keys(home, &scan, bulla_store::BEFORE_ALL).await.unwrap();
        let Some(last) = page.last() else { return count };
        scan = Scan::everything(UNCONFIRMED).after(last.clone());
        count += page.len();
    }
}

async fn no_more(world: &World, device: &Phone) {
    tokio::select! {
        biased;
        event = device.next() => panic!("{event:?}"),
        () = world.clock.sleep(Duration::from_secs(60)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_shown_once_though_both_times_that_it_was_sent_arrive() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let (id, kind) = (MessageId::new(world.clock.now(), &*world.rng), Kind::Message(Category::Service));
    let first = world.seal(id, kind, 0, &says("once")).await;
    let again = world.seal(id, kind, 1, &says("once")).await;
    for envelope in [again, world.seal(id, kind, 2, &says("once")).await] {
        world.line.send(&world.caller, envelope).await.unwrap();
    }
    let event = device.next().await.unwrap();
    assert_eq!((event.id(), event.kind()), (id, &DeviceEventKind::Message(says("once"))));
    no_more(&world, &device).await;
    device.close().await;
    drop(first);
    let device = world.device(&store).await;
    assert_eq!(device.next().await.unwrap().id(), id, "it was not finished");
    no_more(&world, &device).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_asked_for_again_after_a_restart_and_not_before_its_time() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    world.send_noise().await;
    assert_eq!(world.requests().await, 1);
    device.close().await;
    let device = world.device(&store).await;
    world.clock.sleep(FIRST_WAIT - Duration::from_secs(10)).await;
    assert_eq!(world.requests().await, 1);
    world.clock.sleep(Duration::from_secs(20)).await;
    assert_eq!(world.requests().await, 2);
    drop(device);
}

/// Whoever floods a device with what nobody can open makes it send no end of requests, and keep as many rows.
#[tokio::test(start_paused = true)]
async fn so_many_messages_are_asked_for_at_a_time_and_no_more() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    for _ in 0..MAX_ASKED_FOR - 1 {
        world.send_noise().await;
    }
    world.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(world.requests().await, MAX_ASKED_FOR - 1);
    world.send_noise().await;
    world.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(world.requests().await, MAX_ASKED_FOR, "the last that is");
    world.send_noise().await;
    world.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(world.requests().await, MAX_ASKED_FOR, "one more than there may be");
    world.say("and this is shown").await;
    assert_eq!(device.next().await.unwrap().kind(), &DeviceEventKind::Message(says("and this is shown")));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_sent_again_until_it_is_confirmed_and_the_oldest_go_first() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let mut sent = Vec::new();
    for number in 0..MAX_UNCONFIRMED {
        // An id is as old as its millisecond.
        world.clock.sleep(Duration::from_millis(1)).await;
        sent.push(device.send(SHOP, &says(&number.to_string())).await.unwrap());
    }
    assert_eq!(unconfirmed(&store).await, MAX_UNCONFIRMED);
    assert_eq!(world.hear(sent.len()).await.len(), sent.len());
    world.ask_for(sent[0]).await;
    assert_eq!(world.hear(1).await, [(sent[0], says("0"))], "the last time that it is there");
    sent.push(device.send(SHOP, &says("one more")).await.unwrap());
    assert_eq!(unconfirmed(&store).await, MAX_UNCONFIRMED);
    world.hear(1).await;
    world.ask_for(sent[0]).await;
    let event = device.next().await.unwrap();
    assert_eq!((event.kind(), event.id()), (&DeviceEventKind::NotDelivered, sent[0]));

    let envelope = MessageId::new(world.clock.now(), &*world.rng);
    let confirmed = bulla_content::Receipt::new(Progress::Delivered, sent[1..200].to_vec()).unwrap();
    let confirmed = Content::new(Body::Receipt(confirmed));
    let confirmed = world.seal(envelope, Kind::Receipt, 0, &confirmed).await;
    world.line.send(&world.caller, confirmed).await.unwrap();
    assert!(matches!(device.next().await.unwrap().kind(), DeviceEventKind::Receipt(_)));
    // The oldest of them had made room for the news that the first is lost.
    assert_eq!(unconfirmed(&store).await, MAX_UNCONFIRMED - 198);
    device.close().await;
    let device = world.device(&store).await;
    for number in 0..200 {
        device.send(SHOP, &says(&format!("more {number}"))).await.unwrap();
    }
    assert_eq!(unconfirmed(&store).await, MAX_UNCONFIRMED, "they are counted at the start");
}

/// Notes after which row each look for the oldest unconfirmed message begins.
struct Watched {
    rows: Arc<MemoryStore>,
    looks: Arc<Mutex<Vec<Option<Key>>>>,
}

impl StoreWrapper for Watched {
    type Inner = Arc<MemoryStore>;

    fn inner(&self) -> &Arc<MemoryStore> {
        &self.rows
    }

    async fn pass_keys(&self, of: Partition, scan: &Scan, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        if scan.space() == UNCONFIRMED {
            self.looks.lock().unwrap().push(scan.begin_after().cloned());
        }
        self.rows.keys(of, scan, now).await
    }
}

/// Each look walked over all that had ever been deleted, so that a message cost more than the one before it.
#[tokio::test(start_paused = true)]
async fn the_oldest_is_looked_for_behind_what_was_forgotten_before() {
    let (world, looks) = (World::new().await, Arc::<Mutex<Vec<_>>>::default());
    let store = Watched { rows: Arc::default(), looks: Arc::clone(&looks) };
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let device = Device::open(store, world.line.clone(), clock, rng, alice()).await.unwrap();
    for _ in 0..MAX_UNCONFIRMED {
        device.send(SHOP, &says("hello")).await.unwrap();
    }
    looks.lock().unwrap().clear();
    for _ in 0..20 {
        device.send(SHOP, &says("hello")).await.unwrap();
    }
    let looks = std::mem::take(&mut *looks.lock().unwrap());
    assert_eq!((looks.len(), &looks[0]), (20, &None));
    assert!(looks[1..].is_sorted() && looks[1..].iter().all(Option::is_some), "{looks:?}");
}

/// The device was put back from a backup: it opens what comes, and seals in new sessions only. It showed what
/// was said and did not confirm it, and the business was told that it had failed.
#[tokio::test(start_paused = true)]
async fn what_opens_in_a_session_that_is_not_sealed_in_any_more_is_confirmed_in_another() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    world.say("before").await;
    device.next().await.unwrap();
    world.hear(1).await;
    device.close().await;
    bulla_endpoint::begin_generation(&*store, 1).await.unwrap();
    let device = world.device(&store).await;
    device.next().await.unwrap();
    let id = world.say("after").await;
    assert_eq!(device.next().await.unwrap().id(), id);
    let heard = world.hear(1).await;
    assert_eq!(receipt(&heard[0].1), (Progress::Delivered, id));
}

/// A device that was off found several requests for one message, and answered each; or told its user each
/// time that the message was lost.
#[tokio::test(start_paused = true)]
async fn requests_that_waited_for_a_device_are_answered_once() {
    let (world, store) = (World::new().await, Arc::default());
    let device = world.device(&store).await;
    let id = device.send(SHOP, &says("hello")).await.unwrap();
    assert_eq!(world.hear(1).await, [(id, says("hello"))]);
    device.close().await;
    let unknown = MessageId::new(world.clock.now(), &*world.rng);
    for _ in 0..3 {
        world.ask_for(id).await;
        world.ask_for(unknown).await;
        world.clock.sleep(FIRST_WAIT * 4).await;
    }
    let device = world.device(&store).await;
    assert_eq!(world.hear(1).await, [(id, says("hello"))]);
    let event = device.next().await.unwrap();
    assert_eq!((event.id(), event.kind()), (unknown, &DeviceEventKind::NotDelivered));
    device.acknowledge(event).await.unwrap();
    no_more(&world, &device).await;
    world.clock.sleep(FIRST_WAIT).await;
    for _ in 0..2 {
        world.ask_for(id).await;
        world.ask_for(unknown).await;
    }
    assert_eq!(world.hear(1).await, [(id, says("hello"))], "what was sent again has had its time to come");
    no_more(&world, &device).await;
    assert_eq!(unconfirmed(&store).await, 2, "that it is lost is remembered");
}
