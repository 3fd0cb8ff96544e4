//! An erasure that is interrupted at any operation of the store, in any way, ends as one that is not.
//!
//! Would count as failure: anything of the erased user in any row of the engine; a row of another user that
//! is not what it was, to the byte.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock, Day, Number, Partition, Party, PhoneNumberId, Timestamp};
use bulla_device::Device;
use bulla_relay::Relay;
use bulla_store::{
    Batch, BoxStore, Commit, Expiry, Failure, FaultyStore, Key, MemoryStore, SYSTEM_PARTITION, Scan, Space,
    Store, StoreError, StoreWrapper,
};
use bulla_vault::{MemoryKeyring, OperatorKey, Vault};
use bytes::Bytes;

use crate::world::{BAKERY, SHOP, TestRelay, World, alice, bob, business, says, to};

const PEPPER: Space = Space::new(0x28);
const WAITING: Space = Space::new(0x2f);

/// How an operation of the store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It is an error, and so are all after it; the relay is asked again.
    Error,
    /// It is an error, and so are all after it; the relay is closed and opened anew.
    ErrorAndRestart,
    /// It never returns; the relay is closed and opened anew.
    Silence,
}

impl Trouble {
    fn failure(self) -> Failure {
        match self {
            Self::Silence => Failure::Hangs,
            Self::Error | Self::ErrorAndRestart => {
                Failure::Refused(StoreError::Unreadable { source: std::io::ErrorKind::Other.into() })
            }
        }
    }
}

/// A store that works until it does not. Each step of an erasure can fail.
type Failing = FaultyStore<MemoryStore>;

/// A row as it lies in an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) partition: Partition,
    pub(crate) key: Key,
    pub(crate) value: Bytes,
    pub(crate) expiry: Option<Expiry>,
}

pub(crate) async fn partition<S: Store>(store: &S, user: &Number) -> Partition {
    of(store, &Party::User(user.clone())).await
}

pub(crate) async fn of<S: Store>(store: &S, party: &Party) -> Partition {
    let pepper = store
        .get(SYSTEM_PARTITION, &Key::undated(PEPPER, ""), Timestamp::from_millis(0))
        .await
        .unwrap()
        .unwrap();
    bulla_base::Pepper::from_bytes(pepper.value[..].try_into().unwrap()).partition(party)
}

fn carol() -> Number {
    Number::parse("442079460958").unwrap()
}

/// The partitions a relay can have written to: nobody's, those of two businesses, those of three users.
async fn partitions<S: Store>(store: &S) -> [Partition; 6] {
    let [shop, bakery] = [SHOP, BAKERY].map(Party::Business);
    let [alice, bob, carol] = [alice(), bob(), carol()].map(Party::User);
    [
        SYSTEM_PARTITION,
        of(store, &shop).await,
        of(store, &bakery).await,
        of(store, &bob).await,
        of(store, &carol).await,
        of(store, &alice).await,
    ]
}

/// Every row of the partitions, expired ones included.
pub(crate) async fn rows(engine: &MemoryStore, partitions: &[Partition]) -> Vec<Row> {
    let mut found = Vec::new();
    for partition in partitions {
        for space in (0..=u8::MAX).map(Space::new) {
            let scan = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            for (key, record) in engine.scan(*partition, &scan, Timestamp::from_millis(0)).await.unwrap() {
                found.push(Row { partition: *partition, key, value: record.value, expiry: record.expiry });
            }
        }
    }
    found
}

pub(crate) async fn everything(store: &Arc<MemoryStore>) -> Vec<Row> {
    rows(store, &partitions(store).await).await
}

/// What the relay stands on: how a store is opened on the engine, each time anew.
trait Ground {
    type Store: Store + Clone;
    async fn open(&self, engine: Failing) -> Self::Store;
    /// The same ground, as it was now.
    fn copy(&self) -> Self;
}

struct Bare;

impl Ground for Bare {
    type Store = Failing;

    async fn open(&self, engine: Failing) -> Failing {
        engine
    }

    fn copy(&self) -> Self {
        Self
    }
}

struct Sealed {
    keyring: MemoryKeyring,
    clock: Arc<dyn Clock>,
}

impl Ground for Sealed {
    type Store = Arc<Vault<Failing>>;

    async fn open(&self, engine: Failing) -> Self::Store {
        let rng = Arc::new(bulla_base::SeededRng::new(9));
        let keys = OperatorKey::from_bytes([7; 32], rng.clone());
        Arc::new(Vault::open(engine, self.keyring.clone(), &keys, self.clock.clone(), rng).await.unwrap())
    }

    fn copy(&self) -> Self {
        let keyring = MemoryKeyring::from_bytes(self.keyring.to_bytes());
        Self { keyring, clock: self.clock.clone() }
    }
}

pub(crate) async fn relay<S: Store + Clone>(world: &World, store: &S) -> TestRelay {
    let (line, sink) = (world.line.clone(), world.sink.clone());
    let businesses = [SHOP, BAKERY].map(|id: PhoneNumberId| business(id));
    let (clock, rng) = (world.clock.clone(), world.rng.clone());
    Relay::builder(BoxStore::new(store.clone()), line, sink, clock, rng)
        .businesses(businesses)
        .open()
        .await
        .unwrap()
}

async fn interrupted_everywhere(world: World, ground: impl Ground) {
    // Three users, two businesses; something of everything is there when the relay is closed: what waits for
    // the carrier too.
    world.relay.close().await;
    let engine = Failing::default();
    let store = ground.open(engine.clone()).await;
    let first = relay(&world, &store).await;
    for user in [alice(), bob(), carol()] {
        let (clock, rng) = (world.clock.clone(), world.rng.clone());
        let phone =
            Device::open(MemoryStore::new(), world.line.clone(), clock, rng, user.clone()).await.unwrap();
        for business in [SHOP, BAKERY] {
            phone.send(business, &says("hello")).await.unwrap();
            first
                .submit(business, to(user.clone(), "good day").idempotency_key(user.digits().to_owned()))
                .await
                .unwrap();
        }
        world.pass(Duration::from_secs(2)).await;
        phone.close().await;
    }
    world.line.cut(true);
    for user in [alice(), bob(), carol()] {
        first.submit(SHOP, to(user, "wait for it")).await.unwrap();
    }
    world.pass(Duration::from_secs(2)).await;
    first.close().await;
    let all = partitions(&store).await;
    let [.., bobs, carols, alices] = all;
    drop((first, store));
    let before = rows(engine.inner(), &all).await;
    let spaces: std::collections::BTreeSet<u8> =
        before.iter().filter(|row| row.partition == alices).map(|row| row.key.space().number()).collect();
    assert!(spaces.len() >= 8, "{spaces:?}");
    let of_others = |rows: &[Row]| -> Vec<Row> {
        let theirs = |row: &&Row| {
            [bobs, carols].iter().any(|tag| row.partition == *tag || row.key.name().ends_with(tag.as_bytes()))
        };
        // A relay takes the mark from a conversation that has no work any more whenever it likes.
        let is_mark = |row: &&Row| row.key.space() == WAITING;
        rows.iter().filter(|row| theirs(row) && !is_mark(row)).cloned().collect()
    };
    assert!(of_others(&before).len() > 20);

    let mut tried = 0;
    for trouble in [Trouble::Error, Trouble::ErrorAndRestart, Trouble::Silence] {
        for operations in 0.. {
            let ground = ground.copy();
            let engine = Failing::default();
            for row in &before {
                let mut batch = Batch::new(row.partition);
                match row.expiry {
                    Some(expiry) => batch.put_until(row.key.clone(), row.value.clone(), expiry),
                    None => batch.put(row.key.clone(), row.value.clone()),
                }
                assert!(matches!(engine.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
            let store = ground.open(engine.clone()).await;
            let hurt = relay(&world, &store).await;
            // What the relay takes up at its start is not to be hurt: it would stop.
            world.clock.sleep(Duration::from_millis(1)).await;
            engine.fail_after(operations, move || trouble.failure());
            let outcome = match trouble {
                Trouble::Silence => {
                    let user = alice();
                    let erasing = hurt.erase(&user);
                    tokio::select! {
                        biased;
                        outcome = erasing => outcome.is_ok(),
                        () = world.clock.sleep(Duration::from_millis(1)) => false,
                    }
                }
                _ => hurt.erase(&alice()).await.is_ok(),
            };
            engine.recover();
            let begun = operations > 0;
            match trouble {
                Trouble::Error if !outcome => drop(hurt.erase(&alice()).await.unwrap()),
                Trouble::Error => {}
                _ => {
                    hurt.close().await;
                    drop((hurt, store));
                    let store = ground.open(engine.clone()).await;
                    relay(&world, &store).await.close().await;
                }
            }
            let left = rows(engine.inner(), &all).await;
            if begun || trouble == Trouble::Error {
                let hers =
                    |row: &&Row| row.partition == alices || row.key.name().ends_with(alices.as_bytes());
                assert_eq!(left.iter().find(hers), None, "{trouble:?} at {operations}");
            }
            assert_eq!(of_others(&left), of_others(&before), "{trouble:?} at {operations}");
            tried += 1;
            if outcome {
                break;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[tokio::test(start_paused = true)]
async fn an_erasure_is_carried_out_wherever_it_is_interrupted() {
    interrupted_everywhere(World::new().await, Bare).await;
}

#[tokio::test(start_paused = true)]
async fn an_erasure_under_a_vault_is_carried_out_wherever_it_is_interrupted() {
    let world = World::new().await;
    let ground = Sealed { keyring: MemoryKeyring::new(), clock: world.clock.clone() };
    interrupted_everywhere(world, ground).await;
}
