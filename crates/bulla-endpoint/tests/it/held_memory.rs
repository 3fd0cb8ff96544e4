//! What a session takes of memory that is held between messages.

use bulla_base::{Partition, SeededRng};
use bulla_endpoint::{Endpoint, SessionCache};
use bulla_envelope::Envelope;
use bulla_store::{Batch, Commit, CopyingStore, MemoryStore, Store};

use crate::{End, HOME, NOW, alice, seal, shop};

const ENOUGH: usize = 1 << 24;

/// A shop that holds its sessions, and shares no memory with its store.
struct Holder {
    store: CopyingStore<MemoryStore>,
    held: SessionCache,
    endpoint: Endpoint,
    /// Each with a partition of its own.
    users: Vec<End>,
}

impl Holder {
    async fn meet(users: u8, rng: &SeededRng) -> Self {
        let (store, held) = (CopyingStore::new(MemoryStore::new()), SessionCache::new(ENOUGH));
        let endpoint = Endpoint::open(&store, HOME, shop(), NOW, rng).await.unwrap();
        let mut holder =
            Self { endpoint: endpoint.with_session_cache(held.clone()), held, store, users: Vec::new() };
        for number in 0..users {
            let user = End::open(alice(), rng).await;
            let of = Partition::from_bytes([number; 16]);
            let mut peer = holder.endpoint.peer(&holder.store, of, &alice(), NOW).await.unwrap();
            peer.begin(&holder.store, &user.bundle(rng).await, NOW, rng).await.unwrap();
            holder.keep(of, peer).await;
            holder.users.push(user);
        }
        holder
    }

    async fn keep(&self, of: Partition, peer: bulla_endpoint::Peer<'_>) {
        let mut batch = Batch::new(of);
        let kept = peer.write(&mut batch);
        let Commit::Committed(version) = self.store.commit(batch).await.unwrap() else {
            panic!("a conflict")
        };
        kept.committed(version);
    }

    /// Everybody is written to, and answers.
    async fn talk(&self, rng: &SeededRng) {
        for (number, user) in self.users.iter().enumerate() {
            let of = Partition::from_bytes([u8::try_from(number).unwrap(); 16]);
            let mut peer = self.endpoint.peer(&self.store, of, &alice(), NOW).await.unwrap();
            let question = seal(&mut peer, "a question", rng);
            self.keep(of, peer).await;
            let answer = answer(user, &question, rng).await;
            let mut peer = self.endpoint.peer(&self.store, of, &alice(), NOW).await.unwrap();
            peer.open(&self.store, &answer, NOW, rng).await.unwrap();
            self.keep(of, peer).await;
        }
    }

    /// How many bytes each session takes, and how many are counted for it. None is held afterwards.
    fn let_go(&self) -> [usize; 2] {
        let counted = self.held.bytes() / self.users.len();
        let freed = allocation_counter::measure(|| (0..2).for_each(|_| self.held.evict_idle()));
        assert_eq!(self.held.bytes(), 0);
        [usize::try_from(-freed.bytes_current).unwrap() / self.users.len(), counted]
    }
}

async fn answer(user: &End, question: &Envelope, rng: &SeededRng) -> Envelope {
    let mut peer = user.endpoint.peer(&user.store, crate::USER, &shop(), NOW).await.unwrap();
    peer.open(&user.store, question, NOW, rng).await.unwrap();
    assert!(matches!(user.keep(peer).await, Commit::Committed(_)));
    let mut peer = user.endpoint.peer(&user.store, crate::USER, &shop(), NOW).await.unwrap();
    let answer = seal(&mut peer, "an answer", rng);
    assert!(matches!(user.keep(peer).await, Commit::Committed(_)));
    answer
}

/// What the documentation says a session takes.
const MOST: usize = 8 * 1024;

#[tokio::test]
async fn a_held_session_takes_as_much_as_is_said_and_no_more_than_is_counted() {
    let rng = SeededRng::new(1);
    let holder = Holder::meet(32, &rng).await;
    let mut most = 0;
    // Which parts a session has changes with every message.
    for round in 0..40 {
        let [taken, counted] = holder.let_go();
        eprintln!(
            "after {round} messages each way a held session takes {taken} bytes, and {counted} are counted"
        );
        assert!(taken <= counted, "{taken} bytes, {counted} counted");
        most = most.max(taken);
        holder.talk(&rng).await;
    }
    assert!(most <= MOST, "{most} bytes");
}
