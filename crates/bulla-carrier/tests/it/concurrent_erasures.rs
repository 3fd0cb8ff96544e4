//! Erasures that run while others call the carrier, with every operation of the store taking its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::{Partition, Rng, SeededRng, Timestamp};
use bulla_carrier::Carrier;
use bulla_store::{Batch, Commit, Key, Layer, MemoryStore, Record, Scan, Store, StoreError, erase_by_page};
use bulla_transport::{InProcess, Sequence, Transport};

use crate::erase::{number, traffic};
use crate::{World, alice, caller, upload};

/// A store that lets others go first, now more often, now less; and counts how often it is scanned.
#[derive(Clone)]
struct Slow {
    rows: Arc<MemoryStore>,
    dice: Arc<SeededRng>,
    scans: Arc<AtomicUsize>,
}

impl Slow {
    fn new(world: &World, seed: u64) -> Self {
        Self { rows: world.store.clone(), dice: Arc::new(SeededRng::new(seed)), scans: Arc::default() }
    }

    async fn wait(&self) {
        let mut rounds = [0];
        self.dice.fill(&mut rounds);
        for _ in 0..rounds[0] % 4 {
            tokio::task::yield_now().await;
        }
    }
}

impl Layer for Slow {
    type Beneath = MemoryStore;

    fn beneath(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.wait().await;
        self.rows.commit(batch).await
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        self.wait().await;
        self.rows.get(of, key, now).await
    }

    async fn pass_scan(
        &self,
        of: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        self.wait().await;
        self.rows.scan(of, scan, now).await
    }

    async fn pass_erase(&self, partition: Partition) -> Result<usize, StoreError> {
        erase_by_page(self, partition).await
    }
}

/// Two ask for the erasure and a business writes to the user meanwhile. When the first had its receipt the
/// device came back, left keys and was written to; and then another, who had begun to carry the erasure out
/// beside the first, erased all that, and what the business believed sent.
#[tokio::test]
async fn what_is_sent_after_an_erasure_is_kept_whoever_else_was_at_it() {
    for seed in 0..64 {
        let world = World::new().await;
        let [us, _, _] = traffic(&world).await;
        let store = Slow::new(&world, seed);
        let carrier = Carrier::open(store, world.clock.clone(), &SeededRng::new(1)).await.unwrap();
        let carrier = Arc::new(carrier);
        let transport = InProcess::new(carrier.clone());
        let her = caller(alice(), 1);

        let mut others = Vec::new();
        let erase = || {
            let carrier = carrier.clone();
            tokio::spawn(async move { carrier.erase(&number(&alice())).await.unwrap() })
        };
        let (first, second) = (erase(), erase());
        for _ in 0..8 {
            let (transport, us, envelope) = (transport.clone(), us.clone(), world.envelope(&us, &her));
            others.push(tokio::spawn(async move { drop(transport.send(&us, envelope).await) }));
            tokio::task::yield_now().await;
        }
        let first = first.await.unwrap();

        transport.connect(&her).await.unwrap();
        transport.publish(&her, upload(b"identity", 2)).await.unwrap();
        let envelope = world.envelope(&us, &her);
        transport.send(&us, envelope.clone()).await.unwrap();
        let second = second.await.unwrap();
        for other in others {
            other.await.unwrap();
        }
        assert_eq!(first.records() + second.records(), 15, "seed {seed}: each record was removed once");
        let waiting = transport.receive(&her, Sequence::START).await.unwrap();
        assert!(waiting.iter().any(|delivery| delivery.envelope == envelope), "seed {seed}");
        transport.bundle(&us, her.address()).await.unwrap();
    }
}

#[tokio::test]
async fn an_erasure_costs_two_passes() {
    let world = World::new().await;
    traffic(&world).await;
    let store = Slow::new(&world, 1);
    let scans = store.scans.clone();
    let carrier = Carrier::open(store, world.clock.clone(), &SeededRng::new(1)).await.unwrap();
    for passes in [2, 1] {
        scans.store(0, Ordering::Relaxed);
        carrier.erase(&number(&alice())).await.unwrap();
        // The businesses, twice: until there are no more. What waits for the one there is, also twice.
        assert_eq!(scans.load(Ordering::Relaxed), passes * (256 + 2 + 2));
    }
}
