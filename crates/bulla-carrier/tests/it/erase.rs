use std::sync::Arc;

use bulla_base::{Address, Day, MessageId, Number, Partition, Party, Pepper, SeededRng, Timestamp};
use bulla_carrier::Carrier;
use bulla_envelope::{Envelope, Form, FrankingTag, Kind};
use bulla_store::{
    BoxStore, CountingStore, Failure, FaultyStore, Key, MemoryStore, Record, SYSTEM_PARTITION, Scan, Space,
    Store, StoreError,
};
use bulla_transport::{Caller, InProcess, Sequence, Transport, TransportError};

use crate::{NOW, SHOP, World, alice, caller, shop};

pub(crate) fn bob() -> Address {
    Address::user(Number::parse("4915112345678").unwrap())
}

pub(crate) fn number(user: &Address) -> Number {
    let Party::User(number) = user.party() else { panic!("not a user") };
    number.clone()
}

/// Every row of the parties, expired ones included.
pub(crate) async fn rows(store: &MemoryStore, parties: &[&Address]) -> Vec<(Partition, Key, Record)> {
    let pepper =
        store.get(SYSTEM_PARTITION, &Key::undated(Space::new(0x46), ""), Timestamp::default()).await.unwrap();
    let pepper = Pepper::from_bytes(pepper.unwrap().value[..].try_into().unwrap());
    let mut found = Vec::new();
    let parties = parties.iter().map(|address| pepper.partition(address.party()));
    for partition in parties.chain([SYSTEM_PARTITION]) {
        for space in (0..=u8::MAX).map(Space::new) {
            let all = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
            let page = store.scan(partition, &all, Timestamp::default()).await.unwrap();
            found.extend(page.into_iter().map(|(key, record)| (partition, key, record)));
        }
    }
    found
}

pub(crate) async fn traffic(world: &World) -> [Caller; 3] {
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    for user in [&her, &him] {
        for _ in 0..3 {
            world.transport().send(&us, world.envelope(&us, user)).await.unwrap();
            world.transport().send(user, world.envelope(user, &us)).await.unwrap();
        }
    }
    [us, her, him]
}

#[tokio::test]
async fn an_erased_user_is_unknown_and_what_they_sent_is_gone() {
    let world = World::new().await;
    let [us, her, him] = traffic(&world).await;
    let (bill, bobs) = (world.carrier.bill(SHOP).await.unwrap(), rows(&world.store, &[&bob()]).await);

    let erased = world.carrier.erase(&number(&alice())).await.unwrap();
    // Keys, two one-time keys, their highest id, fence, head, three envelopes and their guards; and three on
    // their way to the shop.
    assert_eq!(erased.records(), 15);
    assert_eq!(rows(&world.store, &[&alice()]).await, rows(&world.store, &[]).await);
    assert_eq!(rows(&world.store, &[&bob()]).await, bobs);
    assert_eq!(world.carrier.bill(SHOP).await.unwrap(), bill, "sums stay");
    let waiting = world.transport().receive(&us, Sequence::START).await.unwrap();
    let senders: Vec<_> = waiting.iter().map(|delivery| delivery.envelope.from().clone()).collect();
    assert_eq!(senders, [bob(), bob(), bob()]);
    assert_eq!(bulla_transport::in_order(waiting, Sequence::START).len(), 3, "a gap holds nobody up");

    let unknown = world.transport().send(&us, world.envelope(&us, &her)).await;
    assert!(matches!(unknown, Err(TransportError::UnknownRecipient)));
    let error = world.transport().send(&her, world.envelope(&her, &us)).await.unwrap_err();
    assert!(error.may_pass(), "the device connects anew: {error}");
    let her = world.join(alice()).await;
    world.transport().send(&us, world.envelope(&us, &her)).await.unwrap();
    assert_eq!(world.transport().receive(&her, Sequence::START).await.unwrap().len(), 1);
    assert_eq!(world.transport().receive(&him, Sequence::START).await.unwrap().len(), 3);
}

/// Only messages are counted. A receipt waits for a business all the same, with the number of whoever sent
/// it, and it was never looked for with a business that no message was ever exchanged with.
#[tokio::test]
async fn what_waits_for_a_business_that_was_never_counted_is_erased_too() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let receipt = Envelope::new(
        MessageId::new(NOW, &world.rng),
        her.address().clone(),
        us.address().clone(),
        Kind::Receipt,
        FrankingTag::from_bytes([0; 32]),
        Form::Signal,
        vec![1],
    );
    world.transport().send(&her, receipt.unwrap()).await.unwrap();
    let queued = |row: &(Partition, Key, Record)| Envelope::from_bytes(row.2.value.clone()).is_ok();
    assert_eq!(rows(&world.store, &[&shop()]).await.iter().filter(|row| queued(row)).count(), 1);
    // Also by a carrier that was opened since.
    let carrier = Carrier::open(BoxStore::new(world.store.clone()), world.clock.clone(), &SeededRng::new(1))
        .await
        .unwrap();
    carrier.erase(&number(&alice())).await.unwrap();
    assert_eq!(rows(&world.store, &[&shop()]).await.iter().filter(|row| queued(row)).count(), 0);
}

#[tokio::test]
async fn an_erasure_is_carried_out_wherever_it_is_interrupted() {
    let mut tried = 0;
    for restart in [false, true] {
        for operations in 0.. {
            let world = World::new().await;
            traffic(&world).await;
            let store = FaultyStore::new(world.store.clone());
            let open = async || {
                Carrier::open(BoxStore::new(store.clone()), world.clock.clone(), &SeededRng::new(1))
                    .await
                    .unwrap()
            };
            let carrier = Arc::new(open().await);
            let bobs = rows(&world.store, &[&bob()]).await;
            store.fail_after(operations, || Failure::Refused(StoreError::Poisoned { source: None }));
            let done = carrier.erase(&number(&alice())).await.is_ok();
            store.recover();
            if restart {
                drop(open().await);
            } else {
                // Whoever connects does not meet half an erasure.
                let her = caller(alice(), 1);
                let connected = InProcess::new(carrier.clone()).connect(&her).await.unwrap();
                assert_eq!(connected.one_time_keys, 0, "after {operations}");
                carrier.erase(&number(&alice())).await.unwrap();
            }
            if operations > 0 || !restart {
                let found = rows(&world.store, &[&alice()]).await;
                assert_eq!(found, rows(&world.store, &[]).await, "after {operations}");
                assert_eq!(rows(&world.store, &[&bob()]).await, bobs, "after {operations}");
            }
            tried += 1;
            if done {
                break;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// What is looked through and holds nothing of the user is not written to.
#[tokio::test]
async fn an_erasure_writes_only_where_there_is_something_to_erase() {
    let world = World::new().await;
    let (us, him) = (world.join(shop()).await, world.join(bob()).await);
    world.transport().send(&him, world.envelope(&him, &us)).await.unwrap();
    let commits = async |user: Address| {
        let store = CountingStore::new(world.store.clone());
        let counts = store.counts();
        let carrier =
            Carrier::open(BoxStore::new(store), world.clock.clone(), &SeededRng::new(1)).await.unwrap();
        let _ = counts.take();
        carrier.erase(&number(&user)).await.unwrap();
        counts.take().commits
    };
    // That it has begun, and that it is done; of what a stranger left there is nothing, in two passes.
    assert_eq!(commits(alice()).await, 2);
    // And what waits for the shop. What is his own goes with its partition.
    assert_eq!(commits(bob()).await, 2 + 1);
}

/// That a business had connected was remembered for good, and each erasure of a user walked through its
/// queue.
#[tokio::test]
async fn a_business_that_is_erased_leaves_nothing_behind_and_may_come_again() {
    let world = World::new().await;
    let [us, her, him] = traffic(&world).await;
    let bill = world.carrier.bill(SHOP).await.unwrap();
    assert!(!rows(&world.store, &[&shop()]).await.is_empty());
    let hers = rows(&world.store, &[&alice(), &bob()]).await.len();
    world.carrier.erase_business(SHOP).await.unwrap();
    // What is left is of the store itself.
    let left: Vec<u8> =
        rows(&world.store, &[&shop()]).await.iter().map(|row| row.1.space().number()).collect();
    assert_eq!(left, [0x46, 0x78], "the pepper, and the keys of stamps");
    assert_eq!(rows(&world.store, &[&alice(), &bob()]).await.len(), hers - 1, "but for its being listed");
    assert_eq!(world.carrier.bill(SHOP).await.unwrap(), bill);
    let gone = world.transport().send(&her, world.envelope(&her, &us)).await;
    assert!(matches!(gone, Err(TransportError::UnknownRecipient)), "{gone:?}");
    let refused = world.transport().send(&us, world.envelope(&us, &him)).await.unwrap_err();
    assert!(refused.may_pass(), "it has to connect: {refused:?}");

    let us = world.join(shop()).await;
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    assert_eq!(world.carrier.stats().await.unwrap().waiting, 1);
    world.carrier.erase(&number(&alice())).await.unwrap();
    assert_eq!(world.carrier.stats().await.unwrap().waiting, 0, "its queue was looked through");
}
