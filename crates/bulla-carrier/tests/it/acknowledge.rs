//! What was acknowledged stands in the store until it goes with another record, and nobody sees that.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, Clock, DeviceId, SeededRng};
use bulla_carrier::Carrier;
use bulla_envelope::Envelope;
use bulla_meter::Flow;
use bulla_store::{BoxStore, CountingStore, Counts, Failure, FaultyStore, MemoryStore, Space, StoreError};
use bulla_transport::{Caller, InProcess, Incarnation, NumberProof, Sequence, Transport, TransportError};
use tokio::time::Instant;

use crate::erase::{bob, number, rows};
use crate::upkeep::VirtualClock;
use crate::{SHOP, World, alice, caller, days, shop, upload};

/// Where envelopes stand.
const QUEUE: Space = Space::new(0x44);

/// How long after an acknowledgement its envelope is out of the store at the latest.
const SETTLED: Duration = Duration::from_millis(4_100);

impl World {
    async fn send(&self, from: &Caller, to: &Caller, count: usize) -> Vec<Envelope> {
        let envelopes: Vec<_> = (0..count).map(|_| self.envelope(from, to)).collect();
        for envelope in &envelopes {
            self.transport().send(from, envelope.clone()).await.unwrap();
        }
        envelopes
    }

    /// What is handed to `caller`, from the beginning.
    async fn handed(&self, caller: &Caller) -> Vec<Envelope> {
        let received = tokio::select! {
            biased;
            received = self.carrier.receive(caller, Sequence::START) => received.unwrap(),
            () = tokio::task::yield_now() => Vec::new(),
        };
        received.into_iter().map(|delivery| delivery.envelope).collect()
    }

    /// Acknowledges those of what waits for `caller` whose turns these are.
    async fn acknowledge(&self, caller: &Caller, which: &[usize]) {
        let waiting = self.transport().receive(caller, Sequence::START).await.unwrap();
        let sequences: Vec<_> = which.iter().map(|turn| waiting[*turn].sequence).collect();
        self.transport().acknowledge(caller, &sequences).await.unwrap();
    }

    /// How many envelopes for `party` are in the store.
    async fn stored(&self, party: &Address) -> usize {
        stored(&self.store, party).await
    }
}

async fn stored(store: &MemoryStore, party: &Address) -> usize {
    rows(store, &[party]).await.iter().filter(|(_, key, _)| key.space() == QUEUE).count()
}

#[tokio::test]
async fn acknowledged_mail_goes_with_the_next_of_the_party_and_is_handed_out_to_nobody_before() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let sent = world.send(&us, &her, 4).await;
    // Out of turn, and one of them twice.
    world.acknowledge(&her, &[1, 1]).await;
    assert_eq!(world.stored(&alice()).await, 4);
    let left = [sent[0].clone(), sent[2].clone(), sent[3].clone()];
    assert_eq!(world.handed(&her).await, left);
    world.acknowledge(&her, &[0, 1]).await;
    assert_eq!((world.handed(&her).await, world.stored(&alice()).await), (vec![sent[3].clone()], 4));
    let next = world.send(&us, &her, 1).await;
    assert_eq!(world.stored(&alice()).await, 2, "the three went with it");
    assert_eq!(world.handed(&her).await, [&sent[3..], &next].concat());
    assert_eq!(world.carrier.stats().await.unwrap().acknowledged, 3);
}

#[tokio::test]
async fn what_a_business_has_acknowledged_does_not_wait_for_it_any_more() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    world.send(&her, &us, 3).await;
    world.acknowledge(&us, &[0, 1]).await;
    assert_eq!((world.carrier.stats().await.unwrap().waiting, world.stored(&shop()).await), (1, 3));
}

#[tokio::test]
async fn what_one_device_has_acknowledged_goes_with_what_is_for_another() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    world.send(&us, &her, 2).await;
    world.acknowledge(&her, &[0, 1]).await;
    let tablet = Address::new(alice().party().clone(), DeviceId::new(2).unwrap());
    let tablet = world.join(tablet).await;
    world.send(&us, &tablet, 1).await;
    assert_eq!(world.stored(&alice()).await, 1);
}

#[tokio::test]
async fn a_carrier_that_dies_hands_acknowledged_mail_out_again_and_loses_none() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let sent = world.send(&us, &her, 3).await;
    let old = world.transport().receive(&her, Sequence::START).await.unwrap();
    world.acknowledge(&her, &[0, 1]).await;
    let world = world.restart().await;
    assert_eq!(world.handed(&her).await, sent);
    // What is said of places of the one that died is not about these.
    let sequences: Vec<_> = old.iter().map(|delivery| delivery.sequence).collect();
    world.transport().acknowledge(&her, &sequences).await.unwrap();
    assert_eq!(world.handed(&her).await, sent);
    world.acknowledge(&her, &[0, 1]).await;
    assert_eq!(world.handed(&her).await, sent[2..]);
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 3, "each counts once");
}

#[tokio::test]
async fn an_erased_user_who_is_back_loses_nothing_to_what_was_acknowledged_before() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    world.send(&us, &her, 3).await;
    world.acknowledge(&her, &[0, 1, 2]).await;
    world.carrier.erase(&number(&alice())).await.unwrap();
    let her = world.join(alice()).await;
    // They stand at the same places.
    let sent = world.send(&us, &her, 3).await;
    assert_eq!(world.handed(&her).await, sent);
    assert_eq!(world.stored(&alice()).await, 3);
}

#[tokio::test]
async fn a_device_that_is_removed_leaves_nothing_that_it_had_acknowledged() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let tablet = Address::new(alice().party().clone(), DeviceId::new(2).unwrap());
    let tablet = world.join(tablet).await;
    world.send(&us, &tablet, 3).await;
    world.send(&us, &her, 1).await;
    world.acknowledge(&tablet, &[0, 2]).await;
    world.acknowledge(&her, &[0]).await;
    assert!(world.carrier.remove_device(&number(&alice()), DeviceId::new(2).unwrap()).await.unwrap());
    assert_eq!(world.stored(&alice()).await, 1);
    assert_eq!(world.handed(&her).await, [], "what the other has acknowledged stays so");
    world.transport().register(&tablet, &NumberProof::none()).await.unwrap();
    world.transport().publish(&tablet, upload(b"identity", 2)).await.unwrap();
    let sent = world.send(&us, &tablet, 2).await;
    assert_eq!((world.handed(&tablet).await, world.stored(&alice()).await), (sent, 2));
}

#[tokio::test]
async fn who_takes_a_device_over_is_not_handed_what_it_had_acknowledged() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let sent = world.send(&us, &her, 3).await;
    world.acknowledge(&her, &[0]).await;
    let second = world.transport().receive(&her, Sequence::START).await.unwrap()[0].sequence;
    let next = Caller::new(alice(), her.installation(), Incarnation::new(2));
    world.transport().connect(&next).await.unwrap();
    let late = world.transport().acknowledge(&her, &[second]).await;
    assert!(matches!(late, Err(TransportError::Fenced { .. })), "{late:?}");
    assert_eq!(world.handed(&next).await, sent[1..], "who was shut out acknowledges nothing");
}

#[tokio::test]
async fn what_is_acknowledged_on_its_last_day_may_be_dropped_before_it_is_taken_out() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    world.send(&us, &her, 2).await;
    world.acknowledge(&her, &[0]).await;
    world.clock.set(crate::NOW.after(days(32)));
    world.carrier.sweep().await.unwrap();
    assert_eq!(world.stored(&alice()).await, 0);
    let id = bulla_base::MessageId::new(world.clock.now(), &world.rng);
    let later = world.envelope_with(id, &us, &her);
    world.transport().send(&us, later.clone()).await.unwrap();
    assert_eq!(world.handed(&her).await, [later]);
}

#[tokio::test]
async fn a_carrier_that_is_closed_has_taken_out_what_was_acknowledged_and_holds_nothing_any_more() {
    let world = World::new().await;
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    for user in [&her, &him] {
        world.send(&us, user, 3).await;
        world.acknowledge(user, &[0, 2]).await;
    }
    world.carrier.close().await;
    assert_eq!((world.stored(&alice()).await, world.stored(&bob()).await), (1, 1));
    world.acknowledge(&her, &[0]).await;
    assert_eq!(world.stored(&alice()).await, 0, "nobody would take it out later");
    let bill = world.carrier.bill(SHOP).await.unwrap();
    assert_eq!(bill.total(SHOP, Flow::ToUser), 6, "what is taken out was charged, and is not again");
}

type Store = FaultyStore<CountingStore<Arc<MemoryStore>>>;

/// A carrier that settles by a clock that passes, and 40 users who have acknowledged two messages each.
struct Idle {
    rows: Arc<MemoryStore>,
    store: Store,
    counts: Counts,
    carrier: Carrier<BoxStore>,
    users: Vec<Address>,
}

impl Idle {
    async fn new() -> Self {
        let (world, rows) = (World::new().await, Arc::new(MemoryStore::new()));
        let counting = CountingStore::new(Arc::clone(&rows));
        let (counts, store) = (counting.counts(), FaultyStore::new(counting));
        let clock = Arc::new(VirtualClock(Instant::now()));
        let carrier = Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap();
        let us = caller(shop(), 1);
        carrier.connect(&us).await.unwrap();
        let users: Vec<_> = (0..40).map(|user| format!("1650555{user:04}")).collect();
        let users = users.iter().map(|user| Address::user(bulla_base::Number::parse(user).unwrap()));
        let users: Vec<_> = users.collect();
        for user in &users {
            let user = caller(user.clone(), 1);
            carrier.connect(&user).await.unwrap();
            carrier.publish(&user, upload(b"identity", 1)).await.unwrap();
            for _ in 0..2 {
                carrier.send(&us, world.envelope(&us, &user)).await.unwrap();
                let waiting = carrier.receive(&user, Sequence::START).await.unwrap();
                carrier.acknowledge(&user, &[waiting[0].sequence]).await.unwrap();
            }
        }
        let _ = counts.take();
        Self { rows, store, counts, carrier, users }
    }

    async fn stored(&self) -> usize {
        let mut count = 0;
        for user in &self.users {
            count += stored(&self.rows, user).await;
        }
        count
    }

    async fn pass(&self, span: Duration) {
        VirtualClock(Instant::now()).sleep(span).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_queue_is_emptied_after_two_seconds_and_before_four() {
    let idle = Idle::new().await;
    assert_eq!(idle.stored().await, 40, "the first of each went with the second");
    idle.pass(Duration::from_millis(1_900)).await;
    assert_eq!((idle.stored().await, idle.counts.take().commits), (40, 0));
    idle.pass(SETTLED).await;
    assert_eq!((idle.stored().await, idle.counts.take().commits), (0, 40), "one record for each party");
    idle.pass(Duration::from_secs(60)).await;
    assert_eq!(idle.counts.take().commits, 0, "and nothing more");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_out_is_when_the_store_is_well_again() {
    let idle = Idle::new().await;
    let full = || StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
    idle.store.fail_when(move |call| call.is_commit().then(|| Failure::Refused(full())));
    idle.pass(Duration::from_secs(20)).await;
    assert_eq!(idle.stored().await, 40);
    let user = caller(idle.users[0].clone(), 1);
    tokio::select! {
        biased;
        waiting = idle.carrier.receive(&user, Sequence::START) => panic!("nobody is handed it: {waiting:?}"),
        () = tokio::task::yield_now() => {}
    }
    idle.store.recover();
    idle.pass(SETTLED).await;
    assert_eq!(idle.stored().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_dies_while_it_is_taken_out_is_told() {
    let idle = Idle::new().await;
    idle.store.fail_when(|call| call.is_commit().then(|| Failure::Refused(StoreError::Closed)));
    idle.pass(SETTLED).await;
    assert!(matches!(&*idle.carrier.stopped().await, StoreError::Closed));
}

#[tokio::test]
async fn an_acknowledgement_for_which_there_is_no_room_is_written_at_once_or_fails() {
    let (world, rows) = (World::new().await, Arc::new(MemoryStore::new()));
    let (store, clock) = (FaultyStore::new(Arc::clone(&rows)), world.clock.clone());
    let carrier =
        Arc::new(Carrier::open(BoxStore::new(store.clone()), clock, &SeededRng::new(1)).await.unwrap());
    let (us, her, transport) = (caller(shop(), 1), caller(alice(), 1), InProcess::new(carrier));
    for who in [&us, &her] {
        transport.connect(who).await.unwrap();
    }
    for _ in 0..257 {
        transport.send(&us, world.envelope(&us, &her)).await.unwrap();
    }
    let (mut after, mut sequences) = (Sequence::START, Vec::new());
    while sequences.len() < 257 {
        let page = transport.receive(&her, after).await.unwrap();
        sequences.extend(page.iter().map(|delivery| delivery.sequence));
        after = sequences[sequences.len() - 1];
    }
    let last = [sequences.pop().unwrap()];
    for page in sequences.chunks(64) {
        transport.acknowledge(&her, page).await.unwrap();
    }
    assert_eq!(stored(&rows, &alice()).await, 257, "there is room for 256");
    let full = || StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
    store.fail_when(move |call| call.is_commit().then(|| Failure::Refused(full())));
    assert!(transport.acknowledge(&her, &last).await.is_err());
    let waiting = transport.receive(&her, Sequence::START).await.unwrap();
    assert_eq!(waiting.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), last);
    store.recover();
    transport.acknowledge(&her, &last).await.unwrap();
    assert_eq!(stored(&rows, &alice()).await, 0);
}
