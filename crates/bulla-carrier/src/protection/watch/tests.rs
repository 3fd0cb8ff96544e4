use std::io;
use std::time::Duration;

use bulla_base::{Address, Category, Clock, MessageId, Number, SeededRng, Sleep, Tier};
use bulla_envelope::{Envelope, Form, FrankingTag, InstallationId, Kind};
use bulla_integrity::{LIMIT_PERIOD, Recipients, Standing};
use bulla_store::{
    Failure, FaultyStore, MAX_BATCH_BYTES, MAX_VALUE_BYTES, MemoryStore, Pause, SlowStore, StoreCall,
    every_counter,
};
use bulla_transport::{Caller, Incarnation, Transport};

use super::*;
use crate::Carrier;
use crate::protection::watched::joined;
use crate::store_layout::{REACHED, met, reached_by, standing, tier};

const SHOP: PhoneNumberId = PhoneNumberId::new(7);
const BAKERY: PhoneNumberId = PhoneNumberId::new(8);
const NOW: Timestamp = Timestamp::from_millis(20_000 * 86_400_000);

/// A clock that stands still: who sleeps by it does so for good.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(std::future::pending())
    }
}

async fn open<S: Store>(store: S) -> Carrier<S> {
    let (clock, rng) = (Arc::new(Still), SeededRng::new(1));
    Carrier::open(store, clock, &rng).await.unwrap().with_protection(Arc::new(rng))
}

fn of<S: Store>(carrier: &Carrier<S>) -> &Arc<Protection<S>> {
    carrier.protection.as_ref().unwrap()
}

fn caller(address: Address) -> Caller {
    Caller::new(address, InstallationId::of_identity(b"identity"), Incarnation::new(1))
}

async fn connect<S: Store>(carrier: &Carrier<S>, business: PhoneNumberId) {
    carrier.connect(&caller(Address::business(business))).await.unwrap();
}

/// Has the shop write to the user of this number, who is there. Whether that was taken.
async fn write<S: Store>(carrier: &Carrier<S>, number: u64) -> bool {
    let her = caller(Address::user(Number::parse(&format!("165{number:08}")).unwrap()));
    let us = caller(Address::business(SHOP));
    let id = MessageId::new(NOW, &SeededRng::new(number));
    let (from, to) = (us.address().clone(), her.address().clone());
    let (kind, tag) = (Kind::Message(Category::Service), FrankingTag::from_bytes([0; 32]));
    let envelope = Envelope::new(id, from, to, kind, tag, Form::Signal, vec![7; 40]).unwrap();
    carrier.connect(&her).await.is_ok() && carrier.send(&us, envelope).await.is_ok()
}

/// All that a carrier does that says to how many users a business has written. How many messages were taken.
async fn a_minute<S: Store>(carrier: &Carrier<S>) -> u64 {
    let mut taken = 0;
    for number in 0..3 {
        taken += u64::from(write(carrier, number).await);
    }
    // What was done about a business is written down at once, and what is decided about it.
    let _ = of(carrier).keep(SHOP, Also::Nothing).await;
    taken += u64::from(write(carrier, 3).await);
    let _ = carrier.verify_business(SHOP).await;
    taken += u64::from(write(carrier, 4).await);
    let _ = of(carrier).keep_reached(SHOP, |_, _, _| true).await;
    taken += u64::from(write(carrier, 5).await);
    let _ = of(carrier).keep_all().await;
    taken
}

/// That a user was reached stood in two records: whoever died between them counted the user for the tier
/// twice, or not at all, and the business rose early or late.
#[tokio::test]
async fn who_is_reached_counts_once_for_the_tier_whichever_write_is_the_last() {
    let (mut commits, mut is_over) = (0, false);
    while !is_over {
        let beneath = Arc::new(MemoryStore::new());
        let store = FaultyStore::new(Arc::clone(&beneath));
        let carrier = open(store.clone()).await;
        connect(&carrier, SHOP).await;
        let (mut left, failed) = (commits, Arc::new(std::sync::atomic::AtomicBool::new(false)));
        let fails = Arc::clone(&failed);
        store.fail_when(move |call| {
            let is_over = call.is_commit() && left == 0;
            left -= usize::from(call.is_commit() && left > 0);
            fails.fetch_or(is_over, std::sync::atomic::Ordering::Relaxed);
            let full = StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
            is_over.then_some(Failure::Refused(full))
        });
        let taken = a_minute(&carrier).await;
        drop(carrier);
        // Once as it was left, and once as the next one left it.
        for _ in 0..2 {
            let carrier = open(Arc::clone(&beneath)).await;
            assert!(of(&carrier).load(SHOP).await.unwrap());
            assert_eq!(of(&carrier).watched()[&SHOP].users(), taken, "after {commits} commits");
            of(&carrier).keep_all().await.unwrap();
        }
        is_over = !failed.load(std::sync::atomic::Ordering::Relaxed);
        commits += 1;
    }
    assert!(commits > 12, "{commits}");
}

/// What is told of a tier is in the store, by whichever record it came there.
#[tokio::test]
async fn what_is_decided_about_a_tier_is_told_when_it_is_in_the_store() {
    let store = FaultyStore::new(MemoryStore::new());
    let carrier = open(store.clone()).await;
    connect(&carrier, SHOP).await;
    let told = || of(&carrier).watched()[&SHOP].durable.tier;
    store.fail_when(|call| {
        let is_tier =
            matches!(call, StoreCall::Commit(batch) if batch.puts().iter().any(|put| put.key == tier()));
        let full = StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
        is_tier.then_some(Failure::Refused(full))
    });
    carrier.set_tier(SHOP, Tier::Users10K).await.unwrap_err();
    of(&carrier).keep(SHOP, Also::Nothing).await.unwrap();
    assert_eq!(told(), Some(Tier::Users250));
    store.recover();
    of(&carrier).keep_all().await.unwrap();
    assert_eq!(told(), Some(Tier::Users10K));
}

async fn counters<S: Store>(carrier: &Carrier<S>) -> usize {
    every_counter(&*of(carrier).store, REACHED, b"").await.unwrap().len()
}

/// Adds counters of a business with these names.
async fn count<S: Store>(carrier: &Carrier<S>, business: PhoneNumberId, names: &[Vec<u8>]) -> Vec<Counter> {
    let mut batch = Batch::new(SYSTEM_PARTITION);
    let name = |name: &Vec<u8>| Counter::new(REACHED, [&reached_by(business)[..], name].concat());
    let all: Vec<_> = names.iter().map(name).collect();
    all.iter().for_each(|counter| batch.add(counter.clone(), 1));
    let _ = of(carrier).store.commit(batch).await.unwrap();
    all
}

/// A user of this tag who was reached then.
fn reached_at(at: Timestamp, tag: u64) -> Vec<u8> {
    [at.as_millis().to_be_bytes(), tag.to_be_bytes()].concat()
}

/// The second of two once took more than there was, and what had come meanwhile stayed in the store.
#[tokio::test]
async fn two_who_write_down_at_once_remove_each_counter_and_none_that_came_meanwhile() {
    let carrier = open(SlowStore::new(MemoryStore::new()).after(|_| Pause::turns(3))).await;
    let protection = of(&carrier);
    let names = |tags: std::ops::Range<u64>| tags.map(|tag| reached_at(NOW, tag)).collect::<Vec<_>>();
    let first = count(&carrier, SHOP, &names(0..3)).await;
    let later = count(&carrier, SHOP, &names(3..5)).await;
    protection.stray().extend(first);
    let meanwhile = async {
        tokio::task::yield_now().await;
        protection.stray().extend(later);
    };
    let (one, other, ()) = tokio::join!(protection.keep_all(), protection.keep_all(), meanwhile);
    one.and(other).unwrap();
    protection.keep_all().await.unwrap();
    assert_eq!((counters(&carrier).await, protection.stray().len()), (0, 0));
}

/// Everybody whom others had met once stayed in the store, for as long as one was damaged.
#[tokio::test]
async fn a_damaged_business_keeps_no_other_from_being_watched() {
    for is_row in [false, true] {
        let carrier = open(MemoryStore::new()).await;
        let protection = of(&carrier);
        for business in [SHOP, BAKERY] {
            connect(&carrier, business).await;
            protection.keep(business, Also::All).await.unwrap();
        }
        protection.watched().clear();
        let mut batch = Batch::new(protection.partition(BAKERY));
        batch.put(met(0, 0), Recipients::new(NOW, &SeededRng::new(1)).to_bytes().to_vec());
        let _ = protection.store.commit(batch).await.unwrap();
        if is_row {
            let mut batch = Batch::new(protection.partition(SHOP));
            batch.put(met(0, 0), vec![9]);
            let _ = protection.store.commit(batch).await.unwrap();
        } else {
            count(&carrier, SHOP, &[reached_at(NOW, 1)[..9].to_vec()]).await;
            count(&carrier, BAKERY, &[reached_at(NOW, 1)]).await;
        }
        assert!(protection.load(SHOP).await.unwrap_err().is_of_a_record());
        protection.load_met().await.unwrap();
        let watched: Vec<_> = protection.watched().keys().copied().collect();
        assert_eq!(watched, [BAKERY]);
        // Nor is an erasure in its way: nobody can be told from others there, so all are forgotten.
        carrier.erase(&Number::parse("16505551234").unwrap()).await.unwrap();
        protection.load_met().await.unwrap();
        assert!(protection.load(SHOP).await.unwrap());
    }
}

/// It stands in the way of somebody's message, and waits for nothing that is over.
#[tokio::test]
async fn a_load_begins_behind_who_is_over_and_they_are_removed_beside_it() {
    let carrier = open(MemoryStore::new()).await;
    let protection = of(&carrier);
    connect(&carrier, SHOP).await;
    protection.watched().clear();
    let over = NOW.before(LIMIT_PERIOD);
    // Of a form that nobody can read: it is not read.
    count(&carrier, SHOP, &[Timestamp::from_millis(over.as_millis() - 1).as_millis().to_be_bytes().to_vec()])
        .await;
    count(&carrier, SHOP, &[reached_at(over, 1), reached_at(NOW, 2)]).await;
    assert!(protection.load(SHOP).await.unwrap());
    assert_eq!(counters(&carrier).await, 3);
    protection.load_met().await.unwrap();
    assert_eq!(counters(&carrier).await, 2);
    protection.keep_all().await.unwrap();
    assert_eq!(counters(&carrier).await, 0);
}

/// What is stored of so many people.
fn crowd(count: u32, now: Timestamp) -> Vec<u8> {
    let mut bytes = Recipients::new(now, &SeededRng::new(1)).to_bytes().to_vec();
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&count.to_be_bytes());
    for tag in 0..u64::from(count) {
        bytes.extend_from_slice(&tag.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        bytes.extend_from_slice(&(u32::MAX / 4).to_be_bytes());
    }
    bytes
}

/// Else nobody who is among them could be forgotten.
#[tokio::test]
async fn more_people_than_a_batch_holds_are_written_down() {
    let (carrier, now) = (open(MemoryStore::new()).await, NOW);
    let protection = of(&carrier);
    let partition = protection.partition(SHOP);
    let mut batch = Batch::new(partition);
    batch.put(standing(), joined(0, &Standing::new(now)));
    let _ = protection.store.commit(batch).await.unwrap();
    let (crowd, mut bytes) = (crowd(500_000, now), 0);
    for kind in 0..3 {
        let mut batch = Batch::new(partition);
        for (row, chunk) in (0..).zip(crowd.chunks(MAX_VALUE_BYTES)) {
            batch.put(met(kind, row), chunk.to_vec());
        }
        bytes += batch.bytes();
        let _ = protection.store.commit(batch).await.unwrap();
    }
    assert!(bytes > MAX_BATCH_BYTES);
    protection.watch(SHOP, |watched, _, _| watched.verify()).await.unwrap();
    protection.keep_all().await.unwrap();
    assert!(!protection.watched()[&SHOP].has_changed());
}
