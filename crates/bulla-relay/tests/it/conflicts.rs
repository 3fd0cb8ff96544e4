//! What a store answers that no relay can mend: no call goes on for ever, and no envelope stops the relay.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Partition, Timestamp};
use bulla_device::DeviceEventKind;
use bulla_relay::{RelayError, SubmitError, SuspendedPart};
use bulla_store::{Batch, Commit, Key, MemoryStore, Record, Space, Store, StoreError, StoreWrapper};

use crate::cancellation::{everything, relay};
use crate::erasure::heard;
use crate::world::{SHOP, TestDevice, TestRelay, World, alice, says, to};

const SESSIONS: Space = Space::new(0x15);
const SEEN: Space = Space::new(0x21);
const ASKED: Space = Space::new(0x60);
const HEAD: Space = Space::new(0x22);
const EVENTS: Space = Space::new(0x24);

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// What an envelope comes to is too large, if it writes to this space.
    TooLarge(Space),
    /// Every envelope was seen before, and the record that says so cannot be read.
    HiddenGuard,
    /// Somebody else always writes to the conversation first.
    Contested,
}

/// Particular to these tests: it writes of its own accord, and hides a row from reads alone.
#[derive(Clone)]
struct Difficult {
    rows: Arc<MemoryStore>,
    wrong: Arc<Mutex<Wrong>>,
}

impl Difficult {
    fn new() -> Self {
        Self { rows: Arc::default(), wrong: Arc::new(Mutex::new(Wrong::Nothing)) }
    }

    fn is(&self) -> Wrong {
        *self.wrong.lock().unwrap()
    }

    fn become_(&self, wrong: Wrong) {
        *self.wrong.lock().unwrap() = wrong;
    }

    async fn guards(&self) -> usize {
        everything(&self.rows).await.iter().filter(|row| row.key.space() == SEEN).count()
    }
}

impl StoreWrapper for Difficult {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let put = |space| batch.puts().iter().find(|put| put.key.space() == space);
        match (self.is(), put(SEEN), put(HEAD)) {
            (Wrong::TooLarge(space), seen, _)
                if put(space).is_some() && (seen.is_some() || put(ASKED).is_some()) =>
            {
                Err(StoreError::TooLarge { what: "batch (rows)", actual: 20_000, limit: 16_384 })
            }
            (Wrong::HiddenGuard, Some(seen), _) => {
                let mut before = Batch::new(batch.partition());
                before.put(seen.key.clone(), seen.value.clone());
                let _ = self.rows.commit(before).await?;
                self.rows.commit(batch).await
            }
            (Wrong::Contested, _, Some(head)) => Ok(Commit::Conflict(head.key.clone())),
            _ => self.rows.commit(batch).await,
        }
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        if self.is() == Wrong::HiddenGuard && key.space() == SEEN {
            return Ok(None);
        }
        self.rows.get(of, key, now).await
    }
}

/// A world whose relay stands on a store that can become difficult, and a device.
async fn begin() -> (World, Difficult, TestRelay, TestDevice) {
    let world = World::new().await;
    world.relay.close().await;
    let store = Difficult::new();
    let relay = relay(&world, &store).await;
    let phone = world.device(alice()).await;
    (world, store, relay, phone)
}

/// The device says hello, and the business has heard that and nothing else; the relay goes on until it is
/// closed.
async fn only_hello_is_heard(world: &World, relay: TestRelay, phone: &TestDevice) {
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(heard(&world.sink.taken()), ["hello"]);
    relay.close().await;
    relay.stopped().await.unwrap();
}

/// A device that had left gaps in every chain could make a batch larger than a store takes. The relay
/// stopped, for all businesses, and was sent the same envelope again as soon as it was opened anew.
///
/// It is asked for again, as often as any is, which does not help here.
#[tokio::test(start_paused = true)]
async fn an_envelope_that_comes_to_too_much_is_dropped_and_its_device_told() {
    let (world, store, relay, phone) = begin().await;
    for greeting in ["hello", "still me"] {
        // The first begins a session, the second comes in one.
        store.become_(Wrong::TooLarge(EVENTS));
        let lost = phone.send(SHOP, &says("too much")).await.unwrap();
        let event = phone.next().await.unwrap();
        assert_eq!((event.kind(), event.id()), (&DeviceEventKind::NotDelivered, lost));
        phone.acknowledge(event).await.unwrap();
        store.become_(Wrong::Nothing);
        phone.send(SHOP, &says(greeting)).await.unwrap();
        world.pass(Duration::from_secs(60)).await;
        let event = phone.next().await.unwrap();
        assert!(matches!(event.kind(), DeviceEventKind::Receipt(_)), "{event:?}");
        phone.acknowledge(event).await.unwrap();
    }
    assert_eq!(heard(&world.sink.taken()), ["hello", "still me"]);
    assert_eq!(store.guards().await, 2);
    relay.close().await;
    relay.stopped().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_envelope_whose_answer_comes_to_too_much_is_dropped_in_silence() {
    let (world, store, relay, phone) = begin().await;
    store.become_(Wrong::TooLarge(SESSIONS));
    phone.send(SHOP, &says("too much")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(store.guards().await, 1, "noted, so that it is not opened when it comes again");
    store.become_(Wrong::Nothing);
    only_hello_is_heard(&world, relay, &phone).await;
}

/// The record of an envelope that was opened was there and could not be read: the relay tried for ever, and
/// held the lock.
#[tokio::test(start_paused = true)]
async fn an_envelope_whose_guard_cannot_be_read_was_opened_before() {
    let (world, store, relay, phone) = begin().await;
    store.become_(Wrong::HiddenGuard);
    phone.send(SHOP, &says("again")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    store.become_(Wrong::Nothing);
    only_hello_is_heard(&world, relay, &phone).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_stays_in_the_way_is_an_error() {
    let (world, store, relay, phone) = begin().await;
    store.become_(Wrong::Contested);
    let refused = relay.submit(SHOP, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::Contended { attempts: 4 })), "{refused:?}");
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let suspended = relay.suspended();
    assert!(matches!(*suspended[0].why, RelayError::Contended { attempts: 10 }), "{suspended:?}");
    assert!(matches!(suspended[0].part, SuspendedPart::Conversation { business: SHOP, .. }));
}

/// So does one that hands over, until it has ended.
#[tokio::test(start_paused = true)]
async fn another_that_is_in_the_way_for_two_seconds_suspends_nothing() {
    let (world, store, relay, phone) = begin().await;
    store.become_(Wrong::Contested);
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(2)).await;
    store.become_(Wrong::Nothing);
    world.pass(Duration::from_secs(10)).await;
    assert_eq!((heard(&world.sink.taken()), relay.suspended().len()), (vec!["hello".to_owned()], 0));
    relay.close().await;
    relay.stopped().await.unwrap();
}
