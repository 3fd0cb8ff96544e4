//! Sessions that are held in memory between messages.

use std::sync::Arc;

use bulla_base::{Partition, Rng, SeededRng};
use bulla_endpoint::{Endpoint, IdentityPolicy, OpenError, Peer, SessionCache};
use bulla_envelope::{Envelope, KeyBundle};
use bulla_store::{Batch, Commit, CountingStore, MemoryStore, Store};

use crate::{End, HOME, NOW, USER, alice, said, seal, shop};

const ENOUGH: usize = 1 << 20;

/// A shop that holds its sessions, and what it asks of its store is counted.
struct Holder {
    store: Arc<CountingStore<MemoryStore>>,
    held: SessionCache,
    endpoint: Endpoint,
}

impl Holder {
    async fn open(bytes: usize, rng: &dyn Rng) -> Self {
        let store = Arc::new(CountingStore::new(MemoryStore::new()));
        let held = SessionCache::new(bytes);
        let endpoint = Endpoint::open(&store, HOME, shop(), NOW, rng).await.unwrap();
        Self { endpoint: endpoint.with_session_cache(held.clone()), held, store }
    }

    async fn peer(&self, partition: Partition) -> Peer<'_> {
        self.endpoint.peer(&self.store, partition, &alice(), NOW).await.unwrap()
    }

    async fn keep(&self, partition: Partition, peer: Peer<'_>) -> Commit {
        let mut batch = Batch::new(partition);
        let kept = peer.write(&mut batch);
        let outcome = self.store.commit(batch).await.unwrap();
        if let Commit::Committed(version) = outcome {
            kept.committed(version);
        }
        outcome
    }

    async fn say(&self, text: &str, rng: &dyn Rng) -> Envelope {
        let mut peer = self.peer(USER).await;
        let envelope = seal(&mut peer, text, rng);
        assert!(matches!(self.keep(USER, peer).await, Commit::Committed(_)));
        envelope
    }

    /// Begins a session with `alice`, whose records are to stand in `partition`.
    async fn meet(&self, alice: &End, partition: Partition, rng: &dyn Rng) {
        let mut peer = self.peer(partition).await;
        peer.begin(&self.store, &alice.bundle(rng).await, NOW, rng).await.unwrap();
        assert!(matches!(self.keep(partition, peer).await, Commit::Committed(_)));
    }

    fn reads(&self) -> usize {
        self.store.counts().take().reads()
    }
}

async fn met(rng: &SeededRng) -> (Holder, End) {
    let (holder, alice) = (Holder::open(ENOUGH, rng).await, End::open(alice(), rng).await);
    holder.meet(&alice, USER, rng).await;
    (holder, alice)
}

/// What alice sends the holder is opened and kept.
async fn hear(holder: &Holder, envelope: &Envelope, rng: &dyn Rng) {
    let mut peer = holder.peer(USER).await;
    peer.open(&holder.store, envelope, NOW, rng).await.unwrap();
    assert!(matches!(holder.keep(USER, peer).await, Commit::Committed(_)));
}

async fn answer(alice: &End, rng: &dyn Rng) -> Envelope {
    let mut peer = alice.endpoint.peer(&alice.store, USER, &shop(), NOW).await.unwrap();
    let envelope = seal(&mut peer, "an answer", rng);
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
    envelope
}

async fn open(alice: &End, envelope: &Envelope, text: &str, rng: &dyn Rng) {
    let mut peer = alice.endpoint.peer(&alice.store, USER, &shop(), NOW).await.unwrap();
    let received = peer.open(&alice.store, envelope, NOW, rng).await.unwrap();
    assert_eq!(received.content.unwrap(), said(text));
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
}

#[tokio::test]
async fn the_next_message_reads_nothing() {
    let rng = SeededRng::new(1);
    let (holder, alice) = met(&rng).await;
    holder.reads();
    for round in 0..300 {
        let text = format!("question {round}");
        let envelope = holder.say(&text, &rng).await;
        open(&alice, &envelope, &text, &rng).await;
        hear(&holder, &answer(&alice, &rng).await, &rng).await;
        assert_eq!(holder.reads(), 0, "round {round}");
    }
}

#[tokio::test]
async fn a_step_that_was_refused_is_not_held() {
    let rng = SeededRng::new(1);
    let (holder, alice) = met(&rng).await;
    let [mut first, mut second] = [holder.peer(USER).await, holder.peer(USER).await];
    let sealed = seal(&mut first, "one", &rng);
    seal(&mut second, "another under the same keys", &rng);
    assert!(matches!(holder.keep(USER, first).await, Commit::Committed(_)));
    assert!(matches!(holder.keep(USER, second).await, Commit::Conflict(_)));
    open(&alice, &sealed, "one", &rng).await;
    let next = holder.say("two", &rng).await;
    open(&alice, &next, "two", &rng).await;
}

#[tokio::test]
async fn a_step_whose_outcome_nobody_heard_is_not_held() {
    let rng = SeededRng::new(1);
    let (holder, alice) = met(&rng).await;
    let mut peer = holder.peer(USER).await;
    seal(&mut peer, "never sent", &rng);
    let mut batch = Batch::new(USER);
    drop(peer.write(&mut batch));
    let sealed = holder.say("sent", &rng).await;
    open(&alice, &sealed, "sent", &rng).await;
}

#[tokio::test]
async fn what_was_taken_out_before_an_erasure_does_not_come_back() {
    let rng = SeededRng::new(1);
    let (holder, _alice) = met(&rng).await;
    let mut peer = holder.peer(USER).await;
    seal(&mut peer, "under way", &rng);
    let mut batch = Batch::new(USER);
    let kept = peer.write(&mut batch);
    let Commit::Committed(version) = holder.store.commit(batch).await.unwrap() else { panic!("a conflict") };
    holder.store.erase_partition(USER).await.unwrap();
    holder.held.forget(USER);
    kept.committed(version);
    assert_eq!(holder.held.bytes(), 0);
    assert!(holder.peer(USER).await.needs_keys(NOW), "the session is gone");
}

#[tokio::test]
async fn sessions_are_held_up_to_the_bound() {
    const BYTES: usize = 64 * 1024;
    let rng = SeededRng::new(1);
    let (holder, alice) = (Holder::open(BYTES, &rng).await, End::open(alice(), &rng).await);
    let mut most = 0;
    for number in 0..60 {
        holder.meet(&alice, Partition::from_bytes([number; 16]), &rng).await;
        most = most.max(holder.held.bytes());
    }
    assert!((BYTES / 2..=BYTES).contains(&most), "{most} bytes at most");
    // The last that was used is held, the first is not, and is as good.
    holder.reads();
    drop(holder.peer(Partition::from_bytes([59; 16])).await);
    assert_eq!(holder.reads(), 0);
    assert!(!holder.peer(Partition::from_bytes([0; 16])).await.needs_keys(NOW));
    assert_ne!(holder.reads(), 0);
}

#[tokio::test]
async fn what_is_not_used_between_two_looks_is_let_go_of() {
    let rng = SeededRng::new(1);
    let (holder, _alice) = met(&rng).await;
    holder.held.evict_idle();
    holder.say("used", &rng).await;
    holder.held.evict_idle();
    assert_ne!(holder.held.bytes(), 0);
    holder.held.evict_idle();
    assert_eq!(holder.held.bytes(), 0);
}

#[tokio::test]
async fn a_cleared_cache_holds_nothing_and_takes_nothing_back() {
    let rng = SeededRng::new(1);
    let (holder, _alice) = met(&rng).await;
    assert_ne!(holder.held.bytes(), 0);
    holder.held.clear();
    assert_eq!(holder.held.bytes(), 0);
    let mut peer = holder.peer(USER).await;
    seal(&mut peer, "under way", &rng);
    holder.held.clear();
    assert!(matches!(holder.keep(USER, peer).await, Commit::Committed(_)));
    assert_eq!(holder.held.bytes(), 0, "what was taken out before is not put back");
}

/// Two programs on a store: the other has opened what began a session, and this one still holds those that
/// were before. The next message, which begins the same session, is no replay for that.
#[tokio::test]
async fn a_session_that_another_program_has_begun_is_not_taken_for_a_replay() {
    let rng = SeededRng::new(1);
    let (holder, alice) = met(&rng).await;
    let endpoint = Endpoint::open(&holder.store, HOME, shop(), NOW, &rng).await.unwrap();
    let other = Holder { store: Arc::clone(&holder.store), held: SessionCache::new(ENOUGH), endpoint };
    let keys = holder.endpoint.keys_to_publish(&holder.store, 99, 0, NOW, &rng).await.unwrap();
    let bundle = KeyBundle::new(shop().device(), &keys, keys.one_time.first().cloned()).unwrap();
    let mut peer = alice.endpoint.peer(&alice.store, USER, &shop(), NOW).await.unwrap();
    peer.begin(&alice.store, &bundle, NOW, &rng).await.unwrap();
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
    let [first, second] = [answer(&alice, &rng).await, answer(&alice, &rng).await];

    holder.say("hello", &rng).await;
    hear(&other, &first, &rng).await;
    hear(&holder, &second, &rng).await;
    for again in [&first, &second] {
        let opened = holder.peer(USER).await.open(&holder.store, again, NOW, &rng).await;
        assert!(matches!(opened, Err(OpenError::Duplicate)), "{opened:?}");
    }
}

#[tokio::test]
async fn sessions_larger_than_the_cache_are_not_held() {
    let rng = SeededRng::new(1);
    let (holder, alice) = (Holder::open(1024, &rng).await, End::open(alice(), &rng).await);
    holder.meet(&alice, USER, &rng).await;
    assert_eq!(holder.held.bytes(), 0);
    assert!(!holder.peer(USER).await.needs_keys(NOW), "they are in the store");
}

/// What is remembered of a peer's identity is held beside the sessions, with the version of its own row: else
/// the next change of it would meet the one before.
#[tokio::test]
async fn trust_that_is_held_is_changed_again_without_a_conflict() {
    let rng = SeededRng::new(1);
    let (mut holder, before) = met(&rng).await;
    holder.endpoint = holder.endpoint.with_identity_policy(IdentityPolicy::Hold);
    let envelope = holder.say("hello", &rng).await;
    open(&before, &envelope, "hello", &rng).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        let after = End::open(crate::alice(), &rng).await;
        let mut peer = holder.peer(USER).await;
        assert!(peer.begin(&holder.store, &after.bundle(&rng).await, NOW, &rng).await.is_err());
        assert!(matches!(holder.keep(USER, peer).await, Commit::Committed(_)), "each waits for approval");
        others.push(after);
    }
    let mut peer = holder.peer(USER).await;
    assert!(peer.approve(&others[1].endpoint.identity()));
    peer.begin(&holder.store, &others[1].bundle(&rng).await, NOW, &rng).await.unwrap();
    seal(&mut peer, "approved", &rng);
    assert!(matches!(holder.keep(USER, peer).await, Commit::Committed(_)));
    // Nothing is remembered any more; what comes to it next stands alone.
    let mut peer = holder.peer(USER).await;
    assert!(peer.begin(&holder.store, &before.bundle(&rng).await, NOW, &rng).await.is_err());
    assert!(matches!(holder.keep(USER, peer).await, Commit::Committed(_)));
}
