//! What a message costs the carrier's store, whatever came before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::{Partition, Timestamp};
use bulla_carrier::Carrier;
use bulla_store::{Batch, BoxStore, Commit, Key, MemoryStore, Record, Scan, Store, StoreError, StoreWrapper};
use bulla_transport::{
    BoxTransport, Caller, Delivery, InProcess, MAX_DELIVERIES, NumberProof, SendOutcome, Sequence, Transport,
    TransportError,
};
use tokio::sync::Semaphore;

use crate::{World, alice, caller, installation, shop, upload};

/// A store that counts what is asked of it, and lets commits pass one at a time. Particular to these tests:
/// what scans find is counted apart from what look-ups find, and who leaves gives the disk back to the
/// others.
struct Counting {
    rows: MemoryStore,
    reads: AtomicUsize,
    scanned: AtomicUsize,
    commits: AtomicUsize,
    disk: Semaphore,
}

impl StoreWrapper for Counting {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
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

struct CountedCarrier {
    world: World,
    store: Arc<Counting>,
    transport: InProcess<Carrier<BoxStore>>,
    shop: Caller,
    alice: Caller,
}

impl CountedCarrier {
    async fn new() -> Self {
        let (world, shop, alice) = (World::new().await, caller(shop(), 1), caller(alice(), 1));
        let store = Arc::new(Counting {
            rows: MemoryStore::new(),
            reads: AtomicUsize::new(0),
            scanned: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            disk: Semaphore::new(1),
        });
        let carrier =
            Carrier::open(BoxStore::new(Arc::clone(&store)), world.clock.clone(), &world.rng).await.unwrap();
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
async fn a_message_costs_one_commit_and_neither_look_up_nor_scan_whatever_came_before() {
    let counted = CountedCarrier::new().await;
    counted.send().await;
    let mut after = counted.receive(Sequence::START).await[0].sequence;
    counted.counts();
    for round in 0..2000 {
        counted.send().await;
        let received = counted.receive(after).await;
        assert_eq!(received.len(), 1);
        after = received[0].sequence;
        // Whether the envelope came before the commit itself finds out. What was acknowledged goes with the
        // next.
        assert_eq!(counted.counts(), (0, 0, 1), "message {round}");
    }
}

/// Whoever was woken by the store looked before there was anything to be seen, and waited for ever.
#[tokio::test]
async fn receiver_gets_what_is_queued_however_late_its_commit_is_heard_of() {
    let counted = CountedCarrier::new().await;
    let mut after = Sequence::START;
    for _ in 0..5 {
        let (received, ()) = tokio::join!(counted.receive(after), counted.send());
        after = received[0].sequence;
    }
    // Also what its sender does not wait for.
    let mut sending = Box::pin(counted.send());
    for _ in 0..150 {
        tokio::select! {
            biased;
            () = &mut sending => panic!("too soon"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(sending);
    assert_eq!(counted.receive(after).await.len(), 1);
}

#[tokio::test]
async fn delivered_envelopes_are_not_walked_over_after_a_restart() {
    let mut counted = CountedCarrier::new().await;
    let mut after = Sequence::START;
    for _ in 0..500 {
        counted.send().await;
        after = counted.receive(after).await[0].sequence;
    }
    counted.send().await;
    let carrier = Carrier::open(
        BoxStore::new(Arc::clone(&counted.store)),
        counted.world.clock.clone(),
        &counted.world.rng,
    )
    .await;
    counted.transport = InProcess::new(Arc::new(carrier.unwrap()));
    counted.counts();
    assert_eq!(counted.receive(Sequence::START).await.len(), 1);
    let (reads, scanned, commits) = counted.counts();
    // The fence and the head; one scan that finds one row: the one before it went with it.
    assert_eq!((reads, scanned, commits), (2, 2, 0));
}

#[tokio::test]
async fn a_backlog_is_read_a_page_at_a_time_and_each_row_once() {
    let counted = CountedCarrier::new().await;
    for _ in 0..1000 {
        counted.send().await;
    }
    counted.counts();
    let (mut after, mut received) = (Sequence::START, 0);
    while received < 1000 {
        let page = counted.receive(after).await;
        (received, after) = (received + page.len(), page.last().unwrap().sequence);
    }
    let (reads, scanned, commits) = counted.counts();
    // Four pages of acknowledgements are noted, and go with the fifth.
    assert_eq!((reads, scanned, commits), (0, 1000 + 1000_usize.div_ceil(64), 1000 / (5 * 64)));
}

#[tokio::test]
async fn what_arrives_while_the_disk_is_busy_is_queued_in_one_record() {
    let counted = CountedCarrier::new().await;
    let envelopes: Vec<_> = (0..200).map(|_| counted.world.envelope(&counted.shop, &counted.alice)).collect();
    counted.counts();
    let sent = envelopes.iter().map(|envelope| counted.transport.send(&counted.shop, envelope.clone()));
    for sent in futures_util::future::join_all(sent).await {
        sent.unwrap();
    }
    let (_, _, commits) = counted.counts();
    assert!(commits <= 5, "{commits} commits for 200 envelopes");
    let (mut after, mut received) = (Sequence::START, Vec::new());
    while received.len() < 200 {
        let page = counted.receive(after).await;
        after = page.last().unwrap().sequence;
        received.extend(page.into_iter().map(|delivery| delivery.envelope));
    }
    // Each once.
    let missing = envelopes.iter().filter(|envelope| !received.contains(envelope)).count();
    assert_eq!((received.len(), missing), (200, 0));
}

#[tokio::test]
async fn envelopes_that_arrive_together_each_get_their_own_answer() {
    let counted = CountedCarrier::new().await;
    let (good, bob) = (counted.world.envelope(&counted.shop, &counted.alice), "4915112345678");
    let bob = caller(bulla_base::Address::user(bulla_base::Number::parse(bob).unwrap()), 1);
    let other = counted.world.envelope_with(good.id(), &counted.shop, &counted.alice);
    let send = |envelope| counted.transport.send(&counted.shop, envelope);
    let busy = send(counted.world.envelope(&counted.shop, &counted.alice));
    let (busy, first, again, clash, nobody) = tokio::join!(
        busy,
        send(good.clone()),
        send(good.clone()),
        send(other),
        send(counted.world.envelope(&counted.shop, &bob))
    );
    assert!(busy.is_ok() && first.is_ok() && again.is_ok());
    assert!(matches!(clash, Err(bulla_transport::TransportError::Id { .. })), "{clash:?}");
    assert!(matches!(nobody, Err(bulla_transport::TransportError::UnknownRecipient)), "{nobody:?}");
    assert_eq!(counted.receive(Sequence::START).await.len(), 2);
}

/// A commit presumes that all of them are new. One that is not must not be queued again, nor keep the others
/// from being queued, nor be refused for what has become of its recipient since.
#[tokio::test]
async fn what_was_queued_before_is_known_among_what_is_new() {
    let counted = CountedCarrier::new().await;
    let new = || counted.world.envelope(&counted.shop, &counted.alice);
    let send_all = |all: Vec<_>| counted.transport.send_all(&counted.shop, all);
    let first = new();
    assert_eq!(send_all(vec![first.clone()]).await.taken, 1);
    let (second, third) = (new(), new());
    let sent = send_all(vec![second.clone(), first.clone(), third.clone()]).await;
    assert!(matches!(sent, SendOutcome { taken: 3, error: None }), "{sent:?}");
    let other = counted.world.envelope_with(first.id(), &counted.shop, &counted.alice);
    let sent = send_all(vec![new(), other]).await;
    assert!(matches!(sent, SendOutcome { taken: 1, error: Some(TransportError::Id { .. }) }), "{sent:?}");
    let received = counted.receive(Sequence::START).await;
    let received: Vec<_> = received.into_iter().map(|delivery| delivery.envelope).collect();
    assert_eq!((received.len(), &received[..3]), (4, &[first, second, third][..]));

    let before = counted.alice.installation();
    let sealed_for = new().sealed_for(before);
    assert_eq!(send_all(vec![sealed_for.clone()]).await.taken, 1);
    let another = Caller::new(alice(), installation(b"another identity"), counted.alice.incarnation());
    counted.transport.register(&another, &NumberProof::none()).await.unwrap();
    let sent = send_all(vec![sealed_for, new().sealed_for(before)]).await;
    assert!(matches!(sent, SendOutcome { taken: 1, error: Some(TransportError::Reinstalled) }), "{sent:?}");
}

#[tokio::test]
async fn a_sender_that_leaves_while_it_queues_for_others_costs_them_nothing() {
    let counted = CountedCarrier::new().await;
    let envelopes: Vec<_> = (0..3).map(|_| counted.world.envelope(&counted.shop, &counted.alice)).collect();
    let send = |place: usize| counted.transport.send(&counted.shop, envelopes[place].clone());
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
    let received = counted.receive(Sequence::START).await;
    assert!(received.iter().any(|delivery| delivery.envelope == envelopes[2]));
    assert_eq!(received.iter().filter(|delivery| delivery.envelope == envelopes[2]).count(), 1);
}

#[tokio::test]
async fn what_is_sent_together_is_queued_in_one_record_and_in_its_order() {
    let counted = CountedCarrier::new().await;
    counted.send().await;
    let after = counted.receive(Sequence::START).await[0].sequence;
    let envelopes: Vec<_> = (0..64).map(|_| counted.world.envelope(&counted.shop, &counted.alice)).collect();
    counted.counts();
    // The second time the commit comes to a conflict, and each is looked up.
    for costs in [(0, 0, 1), (64, 0, 1)] {
        let sent = counted.transport.send_all(&counted.shop, envelopes.clone()).await;
        assert!((sent.taken, sent.error.is_none()) == (64, true), "{sent:?}");
        assert_eq!(counted.counts(), costs);
    }
    let received = counted.receive(after).await;
    assert_eq!(received.into_iter().map(|delivery| delivery.envelope).collect::<Vec<_>>(), envelopes);
}

#[tokio::test]
async fn what_is_sent_together_ends_with_the_first_that_is_refused() {
    let counted = CountedCarrier::new().await;
    let good = || counted.world.envelope(&counted.shop, &counted.alice);
    let foreign = counted.world.envelope(&counted.alice, &counted.shop);
    let sent = counted.transport.send_all(&counted.shop, vec![good(), good(), foreign, good()]).await;
    assert!(matches!(sent, SendOutcome { taken: 2, error: Some(TransportError::NotTheSender) }), "{sent:?}");
    // One whose id is that of another that was queued just before.
    let (first, second) = (good(), good());
    let other = counted.world.envelope_with(first.id(), &counted.shop, &counted.alice);
    let sent = counted.transport.send_all(&counted.shop, vec![first.clone(), other, second]).await;
    assert!(matches!(sent, SendOutcome { taken: 1, error: Some(TransportError::Id { .. }) }), "{sent:?}");
    let received = counted.receive(Sequence::START).await;
    assert_eq!((received.len(), &received[2].envelope), (3, &first));
}

#[tokio::test]
async fn no_more_are_sent_together_than_are_received_together() {
    let counted = CountedCarrier::new().await;
    let envelopes =
        |count| (0..count).map(|_| counted.world.envelope(&counted.shop, &counted.alice)).collect();
    let sent = counted.transport.send_all(&counted.shop, envelopes(MAX_DELIVERIES)).await;
    assert!(matches!(sent, SendOutcome { taken: MAX_DELIVERIES, error: None }), "{sent:?}");
    let sent = counted.transport.send_all(&counted.shop, envelopes(MAX_DELIVERIES + 1)).await;
    assert!(
        matches!(sent, SendOutcome { taken: 0, error: Some(TransportError::Invalid { .. }) }),
        "{sent:?}"
    );
}

/// An acknowledgement waited for what was being queued for its party, and then for a record of its own.
#[tokio::test]
async fn an_acknowledgement_waits_for_no_disk() {
    let counted = CountedCarrier::new().await;
    counted.send().await;
    let waiting = counted.transport.receive(&counted.alice, Sequence::START).await.unwrap();
    let mut sending = Box::pin(counted.send());
    tokio::select! {
        biased;
        () = &mut sending => panic!("too soon"),
        () = tokio::task::yield_now() => {}
    }
    let first = [waiting[0].sequence];
    tokio::select! {
        biased;
        done = counted.transport.acknowledge(&counted.alice, &first) => done.unwrap(),
        () = tokio::task::yield_now() => panic!("it waits for the disk"),
    }
    sending.await;
    // What was noted while the record before it was written is not forgotten with that.
    counted.counts();
    counted.send().await;
    let left = counted.transport.receive(&counted.alice, Sequence::START).await.unwrap();
    assert_eq!((left.len(), counted.counts().2), (2, 1));
}

/// What was acknowledged before its sender heard that it was queued stayed for ever: it was taken for a place
/// that there is not.
#[tokio::test]
async fn what_is_acknowledged_before_its_commit_is_heard_of_is_not_handed_out_again() {
    let counted = CountedCarrier::new().await;
    counted.send().await;
    let first = counted.receive(Sequence::START).await[0].sequence;
    let mut sending = Box::pin(counted.send());
    for _ in 0..150 {
        tokio::select! {
            biased;
            () = &mut sending => panic!("too soon"),
            () = tokio::task::yield_now() => {}
        }
    }
    // It is durable. Who begins anew reads the store.
    let early = counted.receive(Sequence::START).await;
    assert_eq!(early.len(), 1);
    sending.await;
    for after in [Sequence::START, first] {
        tokio::select! {
            biased;
            again = counted.transport.receive(&counted.alice, after) => panic!("{again:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    counted.send().await;
    assert_eq!(counted.receive(early[0].sequence).await.len(), 1);
}

/// A boxed transport that forgot a call with a body of its own would do it as the port's default does: here
/// one record for each envelope.
#[tokio::test]
async fn boxed_transport_hands_on_every_call() {
    let counted = CountedCarrier::new().await;
    let boxed = BoxTransport::new(counted.transport.clone());
    let (shop, alice) = (&counted.shop, &counted.alice);
    let registered = boxed.register(alice, &NumberProof::none()).await.unwrap();
    assert_eq!(registered.one_time_keys, 2);
    assert_eq!(boxed.connect(shop).await.unwrap().one_time_keys, 2);
    assert_eq!(boxed.publish(alice, upload(b"identity", 3)).await.unwrap().one_time_keys, 3);
    assert!(boxed.bundle(shop, alice.address()).await.unwrap().one_time.is_some());
    assert_eq!(boxed.low_stock(alice, 2).await.unwrap().one_time_keys, 2);

    let envelopes: Vec<_> = (0..3).map(|_| counted.world.envelope(shop, alice)).collect();
    boxed.send(shop, envelopes[0].clone()).await.unwrap();
    counted.counts();
    let sent = boxed.send_all(shop, envelopes[1..].to_vec()).await;
    assert!(matches!(sent, SendOutcome { taken: 2, error: None }), "{sent:?}");
    assert_eq!(counted.counts().2, 1, "sent together, queued in one record");
    let received = boxed.receive(alice, Sequence::START).await.unwrap();
    assert!(received.iter().map(|delivery| &delivery.envelope).eq(&envelopes));
    let sequences: Vec<_> = received.iter().map(|delivery| delivery.sequence).collect();
    boxed.acknowledge(alice, &sequences).await.unwrap();
    boxed.send(shop, counted.world.envelope(shop, alice)).await.unwrap();
    assert_eq!(boxed.receive(alice, Sequence::START).await.unwrap().len(), 1);
    assert_eq!(format!("{boxed:?}"), "BoxTransport(…)");
}
