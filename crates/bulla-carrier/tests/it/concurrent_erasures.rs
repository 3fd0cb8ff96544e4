//! Erasures that run while others call the carrier, with every operation of the store taking its time.

use std::sync::Arc;

use bulla_base::{Rng, SeededRng};
use bulla_carrier::Carrier;
use bulla_store::{BoxStore, CountingStore, Counts, MemoryStore, Pause, SlowStore};
use bulla_transport::{InProcess, Sequence, Transport};

use crate::erase::{number, traffic};
use crate::{World, alice, caller, upload};

type Slow = SlowStore<CountingStore<Arc<MemoryStore>>>;

/// The store of `world`, which lets others go first, now more often, now less.
fn slow(world: &World, seed: u64) -> (Slow, Counts) {
    let counted = CountingStore::new(world.store.clone());
    let (counts, dice) = (counted.counts(), SeededRng::new(seed));
    let slow = SlowStore::new(counted).before(move |_| {
        let mut rounds = [0];
        dice.fill(&mut rounds);
        Pause::turns(usize::from(rounds[0] % 4))
    });
    (slow, counts)
}

/// Two ask for the erasure and a business writes to the user meanwhile. When the first had its receipt the
/// device came back, left keys and was written to; and then another, who had begun to carry the erasure out
/// beside the first, erased all that, and what the business believed sent.
#[tokio::test]
async fn what_is_sent_after_an_erasure_is_kept_whoever_else_was_at_it() {
    for seed in 0..64 {
        let world = World::new().await;
        let [us, _, _] = traffic(&world).await;
        let (store, _) = slow(&world, seed);
        let carrier =
            Carrier::open(BoxStore::new(store), world.clock.clone(), &SeededRng::new(1)).await.unwrap();
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
    let (store, counts) = slow(&world, 1);
    let carrier = Carrier::open(BoxStore::new(store), world.clock.clone(), &SeededRng::new(1)).await.unwrap();
    for passes in [2, 1] {
        drop(counts.take());
        carrier.erase(&number(&alice())).await.unwrap();
        // The businesses, twice: until there are no more. What waits for the one there is, also twice, and
        // what was reported of it, with what says so, and that it has reported the user. And whom the user
        // has reported, if it were a business.
        assert_eq!(counts.take().scans.values().sum::<usize>(), passes * (256 + 2 + 2 + 3 + 1));
    }
}
