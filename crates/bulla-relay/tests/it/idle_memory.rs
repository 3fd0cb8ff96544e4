//! What a relay takes of memory: for a business that nobody talks to, for a conversation in which nobody
//! talks, and for what waits.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Number, PhoneNumberId};
use bulla_device::DeviceEventKind;
use bulla_relay::{Business, Relay};
use bulla_store::{BoxStore, CopyingStore};
use tokio::runtime::Runtime;

use crate::world::{BAKERY, SHOP, TestRelay, World, business, says, to};

/// A relay with 10,000 businesses must not need more than 40 MB for those that are idle.
const MOST_BYTES: i64 = 4096;

const FEW: u64 = 50;
const MORE: u64 = 250;

fn paused() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn numbered(count: u64) -> Vec<Business> {
    (1..=count).map(|number| business(PhoneNumberId::new(1_000_000 + number))).collect()
}

/// The bytes that are allocated for a relay with so many businesses it has had before, and its tasks, when
/// all of them wait.
fn bytes_of_idle(runtime: &Runtime, world: &World, count: u64) -> i64 {
    let mut relay = None::<TestRelay>;
    let allocated = allocation_counter::measure(|| {
        runtime.block_on(async {
            relay = Some(world.reopen_for(numbered(count)).await.unwrap());
            world.pass(HOUR).await;
        });
    });
    runtime.block_on(relay.unwrap().close());
    allocated.bytes_current
}

#[test]
fn an_idle_business_costs_less_than_4_kib() {
    let runtime = paused();
    let world = runtime.block_on(async {
        let world = World::new().await;
        world.relay.close().await;
        let first = world.reopen_for(numbered(MORE)).await.unwrap();
        assert!(first.suspended().is_empty());
        first.close().await;
        world
    });
    // What is made once and kept, such as the carrier's watches, is there before it is counted.
    bytes_of_idle(&runtime, &world, MORE);
    let (few, more) = (bytes_of_idle(&runtime, &world, FEW), bytes_of_idle(&runtime, &world, MORE));
    let each = (more - few) / i64::try_from(MORE - FEW).unwrap();
    eprintln!("an idle business costs {each} bytes");
    assert!((1..MOST_BYTES).contains(&each), "{each} bytes for an idle business ({few}, {more})");
}

const HOUR: Duration = Duration::from_secs(3600);

/// A relay that shares no memory with its store, so that what goes with it was its own.
struct Counted {
    world: World,
    relay: TestRelay,
}

impl Counted {
    async fn new() -> Self {
        let world = World::new().await;
        world.relay.close().await;
        let store = CopyingStore::new(Arc::clone(&world.rows));
        let (line, sink) = (world.line.clone(), world.sink.clone());
        let relay = Relay::builder(
            BoxStore::new(store),
            line,
            sink,
            Arc::clone(&world.clock),
            Arc::clone(&world.rng),
        )
        .businesses([business(SHOP), business(BAKERY)])
        .open();
        Self { relay: relay.await.unwrap(), world }
    }

    /// Has so many users say something and be answered; each reads the answer, and is away from then on.
    async fn talk(&self, users: u64) {
        for lot in (0..users).collect::<Vec<_>>().chunks(50) {
            let mut phones = Vec::new();
            for user in lot {
                let phone = self.world.device(number(*user)).await;
                phone.send(SHOP, &says("hello")).await.unwrap();
                phones.push(phone);
            }
            self.world.pass(Duration::from_secs(1)).await;
            for (user, phone) in lot.iter().zip(&phones) {
                self.relay.submit(SHOP, to(number(*user), "good morning")).await.unwrap();
                loop {
                    let event = phone.next().await.unwrap();
                    let is_answer = matches!(event.kind(), DeviceEventKind::Message(_));
                    phone.acknowledge(event).await.unwrap();
                    if is_answer {
                        break;
                    }
                }
            }
            self.world.pass(Duration::from_secs(1)).await;
            for phone in phones {
                phone.close().await;
            }
        }
        // What users said, and what became of each answer: it was sent, delivered and read.
        let told = self.world.sink.taken().len();
        assert_eq!(told, usize::try_from(users).unwrap() * 4);
    }

    /// The bytes that go with the relay: all that it holds now.
    fn held(self, runtime: &Runtime) -> i64 {
        let Self { world, relay } = self;
        let freed = allocation_counter::measure(|| {
            runtime.block_on(relay.close());
            drop(relay);
        });
        drop(world);
        -freed.bytes_current
    }
}

fn number(user: u64) -> Number {
    Number::parse(&format!("{}", 16_505_580_000 + user)).unwrap()
}

/// What a relay takes for conversations in which nobody has said anything for an hour.
fn held_for_silent(users: u64) -> i64 {
    let runtime = paused();
    let counted = runtime.block_on(async {
        let counted = Counted::new().await;
        counted.talk(users).await;
        counted.world.pass(HOUR).await;
        counted
    });
    counted.held(&runtime)
}

/// What is said of it in the guide.
const MOST_OF_SILENT: i64 = 128;

#[test]
fn a_conversation_that_is_silent_for_an_hour_takes_next_to_nothing() {
    const USERS: u64 = 2_000;
    let each = (held_for_silent(USERS) - held_for_silent(0)) / i64::try_from(USERS).unwrap();
    eprintln!("a conversation that is silent for an hour takes {each} bytes");
    assert!(each <= MOST_OF_SILENT, "{each} bytes");
}

const TALKERS: u64 = 20;

/// What a relay takes for each of its conversations in which so many messages wait for a carrier that is
/// away: at once, and when it has been away for an hour.
fn held_for_outbox(messages: usize) -> [i64; 2] {
    held_after_an_outage(async |counted| {
        counted.world.line.cut(true);
        for user in 0..TALKERS {
            for _ in 0..messages {
                counted.relay.submit(SHOP, to(number(user), "still there?")).await.unwrap();
            }
        }
    })
}

/// What it takes for each in which so many wait for a business that takes nothing.
fn held_for_events(messages: usize) -> [i64; 2] {
    held_after_an_outage(async |counted| {
        counted.world.sink.close(true);
        for user in 0..TALKERS {
            let phone = counted.world.device(number(user)).await;
            for _ in 0..messages {
                phone.send(SHOP, &says("are you open?")).await.unwrap();
            }
            counted.world.pass(Duration::from_secs(1)).await;
            phone.close().await;
        }
    })
}

fn held_after_an_outage(mut outage: impl AsyncFnMut(&Counted)) -> [i64; 2] {
    [Duration::from_secs(1), HOUR].map(|away| {
        let runtime = paused();
        let counted = runtime.block_on(async {
            let counted = Counted::new().await;
            counted.talk(TALKERS).await;
            counted.world.pass(HOUR).await;
            outage(&counted).await;
            counted.world.pass(away).await;
            counted
        });
        counted.held(&runtime)
    })
}

/// What the guide says of a conversation in which something waits: that it has just begun to, or that it has
/// for an hour; whatever it is.
const MOST_OF_WAITING: [i64; 2] = [12 * 1024, 4 * 1024];

/// How many bytes a conversation takes in which so many messages wait: no more than is said.
fn of_waiting(held: impl Fn(usize) -> [i64; 2]) -> [(usize, [i64; 2]); 3] {
    let none = held(0);
    [1, 16, 256].map(|messages| {
        let some = held(messages);
        let each = [0, 1].map(|at| (some[at] - none[at]) / i64::try_from(TALKERS).unwrap());
        for (each, most) in each.into_iter().zip(MOST_OF_WAITING) {
            assert!((1..=most).contains(&each), "{each} bytes for {messages} that wait");
        }
        (messages, each)
    })
}

#[test]
fn a_conversation_that_waits_for_the_carrier_takes_as_much_as_is_said() {
    eprintln!(
        "a conversation in which so many wait for the carrier: {:?} bytes",
        of_waiting(held_for_outbox)
    );
}

#[test]
fn a_conversation_that_waits_for_the_business_takes_as_much_as_is_said() {
    eprintln!(
        "a conversation in which so many wait for the business: {:?} bytes",
        of_waiting(held_for_events)
    );
}
