//! What a message costs the carrier's store, whatever came before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::{Partition, Timestamp};
use bulla_carrier::Carrier;
use bulla_store::{Batch, Commit, Key, Layer, MemoryStore, Record, Scan, Store, StoreError};
use bulla_transport::{
    Caller, Delivery, InProcess, MAX_DELIVERIES, Sent, Sequence, Transport, TransportError,
};
use tokio::sync::Semaphore;

use crate::{World, alice, caller, shop, upload};

/// A store that counts what is asked of it, and lets commits pass one at a time.
struct Counting {
    rows: MemoryStore,
    reads: AtomicUsize,
    scanned: AtomicUsize,
    commits: AtomicUsize,
    disk: Semaphore,
}

impl Layer for Counting {
    type Beneath = MemoryStore;

    fn beneath(&self) -> &MemoryStore {
        &self.rows
    }

    async fn pass_commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let _disk = self.disk.acquire().await;
        // Whoever else has something to write comes meanwhile.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        let outcome = self.rows.commit(batch).await;
        // Its watches are told; whoever waits looks meanwhile.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        outcome
    }

    async fn pass_get(&self, of: Partition, key: &Key, now: Timestamp) -> Result<Option<Record>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.get(of, key, now).await
    }

    async fn pass_scan(
        &self,
        of: Partition,
        scan: &Scan,
        now: Timestamp,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let found = self.rows.scan(of, scan, now).await?;
        self.scanned.fetch_add(1 + found.len(), Ordering::Relaxed);
        Ok(found)
    }
}

struct Flat {
    world: World,
    store: Arc<Counting>,
    transport: InProcess<Carrier<Arc<Counting>>>,
    shop: Caller,
    alice: Caller,
}

impl Flat {
    async fn new() -> Self {
        let (world, shop, alice) = (World::new().await, caller(shop(), 1), caller(alice(), 1));
        let store = Arc::new(Counting {
            rows: MemoryStore::new(),
            reads: AtomicUsize::new(0),
            scanned: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            disk: Semaphore::new(1),
        });
        let carrier = Carrier::open(Arc::clone(&store), world.clock.clone(), &world.rng).await.unwrap();
        let transport = InProcess::new(Arc::new(carrier));
        for who in [&shop, &alice] {
            transport.connect(who).await.unwrap();
            transport.publish(who, upload(b"identity", 2)).await.unwrap();
        }
        Self { world, store, transport, shop, alice }
    }

    async fn send(&self) {
        self.transport.send(&self.shop, self.world.envelope(&self.shop, &self.alice)).await.unwrap();
    }

    /// What comes after `after`, acknowledged.
    async fn receive(&self, after: Sequence) -> Vec<Delivery> {
        let deliveries = self.transport.receive(&self.alice, after).await.unwrap();
        let sequences: Vec<_> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        self.transport.acknowledge(&self.alice, &sequences).await.unwrap();
        deliveries
    }

    /// Look-ups, rows scanned and commits since this was last asked.
    fn counts(&self) -> (usize, usize, usize) {
        let take = |counter: &AtomicUsize| counter.swap(0, Ordering::Relaxed);
        (take(&self.store.reads), take(&self.store.scanned), take(&self.store.commits))
    }
}

#[tokio::test]
async fn a_message_costs_two_commits_and_one_look_up_and_no_scan_whatever_came_before() {
    let flat = Flat::new().await;
    flat.send().await;
    let mut after = flat.receive(Sequence::START).await[0].sequence;
    flat.counts();
    for round in 0..2000 {
        flat.send().await;
        let received = flat.receive(after).await;
        assert_eq!(received.len(), 1);
        after = received[0].sequence;
        // The look-up is whether the envelope came before: it is not there.
        assert_eq!(flat.counts(), (1, 0, 2), "message {round}");
    }
}

/// Whoever was woken by the store looked before there was anything to be seen, and waited for ever.
#[tokio::test]
async fn who_waits_gets_what_is_queued_however_late_its_commit_is_heard_of() {
    let flat = Flat::new().await;
    let mut after = Sequence::START;
    for _ in 0..5 {
        let (received, ()) = tokio::join!(flat.receive(after), flat.send());
        after = received[0].sequence;
    }
    // Also what its sender does not wait for.
    let mut sending = Box::pin(flat.send());
    for _ in 0..150 {
        tokio::select! {
            biased;
            () = &mut sending => panic!("too soon"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(sending);
    assert_eq!(flat.receive(after).await.len(), 1);
}

#[tokio::test]
async fn after_a_restart_what_was_delivered_is_not_walked_over() {
    let mut flat = Flat::new().await;
    let mut after = Sequence::START;
    for _ in 0..500 {
        flat.send().await;
        after = flat.receive(after).await[0].sequence;
    }
    flat.send().await;
    let carrier = Carrier::open(Arc::clone(&flat.store), flat.world.clock.clone(), &flat.world.rng).await;
    flat.transport = InProcess::new(Arc::new(carrier.unwrap()));
    flat.counts();
    assert_eq!(flat.receive(Sequence::START).await.len(), 1);
    let (reads, scanned, commits) = flat.counts();
    // The fence and the head; one scan that finds one row.
    assert_eq!((reads, scanned, commits), (2, 2, 1));
}

#[tokio::test]
async fn a_backlog_is_read_a_page_at_a_time_and_each_row_once() {
    let flat = Flat::new().await;
    for _ in 0..1000 {
        flat.send().await;
    }
    flat.counts();
    let (mut after, mut received) = (Sequence::START, 0);
    while received < 1000 {
        let page = flat.receive(after).await;
        (received, after) = (received + page.len(), page.last().unwrap().sequence);
    }
    let (reads, scanned, commits) = flat.counts();
    assert_eq!((reads, scanned, commits), (0, 1000 + 1000_usize.div_ceil(64), 1000_usize.div_ceil(64)));
}

#[tokio::test]
async fn what_arrives_while_the_disk_is_busy_is_queued_in_one_record() {
    let flat = Flat::new().await;
    let envelopes: Vec<_> = (0..200).map(|_| flat.world.envelope(&flat.shop, &flat.alice)).collect();
    flat.counts();
    let sent = envelopes.iter().map(|envelope| flat.transport.send(&flat.shop, envelope.clone()));
    for sent in futures_util::future::join_all(sent).await {
        sent.unwrap();
    }
    let (_, _, commits) = flat.counts();
    assert!(commits <= 5, "{commits} commits for 200 envelopes");
    let (mut after, mut received) = (Sequence::START, Vec::new());
    while received.len() < 200 {
        let page = flat.receive(after).await;
        after = page.last().unwrap().sequence;
        received.extend(page.into_iter().map(|delivery| delivery.envelope));
    }
    // Each once.
    let missing = envelopes.iter().filter(|envelope| !received.contains(envelope)).count();
    assert_eq!((received.len(), missing), (200, 0));
}

#[tokio::test]
async fn of_envelopes_that_arrive_together_each_has_its_own_answer() {
    let flat = Flat::new().await;
    let (good, bob) = (flat.world.envelope(&flat.shop, &flat.alice), "4915112345678");
    let bob = caller(bulla_base::Address::user(bulla_base::Number::parse(bob).unwrap()), 1);
    let other = flat.world.envelope_with(good.id(), &flat.shop, &flat.alice);
    let send = |envelope| flat.transport.send(&flat.shop, envelope);
    let busy = send(flat.world.envelope(&flat.shop, &flat.alice));
    let (busy, first, again, clash, nobody) = tokio::join!(
        busy,
        send(good.clone()),
        send(good.clone()),
        send(other),
        send(flat.world.envelope(&flat.shop, &bob))
    );
    assert!(busy.is_ok() && first.is_ok() && again.is_ok());
    assert!(matches!(clash, Err(bulla_transport::TransportError::Id { .. })), "{clash:?}");
    assert!(matches!(nobody, Err(bulla_transport::TransportError::UnknownRecipient)), "{nobody:?}");
    assert_eq!(flat.receive(Sequence::START).await.len(), 2);
}

#[tokio::test]
async fn a_sender_that_leaves_while_it_queues_for_others_costs_them_nothing() {
    let flat = Flat::new().await;
    let envelopes: Vec<_> = (0..3).map(|_| flat.world.envelope(&flat.shop, &flat.alice)).collect();
    let send = |place: usize| flat.transport.send(&flat.shop, envelopes[place].clone());
    // The first holds the lock; the second comes next and takes the third along; both leave before the disk
    // answers.
    let mut first = Box::pin(send(0));
    let (mut second, third) = (Box::pin(send(1)), send(2));
    let leave = async {
        for _ in 0..50 {
            tokio::select! { biased; _ = &mut first => break, () = tokio::task::yield_now() => {} }
        }
        drop(first);
        for _ in 0..50 {
            tokio::select! { biased; _ = &mut second => break, () = tokio::task::yield_now() => {} }
        }
        drop(second);
    };
    let (third, ()) = tokio::join!(third, leave);
    third.unwrap();
    let received = flat.receive(Sequence::START).await;
    assert!(received.iter().any(|delivery| delivery.envelope == envelopes[2]));
    assert_eq!(received.iter().filter(|delivery| delivery.envelope == envelopes[2]).count(), 1);
}

#[tokio::test]
async fn what_is_sent_together_is_queued_in_one_record_and_in_its_order() {
    let flat = Flat::new().await;
    flat.send().await;
    let after = flat.receive(Sequence::START).await[0].sequence;
    let envelopes: Vec<_> = (0..64).map(|_| flat.world.envelope(&flat.shop, &flat.alice)).collect();
    flat.counts();
    for _again in 0..2 {
        let sent = flat.transport.send_all(&flat.shop, envelopes.clone()).await;
        assert!((sent.taken, sent.error.is_none()) == (64, true), "{sent:?}");
    }
    let (reads, _, commits) = flat.counts();
    assert_eq!((reads, commits), (2 * 64, 1));
    let received = flat.receive(after).await;
    assert_eq!(received.into_iter().map(|delivery| delivery.envelope).collect::<Vec<_>>(), envelopes);
}

#[tokio::test]
async fn what_is_sent_together_ends_with_the_first_that_is_refused() {
    let flat = Flat::new().await;
    let good = || flat.world.envelope(&flat.shop, &flat.alice);
    let foreign = flat.world.envelope(&flat.alice, &flat.shop);
    let sent = flat.transport.send_all(&flat.shop, vec![good(), good(), foreign, good()]).await;
    assert!(matches!(sent, Sent { taken: 2, error: Some(TransportError::NotTheSender) }), "{sent:?}");
    // One whose id is that of another that was queued just before.
    let (first, second) = (good(), good());
    let other = flat.world.envelope_with(first.id(), &flat.shop, &flat.alice);
    let sent = flat.transport.send_all(&flat.shop, vec![first.clone(), other, second]).await;
    assert!(matches!(sent, Sent { taken: 1, error: Some(TransportError::Id { .. }) }), "{sent:?}");
    let received = flat.receive(Sequence::START).await;
    assert_eq!((received.len(), &received[2].envelope), (3, &first));
}

#[tokio::test]
async fn no_more_are_sent_together_than_are_received_together() {
    let flat = Flat::new().await;
    let envelopes = |count| (0..count).map(|_| flat.world.envelope(&flat.shop, &flat.alice)).collect();
    let sent = flat.transport.send_all(&flat.shop, envelopes(MAX_DELIVERIES)).await;
    assert!(matches!(sent, Sent { taken: MAX_DELIVERIES, error: None }), "{sent:?}");
    let sent = flat.transport.send_all(&flat.shop, envelopes(MAX_DELIVERIES + 1)).await;
    assert!(matches!(sent, Sent { taken: 0, error: Some(TransportError::Invalid { .. }) }), "{sent:?}");
}
