//! The users, and what each says to the shop and hears from it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla::base::{Number, PhoneNumberId};
use bulla::content::{Body, Content, Progress, Reaction, Text};
use bulla::device::{Device, DeviceEventKind};
use bulla::store::MemoryStore;
use bulla::{SystemClock, SystemRng};
use serde_json::json;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::business::{TestBusiness, Update};
use crate::canaries::Canaries;
use crate::child::SHOPS;
use crate::remote_carrier::RemoteCarrier;
use crate::socket::SocketClient;

/// How many talk at a time.
const AT_A_TIME: usize = 384;
/// One user in so many has reactions in the conversation, either way.
const REACTS: usize = 10;
/// One user in so many leaves one-time keys with the carrier.
const STOCKED: usize = 100;
/// How long a conversation may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A user with a device.
pub(crate) struct User {
    pub(crate) number: String,
    pub(crate) place: usize,
    shop: PhoneNumberId,
    device: Device<MemoryStore, RemoteCarrier>,
    updates: mpsc::UnboundedReceiver<Update>,
}

/// What everybody needs to talk.
pub(crate) struct TestBed {
    pub(crate) canaries: Canaries,
    pub(crate) shop: TestBusiness,
    pub(crate) socket: SocketClient,
    /// What the shop is told about the number nobody has.
    pub(crate) stranger: Mutex<mpsc::UnboundedReceiver<Update>>,
    /// How many messages have been exchanged: texts and reactions.
    pub(crate) messages: AtomicUsize,
}

/// Has the users with these places join and talk once; all of them in the end, in their order.
pub(crate) async fn join_and_talk(test_bed: &Arc<TestBed>, places: Range<usize>) -> Vec<User> {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = JoinSet::new();
    for place in places {
        let (test_bed, permits) = (Arc::clone(test_bed), Arc::clone(&permits));
        let number = test_bed.canaries.numbers()[place].clone();
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await.unwrap();
            let mut user = User::join(&test_bed, place, number).await;
            user.talk(&test_bed).await;
            user
        });
    }
    ordered(tasks).await
}

/// Has every one of `users` talk once more.
pub(crate) async fn talk_again(test_bed: &Arc<TestBed>, users: Vec<User>) -> Vec<User> {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = JoinSet::new();
    for mut user in users {
        let (test_bed, permits) = (Arc::clone(test_bed), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await.unwrap();
            user.talk(&test_bed).await;
            user
        });
    }
    ordered(tasks).await
}

/// What comes of the tasks; the first that fails ends all.
async fn ordered(mut tasks: JoinSet<User>) -> Vec<User> {
    let mut users = Vec::with_capacity(tasks.len());
    while let Some(user) = tasks.join_next().await {
        users.push(user.unwrap());
    }
    users.sort_by_key(|user| user.place);
    users
}

impl User {
    async fn join(test_bed: &TestBed, place: usize, number: String) -> Self {
        let updates = test_bed.shop.subscribe(&number);
        let pretended_stock = (!place.is_multiple_of(STOCKED)).then_some(bulla::endpoint::ONE_TIME_KEYS);
        let way = RemoteCarrier { socket: test_bed.socket.clone(), pretended_stock };
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let (store, named) = (MemoryStore::new(), Number::parse(&number).unwrap());
        let device = Device::open(store, way, clock, rng, named).await.unwrap();
        let shop = SHOPS[place % SHOPS.len()];
        Self { number, place, shop, device, updates }
    }

    /// Leaves: nobody is at the device any more.
    pub(crate) async fn leave(&self) {
        self.device.close().await;
    }

    /// The shop writes to who has left; the carrier has it now.
    pub(crate) async fn is_told_what_never_arrives(&mut self, test_bed: &TestBed) {
        test_bed.messages.fetch_add(1, Ordering::Relaxed);
        let text = format!("Are you there? {}", test_bed.canaries.canary());
        let body = json!({ "to": self.number, "text": { "body": text } });
        let id = test_bed.shop.say(self.shop, body, &test_bed.canaries.canary()).await;
        loop {
            match self.updates.recv().await.unwrap() {
                Update::Status { id: of, status, .. } if of == id => {
                    assert_eq!(status, "sent");
                    return;
                }
                Update::Status { .. } => {}
                other => panic!("{} has left, and yet: {other:?}", self.number),
            }
        }
    }

    async fn talk(&mut self, test_bed: &TestBed) {
        let number = self.number.clone();
        let talked = tokio::time::timeout(TIMEOUT, self.exchange(test_bed)).await;
        talked.unwrap_or_else(|_| panic!("the conversation with {number} does not end"));
    }

    /// Writes to the shop, is answered, and lets both know that it was read. Ends when everybody knows
    /// everything.
    async fn exchange(&mut self, test_bed: &TestBed) {
        let (said, answered, tracked) =
            (test_bed.canaries.canary(), test_bed.canaries.canary(), test_bed.canaries.canary());
        let reacts = self.place.is_multiple_of(REACTS);
        test_bed.messages.fetch_add(if reacts { 4 } else { 2 }, Ordering::Relaxed);

        let text = Text::new(format!("Is {said} there? ✉ مرحبا")).unwrap();
        let asked = self.device.send(self.shop, &Content::text(text.clone())).await.unwrap();
        let Update::Text { id, body } = self.updates.recv().await.unwrap() else { panic!("a text was sent") };
        assert_eq!(body, text.body());
        if reacts {
            test_bed.shop.mark_read(self.shop, &id).await;
            let reaction = json!({ "message_id": id, "emoji": "👍" });
            let key = test_bed.canaries.canary();
            test_bed
                .shop
                .say(self.shop, json!({ "to": self.number, "type": "reaction", "reaction": reaction }), &key)
                .await;
        }
        let answer = format!("It is: {answered}. ✅");
        let body = json!({
            "to": format!("+{}", self.number),
            "text": { "body": answer },
            "context": { "message_id": id },
            "biz_opaque_callback_data": tracked,
        });
        let id = test_bed.shop.say(self.shop, body, &test_bed.canaries.canary()).await;

        // Whose messages are not marked as read hears only that they arrived.
        let last = if reacts { Progress::Read } else { Progress::Delivered };
        let (mut known, mut answers, mut reactions) = (false, 0, 0);
        while !(known && answers == 1 && reactions == usize::from(reacts)) {
            let event = self.device.next().await.unwrap();
            let mut reaction = None;
            match event.kind() {
                DeviceEventKind::Message(content) => match content.body() {
                    Body::Text(text) => {
                        assert_eq!((text.body(), content.in_reply_to()), (&*answer, Some(asked)));
                        answers += 1;
                        reaction = reacts.then(|| Reaction::put(event.id(), "🤫").unwrap());
                    }
                    _ => reactions += 1,
                },
                DeviceEventKind::Receipt(receipt) => {
                    // Receipts can be for a reaction of before.
                    known |= receipt.progress() == last && receipt.messages() == [asked];
                }
                other => panic!("{other:?}"),
            }
            self.device.acknowledge(event).await.unwrap();
            if let Some(reaction) = reaction {
                self.device.send(self.shop, &Content::new(Body::Reaction(reaction))).await.unwrap();
            }
        }

        let (mut seen, mut reactions) = (false, 0);
        while !(seen && reactions == usize::from(reacts)) {
            match self.updates.recv().await.unwrap() {
                Update::Status { id: of, status, tracking } if of == id => {
                    assert_eq!(tracking.as_deref(), Some(&*tracked));
                    assert!(status != "failed", "a message to {} failed", self.number);
                    seen |= status == "read";
                }
                Update::Status { .. } => {}
                Update::Reaction => reactions += 1,
                Update::Text { .. } => panic!("nothing more was said"),
            }
        }
    }
}
