//! A carrier that was opened anew, perhaps on a store that was put back from a backup, under those who have
//! come further.

use std::sync::Arc;

use bulla_base::{Day, Partition, SeededRng, Timestamp};
use bulla_carrier::Carrier;
use bulla_meter::Flow;
use bulla_store::{
    Batch, BoxStore, Commit, Generation, Key, MemoryStore, SYSTEM_PARTITION, Scan, Space, Store, StoreError,
    StoreWrapper,
};
use bulla_transport::{Sequence, Transport};

use crate::{SHOP, World, alice, shop, upload};

/// What a copy of the store's files would be, as far as these parties go.
async fn copy_of(world: &World) -> Arc<MemoryStore> {
    let copy = Arc::new(MemoryStore::new());
    let mut partitions: Vec<Partition> =
        crate::erase::rows(&world.store, &[&alice(), &shop()]).await.iter().map(|row| row.0).collect();
    partitions.dedup();
    for partition in partitions {
        for space in (0..=u8::MAX).map(Space::new) {
            let all = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            for (key, record) in world.store.scan(partition, &all, Timestamp::default()).await.unwrap() {
                let mut batch = Batch::new(partition);
                batch.put(key, record.value);
                assert!(matches!(copy.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
        }
    }
    copy
}

/// The carrier's store was put back while devices and relays ran on. It counted from where it had been
/// before, below what they had seen, and they were not handed what came next until they were started again.
#[tokio::test]
async fn receiver_ahead_of_a_carrier_that_was_put_back_is_handed_everything() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let backup = copy_of(&world).await;
    for _ in 0..5 {
        world.transport().send(&us, world.envelope(&us, &her)).await.unwrap();
    }
    let seen = world.transport().receive(&her, Sequence::START).await.unwrap();
    let far: Vec<_> = seen.iter().map(|delivery| delivery.sequence).collect();

    let carrier =
        Carrier::open(BoxStore::new(backup), world.clock.clone(), &SeededRng::new(2)).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..7 {
        let envelope = world.envelope(&us, &her);
        carrier.send(&us, envelope.clone()).await.unwrap();
        sent.push(envelope);
    }
    // What is said of the places before is not about these.
    carrier.acknowledge(&her, &far).await.unwrap();
    let after = *far.last().unwrap();
    let received = bulla_transport::in_order(carrier.receive(&her, after).await.unwrap(), after);
    assert_eq!(received.into_iter().map(|delivery| delivery.envelope).collect::<Vec<_>>(), sent);
}

/// A store that was put back, until that is accepted. Particular to these tests: nothing fails in it.
struct PutBack(Arc<MemoryStore>, std::sync::Mutex<Option<Generation>>);

impl StoreWrapper for PutBack {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

    async fn pass_restored(&self) -> Option<Generation> {
        *self.1.lock().unwrap()
    }

    async fn pass_accept_restored(&self) -> Result<(), StoreError> {
        *self.1.lock().unwrap() = None;
        Ok(())
    }
}

/// The backup still held one-time keys that had been given away since. They were given away again, and the
/// first messages of those who got them could not be opened.
#[tokio::test]
async fn one_time_key_is_not_given_again_by_a_carrier_that_was_put_back() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let backup = copy_of(&world).await;
    assert_eq!(world.transport().bundle(&us, &alice()).await.unwrap().one_time.unwrap().id, 1);

    let rows = |store: Arc<MemoryStore>, generation: Option<u64>| {
        PutBack(store, std::sync::Mutex::new(generation.map(Generation::new)))
    };
    let carrier =
        Carrier::open(BoxStore::new(rows(backup.clone(), Some(5))), world.clock.clone(), &world.rng)
            .await
            .unwrap();
    assert!(carrier.bundle(&us, &alice()).await.unwrap().one_time.is_none());
    let connected = carrier.connect(&her).await.unwrap();
    assert_eq!((connected.one_time_keys, connected.highest_one_time), (0, 2), "its owner leaves others");
    assert_eq!(connected.generation, 5, "its owner is told");
    carrier.publish(&her, upload(b"identity", 4)).await.unwrap();
    assert_eq!(carrier.bundle(&us, &alice()).await.unwrap().one_time.unwrap().id, 3);
    drop(carrier);
    let carrier = Carrier::open(BoxStore::new(rows(backup.clone(), None)), world.clock.clone(), &world.rng)
        .await
        .unwrap();
    assert_eq!(carrier.bundle(&us, &alice()).await.unwrap().one_time.unwrap().id, 4, "it is the same life");
    let life =
        backup.get(SYSTEM_PARTITION, &Key::undated(Space::new(0x4c), ""), crate::NOW).await.unwrap().unwrap();
    assert_eq!(&life.value[..], 5_u64.to_be_bytes());
}

/// Its sender had had no answer, and handed it over again. That it had come was said to the carrier after the
/// backup, and was lost; and nobody said so again, for to the carrier the envelope was known.
#[tokio::test]
async fn what_was_queued_before_the_backup_and_comes_again_is_handed_out_once_more_and_counted_once() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let envelope = world.envelope(&us, &her);
    world.transport().send(&us, envelope.clone()).await.unwrap();
    let seen = world.transport().receive(&her, Sequence::START).await.unwrap();
    let backup = copy_of(&world).await;

    let put_back = PutBack(backup, std::sync::Mutex::new(Some(Generation::new(5))));
    let carrier = Carrier::open(BoxStore::new(put_back), world.clock.clone(), &world.rng).await.unwrap();
    let again = carrier.receive(&her, Sequence::START).await.unwrap();
    assert_eq!(again.len(), 1, "it still stood in the queue");
    carrier.acknowledge(&her, &[again[0].sequence]).await.unwrap();
    for _ in 0..3 {
        carrier.send(&us, envelope.clone()).await.unwrap();
    }
    let again = carrier.receive(&her, Sequence::START).await.unwrap();
    assert_eq!(again.iter().map(|delivery| &delivery.envelope).collect::<Vec<_>>(), [&seen[0].envelope]);
    // What was counted is not in the copy.
    assert_eq!(carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}
